"""How a command that was interrupted ends: what is done is written, a line says so, and the exit code is 130."""

import sys
from typing import NoReturn

import typer

INTERRUPTED = 130
"""What shells return for a program that Ctrl-C ended."""


def ended_early(what: str) -> NoReturn:
    """Print what the files that were written hold, and end."""
    print(f"refvis: interrupted: {what}", file=sys.stderr)
    raise typer.Exit(INTERRUPTED)
