"""The history of a run: a row of terms for each z, and what can be read from it."""

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np

from refvis.layers import Array, array_module

Row: TypeAlias = dict[str, Array]
"""Each term's value per image, N float64, in NumPy."""

GROWN, EARLIEST = 10.0, 10
"""The objective may grow by this many times its first size (at least 1), or has this many steps' time to come back."""
GAIN = 1e-3
"""Share of its size by which an objective has to fall to count as brought forward."""


def row(terms: dict[str, Array]) -> Row:
    """Return the terms' values on the host, in double."""
    return {name: np.asarray(_host(value), "float64") for name, value in terms.items()}


def totals(rows: Sequence[Row]) -> Array:
    """Return the objective, rows x N."""
    return np.stack([np.asarray(sum(one.values())) for one in rows])


def histories(rows: Sequence[Row]) -> dict[str, Array]:
    """Return an array for each term, rows x N."""
    return {name: np.stack([one[name] for one in rows]) for name in rows[0]}


def diverged(rows: Sequence[Row]) -> str:
    """Return what went wrong with the last row, or ""."""
    for name, values in rows[-1].items():
        if not np.isfinite(values).all():
            image = int(np.isfinite(values).argmin())
            return f"the term {name!r} became {values[image]}{_which(values, image)}"
    first, last = totals([rows[0], rows[-1]])
    grown = last - first > GROWN * np.maximum(np.abs(first), 1)
    if len(rows) > EARLIEST and grown.any():
        image = int(grown.argmax())
        return f"the objective grew from {first[image]:.3g} to {last[image]:.3g}{_which(last, image)}"
    return ""


def stalled(rows: Sequence[Row], patience: int) -> bool:
    """Whether no image's objective fell by more than GAIN of its size in the last `patience` steps."""
    if len(rows) <= patience:
        return False
    values = totals(rows)
    before, since = values[:-patience].min(axis=0), values[-patience:].min(axis=0)
    return bool((before - since <= GAIN * np.abs(before)).all())


def _host(value: Array) -> Array:
    return value if array_module(value) is np else value.get()


def _which(values: Array, image: int) -> str:
    return f" in image {image} of {len(values)}" if len(values) > 1 else ""
