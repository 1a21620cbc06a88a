"""``refvis explain``: one page with a picture for each method."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from refvis.commands.notes import note
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
    print_classes,
    print_no_classes,
)
from refvis.commands.units import At, parse_channel_number
from refvis.results import Reconstruction
from refvis.text.terminal import escape_controls
from refvis.weights.whole_files import require_writable_folder

if TYPE_CHECKING:
    from refvis.report.explain import Row

Channel = Annotated[
    str | None,
    typer.Option("--channel", help="Class to explain, by name or by number from 0. Default: the strongest."),
]
Maximize = Annotated[
    bool | None,
    typer.Option(
        "--maximize/--no-maximize", help="Also make maximising images. Default: only if that takes a few seconds."
    ),
]


def explain(
    image: Image = None,
    model: Model = DEFAULT_MODEL,
    size: Size = None,
    mean: Mean = None,
    std: Std = None,
    scale_input: ScaleInput = None,
    crop: Crop = False,
    network: NetworkName = None,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the page and the arrays.")] = Path(
        "refvis-report"
    ),
    scene: Scene = None,
    channel: Channel = None,
    steps: Annotated[int, typer.Option(min=1, help="Steps of each inversion.")] = 200,
    seed: Annotated[int, typer.Option(min=0, help="Seed of all random numbers.")] = 0,
    maximize: Maximize = None,
    at: At = None,
) -> None:
    """Explain the network's score for an image: write a page with a picture for each method, and its arrays."""
    from refvis import report

    require_writable_folder(out)
    subject = load_subject(image, scene)
    net = load_network(model, size, mean, std=std, scale_input=scale_input, network=network, crop=crop)
    unit = None if channel is None else parse_channel_number(net, channel, at)
    fits = subject.mask is not None and net.input_size in (None, subject.mask.shape)
    mask = subject.mask if fits else None
    explanation = report.explain(net, subject.image, subject.name, mask, steps, seed, True, unit, maximize, at=at)
    out.mkdir(parents=True, exist_ok=True)
    report.write_arrays(explanation, out / "explanation.h5")
    report.write_page(explanation, out / "explanation.html")
    print_classes(explanation.classes)
    if explanation.lacks_classes:
        print_no_classes(explanation.lacks_classes)
    _note_failures(explanation.rows)
    typer.echo(f"page:   {escape_controls(str(out / 'explanation.html'))}")
    typer.echo(f"arrays: {escape_controls(str(out / 'explanation.h5'))}")


def _note_failures(rows: "Iterable[Row]") -> None:
    """Note the searches that failed, and the methods that the page left out."""
    for row in rows:
        for card in row.cards:
            if isinstance(card.result, Reconstruction) and card.result.failed:
                note(f"{card.title} failed: it ended far from the code; more --steps or another --seed may help")
        for text in row.left_out:
            note(text)
