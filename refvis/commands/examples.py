"""``refvis examples``: the patches that excite a channel most, from a folder of images, as one sheet."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from refvis.commands.notes import exit_interrupted, note
from refvis.commands.options import DEFAULT_MODEL, Crop, Mean, Model, NetworkName, ScaleInput, Size, Std, load_network
from refvis.commands.outputs import check_output
from refvis.commands.units import One, parse_channel_number
from refvis.interruptions import suppress_interruption_warnings
from refvis.layers import Array
from refvis.text.terminal import escape_controls

Folder = Annotated[Path | None, typer.Argument(help="A folder of images. Default: generated scenes.")]
Layer = Annotated[str | None, typer.Option("--at", "--layer", help="Layer or variable. Default: the scores.")]
Every = Annotated[bool, typer.Option("--all", help="Every channel of the layer.")]
Sheet = Annotated[
    Path,
    typer.Option("--out", "-o", help="File to write: .png (the sheet) or .h5 (patches, scores, positions, record)."),
]


def examples(
    folder: Folder = None,
    model: Model = DEFAULT_MODEL,
    size: Size = None,
    mean: Mean = None,
    std: Std = None,
    scale_input: ScaleInput = None,
    crop: Crop = False,
    network: NetworkName = None,
    at: Layer = None,
    channel: One = None,
    every: Every = False,
    top: Annotated[int, typer.Option(min=1, help="Number of patches for each channel.")] = 9,
    mode: Annotated[str, typer.Option(help="Mode of backpropagation; 'refvis modes' lists the names.")] = "deconvnet",
    scenes: Annotated[int, typer.Option(min=1, help="Number of scenes, if no FOLDER is given.")] = 500,
    out: Sheet = Path("examples.png"),
) -> None:
    """Find the images that excite a channel most, and write the patches that it sees as one sheet."""
    import refvis

    if folder is not None and not folder.is_dir():
        raise NotADirectoryError(f"{str(folder)!r} is not a folder: give a folder of images")
    if every == (channel is not None):
        raise ValueError("give one channel with --channel, or --all for every channel of the layer")
    check_output(out)
    net = load_network(model, size, mean, std=std, scale_input=scale_input, network=network, crop=crop)
    unit = None if channel is None else parse_channel_number(net, channel, at)
    images = _scenes(scenes) if folder is None else folder
    with suppress_interruption_warnings():
        patches = refvis.examples(net, images, at, unit, top, mode=mode, progress=True)
    patches.save(out)
    for name, reason in patches.skipped.items():
        note(f"skipped {name}: {reason}")
    if patches.masks:
        note(f"skipped {patches.masks} masks (NAME-mask.png beside NAME.png)")
    listed = 1 if every else None
    for title, scores, names in zip(patches.titles, patches.scores, patches.names, strict=True):
        for score, name in list(zip(scores, names, strict=True))[:listed]:
            typer.echo(escape_controls(f"{title}: {score:.4g} in {name}"))
    typer.echo(f"sheet: {escape_controls(str(out))}")
    if patches.partial:
        exit_interrupted(f"these are the strongest of {patches.seen} images")


def _scenes(count: int) -> Mapping[str, Array]:
    """Return `count` held-out scenes by name."""
    from refvis.scenes import scene

    generated = (scene(seed) for seed in range(count))
    return {f"scene {one.seed} ({one.name})": one.image for one in generated}
