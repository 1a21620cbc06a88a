"""``refvis deconvolution``: one heatmap as a file."""

from pathlib import Path
from typing import Annotated

import typer

from refvis.commands.options import DEFAULT_MODEL, Image, Mean, Model, Scene, Size, loaded, subject
from refvis.commands.units import Against, At, ChannelOption, Position, chosen, note_of_sign, opposed, placed, told
from refvis.text.terminal import escape_controls

Mode = Annotated[str, typer.Option(help="What walks back; 'refvis modes' lists the names.")]
Seed = Annotated[str | None, typer.Option(help="What starts: 'one' or 'activation'; the mode's own, if left out.")]


def deconvolution(
    image: Image = None,
    model: Model = DEFAULT_MODEL,
    size: Size = None,
    mean: Mean = None,
    scene: Scene = None,
    mode: Mode = "guided",
    at: At = None,
    channel: ChannelOption = None,
    position: Position = None,
    against: Against = None,
    seed: Seed = None,
    out: Annotated[
        Path, typer.Option("--out", "-o", help="A .png (over the image) or an .h5 file (values, map, record).")
    ] = Path("deconvolution.png"),
) -> None:
    """Walk back from a channel to the image, and write the heatmap."""
    import refvis
    from refvis.backpropagation.rules import find_mode

    find_mode(mode)
    seen = subject(image, scene)
    net = loaded(model, size, mean)
    found = refvis.deconvolution(
        net,
        net.preprocess(seen.image),
        mode,
        at,
        chosen(net, channel, at),
        seed,
        position=placed(position),
        against=opposed(net, against, at),
    )
    found.save(out)
    typer.echo(told(seen.name, found))
    typer.echo(f"heatmap: {escape_controls(str(out))}")
    note_of_sign(float(found.measures["score"][0]), mode)
