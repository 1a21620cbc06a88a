"""Ctrl-C in a long run: the method warns, and returns its partial result."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from refvis.warn import warn_caller


def warn_interrupted(method: str, part: str) -> None:
    """Warn that a method's result covers only a part of its work ("3 of 12 boxes")."""
    warn_caller(f"interrupted: this {method} is of {part}")


@contextmanager
def suppress_interruption_warnings() -> Iterator[None]:
    """Suppress the warnings of `warn_interrupted`, for callers that report interruptions themselves."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "interrupted: this ")
        yield
