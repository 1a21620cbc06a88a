"""Notes of commands beside their results, on standard error."""

import sys
from typing import NoReturn

import typer

from refvis import signals
from refvis.text.terminal import escape_controls


def note(text: str) -> None:
    """Print a note, with control characters (which names of files may hold) escaped."""
    print(f"refvis: note: {escape_controls(text)}", file=sys.stderr)


def exit_interrupted(contents: str) -> NoReturn:
    """Print what the written files of an interrupted command contain, and exit."""
    print(f"refvis: interrupted: {contents}", file=sys.stderr)
    raise typer.Exit(signals.exit_code())
