"""``refvis occlusion``: a heatmap by covering parts of the image, as a file."""

from pathlib import Path
from typing import Annotated, Any

import typer

from refvis.commands.notes import exit_interrupted
from refvis.commands.options import (
    DEFAULT_MODEL,
    Crop,
    Image,
    Mean,
    Model,
    NetworkName,
    ScaleInput,
    Scene,
    Std,
    load_network,
    load_subject,
    parse_size,
)
from refvis.commands.outputs import check_output
from refvis.commands.reconstructions import Seed
from refvis.commands.units import (
    Against,
    At,
    ChannelOption,
    Position,
    parse_against,
    parse_channel,
    parse_position,
    subject_line,
)
from refvis.interruptions import suppress_interruption_warnings
from refvis.layers import Array
from refvis.text.terminal import escape_controls

InputSize = Annotated[str | None, typer.Option(help="Input size HxW. Default: the size stored in the model.")]
BoxSize = Annotated[
    str | None, typer.Option(help="Size of the box in pixels, N or HxW. Default: a fifth of the shorter side.")
]
Stride = Annotated[
    str | None, typer.Option(help="Step of the box in pixels, N or DOWNxRIGHT. Default: a third of the box.")
]
Fill = Annotated[
    str,
    typer.Option(
        help="Fill of the box: mean, gray, random, normal, shuffle, blur, or a colour (a number, or one per channel, "
        "1,2,3)."
    ),
]
Measure = Annotated[str, typer.Option(help="Measure of the change: difference, absolute, euclidean or spectral.")]
Draws = Annotated[int, typer.Option(min=1, help="Number of fills of each box, if the fill is random.")]
Out = Annotated[
    Path, typer.Option("--out", "-o", help="File to write: .png (the map over the image) or .h5 (values, map, record).")
]


def occlusion(
    image: Image = None,
    model: Model = DEFAULT_MODEL,
    input_size: InputSize = None,
    mean: Mean = None,
    std: Std = None,
    scale_input: ScaleInput = None,
    crop: Crop = False,
    network: NetworkName = None,
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
    """Cover each place of the image with a box, and map the fall of the score. Ctrl-C writes the part done so far."""
    import refvis

    check_output(out)
    boxes = (_pixels(size, "--size"), _pixels(stride, "--stride"))
    if input_size is not None:
        parse_size(input_size, "--input-size")
    subject = load_subject(image, scene)
    net = load_network(
        model, input_size, mean, "--input-size", std=std, scale_input=scale_input, network=network, crop=crop
    )
    x = net.preprocess(subject.image)
    with suppress_interruption_warnings():
        heatmap = refvis.occlusion(
            net,
            x,
            *_with_defaults(boxes, x),
            _parse_fill(fill),
            at,
            parse_channel(net, channel, at),
            seed,
            progress=True,
            measure=measure,
            draws=draws,
            position=parse_position(position),
            against=parse_against(net, against, at),
        )
    heatmap.save(out)
    explained = heatmap.record.parameters
    typer.echo(subject_line(net, subject.name, explained["at"], explained["channel"]))
    typer.echo(f"heatmap: {escape_controls(str(out))}")
    if heatmap.covered is not None:
        share = f"{100 * heatmap.covered.mean():.0f} % of the pixels"
        exit_interrupted(f"the map is of {heatmap.partial}, which cover {share}")


def _pixels(text: str | None, option: str) -> tuple[int, ...] | None:
    return None if text is None else parse_size(text, option, (1, 2))


def _with_defaults(boxes: tuple[Any, Any], x: Array) -> tuple[Any, Any]:
    """Return size and stride; a missing size comes from the input's shorter side, a missing stride from the box."""
    size, stride = boxes
    size = max(1, min(x.shape[1:3]) // 5) if size is None else size
    shorter = size if isinstance(size, int) else min(size)
    return size, max(1, shorter // 3) if stride is None else stride


def _parse_fill(fill: str) -> Any:
    """Return the numbers of a colour, or else the fill's name."""
    try:
        return [float(part) for part in fill.split(",")]
    except ValueError:
        return fill
