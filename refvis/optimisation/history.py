"""History of a run: a row of terms for each z, and the checks for divergence and for lack of progress."""

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np

from refvis.layers import Array
from refvis.layers.base.arrays import is_finite, to_host

Row: TypeAlias = dict[str, Array]
"""Each term's value per image, N float64, in NumPy."""

GROWTH, EARLIEST = 10.0, 10
"""After EARLIEST steps, the objective may exceed its first value by at most GROWTH times its size (at least 1)."""
GAIN = 1e-3
"""Share of its size by which an objective has to fall to count as progress."""


def to_row(terms: dict[str, Array]) -> Row:
    """Return the terms' values on the host, in float64."""
    return {name: np.asarray(to_host(value), "float64") for name, value in terms.items()}


def totals(rows: Sequence[Row]) -> Array:
    """Return the objective, rows x N."""
    return np.stack([np.asarray(sum(row.values())) for row in rows])


def lowest(rows: Sequence[Row]) -> Array:
    """Return the lowest objective of each image, N."""
    return np.asarray(totals(rows).min(axis=0))


def histories(rows: Sequence[Row]) -> dict[str, Array]:
    """Return an array for each term, rows x N."""
    return {name: np.stack([row[name] for row in rows]) for name in rows[0]}


class DivergenceError(ValueError):
    """The error for a run that diverged: what went wrong, at which step, what to do, and the `z` of that step."""

    def __init__(self, fault: str, step: int, advice: str, z: Array) -> None:
        """Take the parts of the message, and z."""
        super().__init__(f"{fault} at step {step}: {advice}")
        self.z = z


def require_convergence(rows: Sequence[Row], z: Array, advice: str) -> None:
    """Raise DivergenceError, with the `advice`, if the last row of terms or its z (N x ...) shows a divergence."""
    fault = divergence(rows) or ("" if is_finite(z) else "the image became NaN or infinite")
    if fault:
        raise DivergenceError(fault, len(rows), advice, z)


def divergence(rows: Sequence[Row]) -> str:
    """Return in words how the last row diverges: a term that is not finite, or a grown objective; "" if it does not."""
    for name, values in rows[-1].items():
        if not np.isfinite(values).all():
            image = int(np.isfinite(values).argmin())
            return f"the term {name!r} became {values[image]}{_image_text(values, image)}"
    first, last = totals([rows[0], rows[-1]])
    grown = last - first > GROWTH * np.maximum(np.abs(first), 1)
    if len(rows) > EARLIEST and grown.any():
        image = int(grown.argmax())
        return f"the objective grew from {first[image]:.3g} to {last[image]:.3g}{_image_text(last, image)}"
    return ""


def has_stalled(rows: Sequence[Row], patience: int) -> bool:
    """Return whether no image's objective fell by more than GAIN of its size in the last `patience` steps."""
    if len(rows) <= patience:
        return False
    values = totals(rows)
    before, since = values[:-patience].min(axis=0), values[-patience:].min(axis=0)
    return bool((before - since <= GAIN * np.abs(before)).all())


def _image_text(values: Array, image: int) -> str:
    return f" in image {image} of {len(values)}" if len(values) > 1 else ""
