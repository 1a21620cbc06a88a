"""Options and output of the commands that search for images."""

from pathlib import Path
from typing import Annotated

import typer

from refvis.commands.notes import exit_interrupted
from refvis.results import Reconstruction
from refvis.text.terminal import escape_controls

Starts = Annotated[int, typer.Option(min=1, help="Number of random starts; the best result is kept.")]
Seed = Annotated[int, typer.Option(min=0, help="Seed of all random numbers.")]
Checkpoint = Annotated[
    Path | None,
    typer.Option(help="An .npz file for the state of the search. After Ctrl-C, the same command continues from it."),
]


def print_image_path(reconstruction: Reconstruction, out: Path) -> None:
    """Print the path of the written file; exit as interrupted if the search is not complete."""
    typer.echo(f"image: {escape_controls(str(out))}")
    if reconstruction.partial:
        steps = max(0, len(next(iter(reconstruction.history.values()))) - 1)
        exit_interrupted(f"this is the best of {steps} steps")
