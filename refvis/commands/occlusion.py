"""``refvis occlusion``: one heatmap as a file."""

from pathlib import Path
from typing import Annotated, Any

import typer

from refvis.commands.notes import ended_early
from refvis.commands.options import DEFAULT_MODEL, Image, Mean, Model, Scene, loaded, numbers, subject
from refvis.commands.units import Against, At, ChannelOption, Position, chosen, opposed, placed, what
from refvis.interruptions import told_elsewhere
from refvis.layers import Array
from refvis.text.escape import printable

InputSize = Annotated[str | None, typer.Option(help="Input size HxW, where the model does not say it (or another).")]
BoxSize = Annotated[str | None, typer.Option(help="Size of the box in pixels, N or HxW; a fifth of the shorter side.")]
Stride = Annotated[str | None, typer.Option(help="Its steps in pixels, N or DOWNxRIGHT; a third of the box.")]
Fill = Annotated[
    str,
    typer.Option(help="mean, gray, random, normal, shuffle, blur, or a colour: a number, or one per channel, 1,2,3."),
]
Measure = Annotated[str, typer.Option(help="difference, absolute, euclidean or spectral.")]
Draws = Annotated[int, typer.Option(min=1, help="How often each box is filled anew, where the fill is random.")]
Seed = Annotated[int, typer.Option(min=0, help="Seed of all that is random.")]
Out = Annotated[Path, typer.Option("--out", "-o", help="A .png (over the image) or an .h5 file (values, map, record).")]


def occlusion(
    image: Image = None,
    model: Model = DEFAULT_MODEL,
    input_size: InputSize = None,
    mean: Mean = None,
    scene: Scene = None,
    size: BoxSize = None,
    stride: Stride = None,
    fill: Fill = "random",
    at: At = None,
    channel: ChannelOption = None,
    position: Position = None,
    against: Against = None,
    measure: Measure = "difference",
    draws: Draws = 1,
    seed: Seed = 0,
    out: Out = Path("occlusion.png"),
) -> None:
    """Cover each place with a box, and write how much the score falls. Ctrl-C writes what was done so far."""
    import refvis

    if out.suffix.lower() not in (".png", ".h5"):
        raise ValueError(f"cannot write {str(out)!r}: expected a name that ends in .png or .h5")
    boxes = (_pixels(size, "--size"), _pixels(stride, "--stride"))
    if input_size is not None:
        numbers(input_size, "--input-size")
    seen = subject(image, scene)
    net = loaded(model, input_size, mean, "--input-size")
    x = net.preprocess(seen.image)
    with told_elsewhere():
        found = refvis.occlusion(
            net,
            x,
            *_completed(boxes, x),
            _colour(fill),
            at,
            chosen(net, channel, at),
            seed,
            progress=True,
            measure=measure,
            draws=draws,
            position=placed(position),
            against=opposed(net, against, at),
        )
    found.save(out)
    typer.echo(what(net, seen.name, at, found.record.parameters["channel"]))
    typer.echo(f"heatmap: {printable(str(out))}")
    if found.covered is not None:
        share = f"{100 * found.covered.mean():.0f} % of the pixels"
        ended_early(f"the map is of {found.partial}, which cover {share}")


def _pixels(text: str | None, option: str) -> tuple[int, ...] | None:
    return None if text is None else numbers(text, option, (1, 2))


def _completed(boxes: tuple[Any, Any], x: Array) -> tuple[Any, Any]:
    """Return size and stride; what is None comes from the input's shorter side, or from the box."""
    size, stride = boxes
    size = max(1, min(x.shape[1:3]) // 5) if size is None else size
    shorter = size if isinstance(size, int) else min(size)
    return size, max(1, shorter // 3) if stride is None else stride


def _colour(fill: str) -> Any:
    """Return a fill's name, or the numbers that were given for it."""
    try:
        return [float(part) for part in fill.split(",")]
    except ValueError:
        return fill
