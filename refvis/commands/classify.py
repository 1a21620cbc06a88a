"""``refvis classify``: the most probable classes."""

from pathlib import Path
from typing import Annotated

import typer

from refvis.commands.options import DEFAULT_MODEL, Mean, Model, Size, loaded, print_classes
from refvis.text.escape import printable


def classify(
    images: Annotated[list[Path], typer.Argument(help="One or more images.")],
    model: Model = DEFAULT_MODEL,
    size: Size = None,
    mean: Mean = None,
    top: Annotated[int, typer.Option(min=1, help="How many classes to print.")] = 5,
) -> None:
    """Print the most probable classes of each image."""
    net = loaded(model, size, mean)
    for path in images:
        if len(images) > 1:
            typer.echo(f"{printable(path.name)}:")
        print_classes(tuple(net.classify(path, top)))
