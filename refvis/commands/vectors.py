"""``refvis vectors``: cases with their right results, as files."""

from pathlib import Path
from typing import Annotated

import typer

from refvis.commands.options import Mean, NetworkName, ScaleInput, Size, Std, load_network

ModelArgument = Annotated[str | None, typer.Argument(help="A model, or the name of a bundled network.")]
ImageArgument = Annotated[Path | None, typer.Argument(help="An image file. Default: a generated scene.")]
Modes = Annotated[list[str] | None, typer.Option("--mode", help="A mode whose signals are written; may be repeated.")]
Out = Annotated[Path, typer.Option(help="With a MODEL, a .h5 or .npz file; without, a folder for JSON files.")]
Kinds = Annotated[list[str] | None, typer.Option("--kind", help="Without a MODEL: what to write. Default: all.")]


def vectors(
    model: ModelArgument = None,
    image: ImageArgument = None,
    mode: Modes = None,
    out: Out = Path("vectors"),
    kind: Kinds = None,
    size: Size = None,
    mean: Mean = None,
    std: Std = None,
    scale_input: ScaleInput = None,
    network: NetworkName = None,
) -> None:
    """Write cases with their right results: of all kinds as JSON, or of a network for an image as one file.

    Without a MODEL: one JSON file for each operator, rule and method, with every answer that is known. With one:
    inputs, parameters, every variable, and each mode's signals, for 'refvis verify theirs.h5 --against case.h5'.
    """
    if model is None:
        from refvis.verify.vectors.writing import write_vectors

        for path in write_vectors(out, kind):
            typer.echo(path)
        return
    from refvis import scenes
    from refvis.backpropagation.rules import find_mode
    from refvis.verify.vectors.case_file import network_case, write_case

    names = mode or ["gradient"]
    for name in names:
        find_mode(name)
    net = load_network(model, size, mean, std=std, scale_input=scale_input, network=network)
    x = net.preprocess(scenes.scene(7).image if image is None else image)
    write_case(out, network_case(net, x, names))
    typer.echo(out)
