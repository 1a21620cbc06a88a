"""Warnings that point at the line outside refvis that called it."""

import inspect
import warnings


def warn_caller(message: str) -> None:
    """Warn, with the line outside refvis that called it as the place. Python shows a warning once for each place."""
    frame, level = inspect.currentframe(), 1
    while frame and frame.f_globals["__name__"].partition(".")[0] == "refvis":
        frame, level = frame.f_back, level + 1
    warnings.warn(message, stacklevel=level)
