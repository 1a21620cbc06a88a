"""``refvis classify``: the most probable classes of images."""

from pathlib import Path
from typing import Annotated

import typer

from refvis.commands.options import (
    DEFAULT_MODEL,
    Crop,
    Mean,
    Model,
    NetworkName,
    ScaleInput,
    Size,
    Std,
    load_network,
    print_classes,
    print_no_classes,
)
from refvis.network import NoClassesError
from refvis.text.terminal import escape_controls


def classify(
    images: Annotated[list[Path], typer.Argument(help="One or more image files.")],
    model: Model = DEFAULT_MODEL,
    size: Size = None,
    mean: Mean = None,
    std: Std = None,
    scale_input: ScaleInput = None,
    crop: Crop = False,
    network: NetworkName = None,
    top: Annotated[int, typer.Option(min=1, help="Number of classes to print.")] = 5,
    at: Annotated[
        str | None, typer.Option(help="Layer or variable with the scores. Default: the network's own.")
    ] = None,
) -> None:
    """Print the most probable classes of each image."""
    net = load_network(model, size, mean, std=std, scale_input=scale_input, network=network, crop=crop)
    for path in images:
        if len(images) > 1:
            typer.echo(f"{escape_controls(path.name)}:")
        try:
            print_classes(tuple(net.classify(path, top, at=at)))
        except NoClassesError as error:
            print_no_classes(error.reason)
