"""How much a box changed what is watched: numbers from the map of the image and the maps of images with boxes.

A measure is a function of the image's map (H x W x K) and of B changed maps (B x H x W x K) that returns B numbers.
K is 1 for a channel, or for a difference of two; the number of channels where all are watched.
"""

from collections.abc import Callable
from typing import Any, TypeAlias

from refvis.layers import Array, ShapeError, array_module
from refvis.targets import Target, at_position

Measure: TypeAlias = Callable[[Array, Array], Array]


def difference(reference: Array, changed: Array) -> Array:
    """Return by how much the score falls: the sum over channels, averaged over positions. Signed."""
    return _score(reference[None]) - _score(changed)


def absolute(reference: Array, changed: Array) -> Array:
    """Return by how much the score falls or rises."""
    return abs(difference(reference, changed))


def euclidean(reference: Array, changed: Array) -> Array:
    """Return the Euclidean norm of the map's change: what rises in one place does not make up for a fall elsewhere."""
    away = changed - reference
    return array_module(away).sqrt((away * away).sum(axis=(1, 2, 3)))


def spectral(reference: Array, changed: Array) -> Array:
    """Return the largest singular value of the map's change, H x W; of several channels, that of (H W) x K.

    It is FeatureVis' measure (Gruen et al. 2016; MATLAB's ``norm`` of a matrix).
    """
    away = changed - reference
    matrices = away[..., 0] if away.shape[3] == 1 else away.reshape(len(away), -1, away.shape[3])
    return array_module(away).linalg.svd(matrices, compute_uv=False)[:, 0]


MEASURES: dict[str, Measure] = {
    "difference": difference,
    "absolute": absolute,
    "euclidean": euclidean,
    "spectral": spectral,
}
UNSIGNED = (absolute, euclidean, spectral)
"""Measures that are never negative; those that a caller brings along may be."""


def named(measure: Any) -> Measure:
    """Return the measure of that name, or a function as it is; ValueError for anything else."""
    if callable(measure):
        return measure  # type: ignore[no-any-return]
    if measure not in MEASURES:
        names = ", ".join(map(repr, MEASURES))
        raise ValueError(f"measure is {measure!r}, expected {names}, or a function of the map and the changed maps")
    return MEASURES[measure]


def watched(goal: Target, unit: int, values: Array) -> Array:
    """Return the map of one of the target's units in each of B values (B x H x W x C): B x H x W x K."""
    if goal.channels[unit] is None:
        return at_position(values, goal.position)
    return goal.rows(slice(unit, unit + 1)).chosen(values)[..., None]


def measured(measure: Measure, reference: Array, changed: Array) -> Array:
    """Return the measure of B changed maps; ShapeError unless it gives B numbers."""
    found = measure(reference, changed)
    if getattr(found, "shape", None) != (len(changed),):
        shape = getattr(found, "shape", type(found).__name__)
        raise ShapeError(
            f"the measure returned {shape}, expected one number for each of the {len(changed)} changed maps"
        )
    return found


def _score(maps: Array) -> Array:
    return maps.sum(axis=3).mean(axis=(1, 2))
