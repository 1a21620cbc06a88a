"""Ctrl-C in a long run: the method warns, and returns its partial result."""

import inspect
import warnings
from collections.abc import Iterator
from contextlib import contextmanager


def warn_interrupted(method: str, part: str) -> None:
    """Warn that a method's result covers only a part of its work ("3 of 12 boxes").

    The warning points at the line outside refvis that called the method.
    """
    frame, level = inspect.currentframe(), 1
    while frame and frame.f_globals["__name__"].partition(".")[0] == "refvis":
        frame, level = frame.f_back, level + 1
    warnings.warn(f"interrupted: this {method} is of {part}", stacklevel=level)


@contextmanager
def suppress_interruption_warnings() -> Iterator[None]:
    """Suppress the warnings of `warn_interrupted`, for callers that report interruptions themselves."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "interrupted: this ")
        yield
