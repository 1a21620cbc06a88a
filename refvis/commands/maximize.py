"""``refvis maximize``: images that excite a channel, a class, or every channel of a layer."""

from pathlib import Path
from typing import Annotated

import typer

from refvis.commands.options import DEFAULT_MODEL, Mean, Model, Size, loaded
from refvis.commands.reconstructions import Checkpoint, Seed, Starts, announced, written_as
from refvis.commands.units import One, Position, channel_number, placed
from refvis.files import write_bytes
from refvis.interruptions import told_elsewhere
from refvis.text.escape import printable

Layer = Annotated[str | None, typer.Option("--at", "--layer", help="Layer or variable; the scores, if left out.")]
Class = Annotated[str | None, typer.Option("--class", help="A class by its name: its channel of the scores.")]
Every = Annotated[bool, typer.Option("--all", help="Every channel of the layer: one sheet, row by row.")]
Recipe = Annotated[str, typer.Option(help="erhan2009, simonyan2014, yosinski2015, mahendran2016 or olah2017.")]
Out = Annotated[Path, typer.Option("--out", "-o", help="A .png, or an .h5 file (images, history, measures, record).")]


def maximize(
    model: Model = DEFAULT_MODEL,
    size: Size = None,
    mean: Mean = None,
    at: Layer = None,
    channel: One = None,
    named: Class = None,
    every: Every = False,
    position: Position = None,
    recipe: Recipe = "olah2017",
    steps: Annotated[int | None, typer.Option(min=0, help="Steps; the recipe's own, if left out.")] = None,
    starts: Starts = 1,
    seed: Seed = 0,
    checkpoint: Checkpoint = None,
    out: Out = Path("maximized.png"),
) -> None:
    """Find images that excite a channel, a class, or every channel. Ctrl-C writes the best ones so far."""
    import refvis
    from refvis.input_reconstruction.image.sheet import across, pictures, sheet
    from refvis.results import png

    if [channel is not None, named is not None, every].count(True) != 1:
        raise ValueError("give one of --channel K, --class NAME and --all")
    if named is not None and at is not None:
        raise ValueError("--class is of the scores: leave --layer out, or give the layer's --channel")
    suffix = written_as(out)
    net = loaded(model, size, mean)
    given = channel if named is None else named
    unit = None if given is None else channel_number(net, given, at)
    run = {"steps": steps, "starts": starts, "seed": seed, "checkpoint": checkpoint, "progress": True}
    with told_elsewhere():
        found = refvis.activation_maximization(net, at, unit, recipe, position=placed(position), **run)  # type: ignore[arg-type]
    if suffix == ".png":
        write_bytes(out, png(sheet(pictures(net, found.x))))
    else:
        found.save(out)
    channels = range(len(found.x)) if unit is None else [unit]
    for one, value in zip(channels, found.measures["activation"], strict=True):
        name = net.label(one) if at is None else f"{at}, channel {one}"
        typer.echo(printable(f"{name}: {float(value):.4g}"))
    if suffix == ".png" and len(found.x) > 1:
        typer.echo(f"sheet: in this order, row by row from the top left, {across(len(found.x))} in a row")
    announced(found, out)
