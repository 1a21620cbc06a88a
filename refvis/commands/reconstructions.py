"""What the commands that look for images share: options, and how their ends are told."""

from pathlib import Path
from typing import Annotated

import typer

from refvis.commands.notes import ended_early
from refvis.results import Reconstruction
from refvis.text.escape import printable

Starts = Annotated[int, typer.Option(min=1, help="How many starts, in one batch; the best is kept.")]
Seed = Annotated[int, typer.Option(min=0, help="Seed of all that is random.")]
Checkpoint = Annotated[
    Path | None, typer.Option(help="An .npz file to keep the state in; the same command goes on from it.")
]


def written_as(out: Path) -> str:
    """Return the suffix of the file to write, before anything is computed; ValueError unless it can be written."""
    suffix = out.suffix.lower()
    if suffix not in (".png", ".h5"):
        raise ValueError(f"cannot write {str(out)!r}: expected a name that ends in .png or .h5")
    if not out.parent.is_dir():
        raise FileNotFoundError(f"cannot write {str(out)!r}: there is no folder {str(out.parent)!r}")
    return suffix


def announced(found: Reconstruction, out: Path) -> None:
    """Print where the result is; end the command as interrupted if it is not complete."""
    typer.echo(f"image: {printable(str(out))}")
    if found.partial:
        steps = max(0, len(next(iter(found.history.values()))) - 1)
        ended_early(f"this is the best of {steps} steps")
