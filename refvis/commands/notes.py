"""What commands say beside their results, on standard error."""

import sys
from typing import NoReturn

import typer

from refvis.text.escape import printable

INTERRUPTED = 130
"""What shells return for a program that Ctrl-C ended."""


def note(text: str) -> None:
    """Print a remark; control characters in it, as in names of files, are escaped."""
    print(f"refvis: note: {printable(text)}", file=sys.stderr)


def ended_early(what: str) -> NoReturn:
    """Print what the files that an interrupted command has written hold, and end."""
    print(f"refvis: interrupted: {what}", file=sys.stderr)
    raise typer.Exit(INTERRUPTED)
