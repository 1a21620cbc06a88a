"""Ctrl-C in a long run: the method warns, and returns what it has; what tells of it in another way keeps that back."""

import inspect
import warnings
from collections.abc import Iterator
from contextlib import contextmanager


def warn_of(method: str, part: str) -> None:
    """Warn, at the line outside refvis that called the method, that its result is only of a part ("3 of 12 boxes")."""
    frame, level = inspect.currentframe(), 1
    while frame and frame.f_globals["__name__"].partition(".")[0] == "refvis":
        frame, level = frame.f_back, level + 1
    warnings.warn(f"interrupted: this {method} is of {part}", stacklevel=level)


@contextmanager
def told_elsewhere() -> Iterator[None]:
    """Keep back the warnings of `warn_of`."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "interrupted: this ")
        yield
