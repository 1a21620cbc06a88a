"""``refvis maximize``: images that excite a channel, a class, or every channel of a layer."""

from pathlib import Path
from typing import Annotated

import typer

from refvis.commands.options import DEFAULT_MODEL, Mean, Model, NetworkName, ScaleInput, Size, Std, load_network
from refvis.commands.outputs import check_output
from refvis.commands.reconstructions import Checkpoint, Seed, Starts, print_image_path
from refvis.commands.units import One, Position, parse_channel_number, parse_position
from refvis.interruptions import suppress_interruption_warnings
from refvis.text.terminal import escape_controls
from refvis.weights.whole_files import write_bytes

Layer = Annotated[str | None, typer.Option("--at", "--layer", help="Layer or variable. Default: the scores.")]
Class = Annotated[str | None, typer.Option("--class", help="A class, by its name.")]
Every = Annotated[bool, typer.Option("--all", help="Every channel of the layer, as one sheet.")]
Recipe = Annotated[str, typer.Option(help="Recipe: erhan2009, simonyan2014, yosinski2015, mahendran2016 or olah2017.")]
Out = Annotated[
    Path, typer.Option("--out", "-o", help="File to write: .png or .h5 (images, history, measures, record).")
]


def maximize(
    model: Model = DEFAULT_MODEL,
    size: Size = None,
    mean: Mean = None,
    std: Std = None,
    scale_input: ScaleInput = None,
    network: NetworkName = None,
    at: Layer = None,
    channel: One = None,
    named: Class = None,
    every: Every = False,
    position: Position = None,
    recipe: Recipe = "olah2017",
    steps: Annotated[int | None, typer.Option(min=0, help="Iterations. Default: the recipe's own.")] = None,
    starts: Starts = 1,
    seed: Seed = 0,
    checkpoint: Checkpoint = None,
    out: Out = Path("maximized.png"),
) -> None:
    """Find images that excite a channel, a class, or every channel. Ctrl-C writes the best images so far."""
    import refvis
    from refvis.input_reconstruction.image.sheet import pictures, sheet, sheet_columns
    from refvis.results import png

    if [channel is not None, named is not None, every].count(True) != 1:
        raise ValueError("give one of --channel K, --class NAME and --all")
    if named is not None and at is not None:
        raise ValueError("--class is of the scores: omit --layer, or give a --channel of that layer")
    suffix = check_output(out)
    net = load_network(model, size, mean, std=std, scale_input=scale_input, network=network)
    text = channel if named is None else named
    unit = None if text is None else parse_channel_number(net, text, at)
    run = {"steps": steps, "starts": starts, "seed": seed, "checkpoint": checkpoint, "progress": True}
    with suppress_interruption_warnings():
        maximized = refvis.activation_maximization(net, at, unit, recipe, position=parse_position(position), **run)  # type: ignore[arg-type]
    if suffix == ".png":
        write_bytes(out, png(sheet(pictures(net, maximized.x))))
    else:
        maximized.save(out)
    channels = range(len(maximized.x)) if unit is None else [unit]
    for one, value in zip(channels, maximized.measures["activation"], strict=True):
        name = net.channel_name(maximized.record.parameters["at"], one)
        typer.echo(escape_controls(f"{name}: {float(value):.4g}"))
    if suffix == ".png" and len(maximized.x) > 1:
        typer.echo(f"sheet: in this order, row by row from the top left, {sheet_columns(len(maximized.x))} in a row")
    print_image_path(maximized, out)
