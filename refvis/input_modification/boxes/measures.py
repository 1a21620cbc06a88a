"""Measures of a box's effect: numbers from the target's map of the image and of images with boxes.

A measure is a function of the image's map (H x W x K) and of B changed maps (B x H x W x K). It returns B numbers.
K is 1 for a channel or a difference of two channels, and the number of channels for a whole layer.
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
    """Return the Euclidean norm of the map's change. A rise at one position does not cancel a fall at another."""
    change = changed - reference
    return array_module(change).sqrt((change * change).sum(axis=(1, 2, 3)))


def spectral(reference: Array, changed: Array) -> Array:
    """Return the largest singular value of the map's change, H x W; of several channels, that of (H W) x K.

    This is the measure of FeatureVis (Gruen et al. 2016), MATLAB's ``norm`` of a matrix.
    """
    change = changed - reference
    matrices = change[..., 0] if change.shape[3] == 1 else change.reshape(len(change), -1, change.shape[3])
    return array_module(change).linalg.svd(matrices, compute_uv=False)[:, 0]


MEASURES: dict[str, Measure] = {
    "difference": difference,
    "absolute": absolute,
    "euclidean": euclidean,
    "spectral": spectral,
}
UNSIGNED = (absolute, euclidean, spectral)
"""Measures that are never negative. A caller's own function may be negative."""


def find_measure(measure: Any) -> Measure:
    """Return the measure of that name, or a function as it is; ValueError for anything else."""
    if callable(measure):
        return measure  # type: ignore[no-any-return]
    if measure not in MEASURES:
        names = ", ".join(map(repr, MEASURES))
        raise ValueError(f"measure is {measure!r}, expected {names}, or a function of the map and the changed maps")
    return MEASURES[measure]


def unit_maps(goal: Target, unit: int, values: Array) -> Array:
    """Return the map of one of the target's units in each of B values (B x H x W x C): B x H x W x K."""
    if goal.channels[unit] is None:
        return at_position(values, goal.position)
    return goal.rows(slice(unit, unit + 1)).maps(values)[..., None]


def apply_measure(measure: Measure, reference: Array, changed: Array) -> Array:
    """Return the measure of B changed maps; ShapeError unless the measure returns B numbers."""
    numbers = measure(reference, changed)
    if getattr(numbers, "shape", None) != (len(changed),):
        shape = getattr(numbers, "shape", type(numbers).__name__)
        raise ShapeError(
            f"the measure returned {shape}, expected one number for each of the {len(changed)} changed maps"
        )
    return numbers


def _score(maps: Array) -> Array:
    return maps.sum(axis=3).mean(axis=(1, 2))
