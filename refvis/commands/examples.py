"""``refvis examples``: the strongest patches of a folder of images, as one sheet."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from refvis.commands.notes import ended_early, note
from refvis.commands.options import DEFAULT_MODEL, Mean, Model, Size, loaded
from refvis.commands.units import One, channel_number
from refvis.interruptions import told_elsewhere
from refvis.layers import Array
from refvis.text.escape import printable

Folder = Annotated[Path | None, typer.Argument(help="A folder of images; without one, generated scenes.")]
Layer = Annotated[str | None, typer.Option("--at", "--layer", help="Layer or variable; the scores, if left out.")]
Every = Annotated[bool, typer.Option("--all", help="Every channel of the layer.")]
Sheet = Annotated[
    Path, typer.Option("--out", "-o", help="A .png (the sheet) or an .h5 file (patches, scores, positions, record).")
]


def examples(
    folder: Folder = None,
    model: Model = DEFAULT_MODEL,
    size: Size = None,
    mean: Mean = None,
    at: Layer = None,
    channel: One = None,
    every: Every = False,
    top: Annotated[int, typer.Option(min=1, help="How many patches of each channel.")] = 9,
    mode: Annotated[str, typer.Option(help="What walks back; 'refvis modes' lists the names.")] = "deconvnet",
    scenes: Annotated[int, typer.Option(min=1, help="How many scenes, if no FOLDER is given.")] = 500,
    out: Sheet = Path("examples.png"),
) -> None:
    """Find the images in which a channel is strongest, cut out what it sees, and write all as one sheet."""
    import refvis

    if folder is not None and not folder.is_dir():
        raise NotADirectoryError(f"{str(folder)!r} is no folder: give a folder of images")
    if every == (channel is not None):
        raise ValueError("give one channel with --channel, or --all for every channel of the layer")
    net = loaded(model, size, mean)
    unit = None if channel is None else channel_number(net, channel, at)
    images = _scenes(scenes) if folder is None else folder
    with told_elsewhere():
        found = refvis.examples(net, images, at, unit, top, mode=mode, progress=True)
    found.save(out)
    for name, reason in found.skipped.items():
        note(f"skipped {name}: {reason}")
    if found.masks:
        note(f"left out {found.masks} masks (NAME-mask.png beside NAME.png)")
    shown = 1 if every else None
    for title, scores, names in zip(found.titles, found.scores, found.names, strict=True):
        for score, name in list(zip(scores, names, strict=True))[:shown]:
            typer.echo(printable(f"{title}: {score:.4g} in {name}"))
    typer.echo(f"sheet: {printable(str(out))}")
    if found.partial:
        ended_early(f"these are the strongest of {found.seen} images")


def _scenes(count: int) -> Mapping[str, Array]:
    """Return so many held-out scenes by name."""
    from refvis.scenes import scene

    made = (scene(seed) for seed in range(count))
    return {f"scene {one.seed} ({one.name})": one.image for one in made}
