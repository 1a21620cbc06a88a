"""Baselines of attributions, and completeness: attributions add up to the change of the score from the baseline.

    sum of R = y(x) - y(baseline)

The completeness error, by which a computed sum misses this, is returned with the heatmap.
"""

import math

import numpy as np

from refvis.layers import Array, ShapeError, array_module
from refvis.layers.base.arrays import require_finite
from refvis.layers.graph.not_finite import finite_trace
from refvis.targets import Target


def baselines(given: Array | None, x: Array) -> Array:
    """Return the baselines, B x H x W x C in the dtype of `x` (N x H x W x C); None: a single one of zeros.

    Raises ShapeError for another shape, and ValueError for NaN.
    """
    if given is None:
        return array_module(x).zeros_like(x[:1])
    array_module(given, x)
    if given.ndim != 4 or given.shape[1:] != x.shape[1:] or not len(given):
        raise ShapeError(
            f"the baseline has shape {given.shape}, expected (1, {', '.join(map(str, x.shape[1:]))}), or several: "
            "subtract the average image from it, as net.preprocess does"
        )
    require_finite(given)
    return given.astype(x.dtype, copy=False)


def baseline_text(given: Array | None) -> str:
    """Return the baselines as text for a record: "zero" or how many were given."""
    return "zero" if given is None else f"{len(given)} given"


def baseline_scores(goal: Target, starts: Array) -> Array:
    """Return the mean score of each row over the baselines."""
    each = [goal.scores(finite_trace(goal.net, start)[goal.variable]) for start in starts[:, None]]
    return sum(each[1:], each[0]) / len(each)


def completeness(values: Array, rises: Array) -> dict[str, Array]:
    """Return the completeness error, each row's sum minus the rise of its score, and its size relative to the rise.

    A relative error of 0 / 0 is 0.
    """
    errors = values.sum(axis=(1, 2, 3), dtype="float64") - rises
    pairs = [(float(error), float(rise)) for error, rise in zip(errors, rises, strict=True)]
    relative = [abs(error / rise) if rise else math.inf if error else 0.0 for error, rise in pairs]
    return {
        "completeness_error": np.array([error for error, _ in pairs]),
        "relative_completeness_error": np.array(relative),
    }
