"""``refvis deconvolution``: a heatmap by backpropagation, as a file."""

from pathlib import Path
from typing import Annotated

import typer

from refvis.commands.options import (
    DEFAULT_MODEL,
    Crop,
    Image,
    Mean,
    Model,
    NetworkName,
    ScaleInput,
    Scene,
    Size,
    Std,
    load_network,
    load_subject,
)
from refvis.commands.outputs import check_output
from refvis.commands.units import (
    Against,
    At,
    ChannelOption,
    Position,
    note_negative_value,
    parse_against,
    parse_channel,
    parse_position,
    value_line,
)
from refvis.text.terminal import escape_controls

Mode = Annotated[str, typer.Option(help="Mode of backpropagation; 'refvis modes' lists the names.")]
Seed = Annotated[
    str | None, typer.Option(help="Seed signal at the top: 'one' or 'activation'. Default: the mode's own.")
]


def deconvolution(
    image: Image = None,
    model: Model = DEFAULT_MODEL,
    size: Size = None,
    mean: Mean = None,
    std: Std = None,
    scale_input: ScaleInput = None,
    crop: Crop = False,
    network: NetworkName = None,
    scene: Scene = None,
    mode: Mode = "guided",
    at: At = None,
    channel: ChannelOption = None,
    position: Position = None,
    against: Against = None,
    seed: Seed = None,
    out: Annotated[
        Path,
        typer.Option("--out", "-o", help="File to write: .png (the map over the image) or .h5 (values, map, record)."),
    ] = Path("deconvolution.png"),
) -> None:
    """Backpropagate a signal or relevance from a channel to the image, and write the heatmap."""
    import refvis
    from refvis.backpropagation.rules import find_mode

    check_output(out)
    find_mode(mode)
    subject = load_subject(image, scene)
    net = load_network(model, size, mean, std=std, scale_input=scale_input, network=network, crop=crop)
    heatmap = refvis.deconvolution(
        net,
        net.preprocess(subject.image),
        mode,
        at,
        parse_channel(net, channel, at),
        seed,
        position=parse_position(position),
        against=parse_against(net, against, at),
    )
    heatmap.save(out)
    typer.echo(value_line(subject.name, heatmap))
    typer.echo(f"heatmap: {escape_controls(str(out))}")
    note_negative_value(float(heatmap.measures["score"][0]), mode)
