"""``refvis explain``: one page with a picture per method."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from refvis.commands.notes import note
from refvis.commands.options import DEFAULT_MODEL, Image, Mean, Model, Scene, Size, loaded, print_classes, subject
from refvis.commands.units import channel_number
from refvis.results import Reconstruction
from refvis.text.escape import printable

if TYPE_CHECKING:
    from refvis.report.explain import Row

Channel = Annotated[
    str | None, typer.Option("--channel", help="What to explain: a class, or its number from 0; else the strongest.")
]
Maximize = Annotated[
    bool | None,
    typer.Option(
        "--maximize/--no-maximize", help="Images that maximise the score and channels; else where it takes seconds."
    ),
]


def explain(
    image: Image = None,
    model: Model = DEFAULT_MODEL,
    size: Size = None,
    mean: Mean = None,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the page and the arrays.")] = Path(
        "refvis-report"
    ),
    scene: Scene = None,
    channel: Channel = None,
    steps: Annotated[int, typer.Option(min=1, help="Steps of each inversion.")] = 200,
    seed: Annotated[int, typer.Option(min=0, help="Seed of all that is random.")] = 0,
    maximize: Maximize = None,
) -> None:
    """Explain what the network sees in an image: one page with a picture per method, and the arrays behind it."""
    from refvis import report

    if out.exists() and not out.is_dir():
        raise NotADirectoryError(f"{out} is a file, expected a folder: choose another --out")
    seen = subject(image, scene)
    net = loaded(model, size, mean)
    unit = None if channel is None else channel_number(net, channel, None)
    fits = seen.mask is not None and net.input_size in (None, seen.mask.shape)
    mask = seen.mask if fits else None
    explained = report.explain(net, seen.image, seen.name, mask, steps, seed, True, unit, maximize)
    out.mkdir(parents=True, exist_ok=True)
    report.write_arrays(explained, out / "explanation.h5")
    report.write_page(explained, out / "explanation.html")
    print_classes(explained.classes)
    _noted(explained.rows)
    typer.echo(f"page:   {printable(str(out / 'explanation.html'))}")
    typer.echo(f"arrays: {printable(str(out / 'explanation.h5'))}")


def _noted(rows: "Iterable[Row]") -> None:
    """Print what failed, and what is left out, as the page says."""
    for row in rows:
        for card in row.cards:
            if isinstance(card.found, Reconstruction) and card.found.failed:
                note(f"{card.title} failed: it ended far from the code; more --steps or another --seed may help")
        for text in row.left_out:
            note(text)
