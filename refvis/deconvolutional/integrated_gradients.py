"""Integrated gradients (Sundararajan et al. 2017): the gradient, averaged along the straight way from a baseline.

    R = (x - x0) * integral_0^1 dy/dx (x0 + a (x - x0)) da,    sum of R = y(x) - y(x0)    (completeness)

The sum holds for the integral; how far the sum of steps that is computed misses it, is measured and returned.
"""

import math
from typing import Any

import numpy as np

from refvis.deconvolutional.quadrature import quadrature
from refvis.deconvolutional.sampling import batch_size, signals
from refvis.layers import Array, ShapeError, array_module, modes
from refvis.layers.arrays import require_finite
from refvis.network import Network
from refvis.results import Heatmap, below, record
from refvis.targets import Target, target
from refvis.units import Against, Channel


def integrated_gradients(
    net: Network,
    x: Array,
    baseline: Array | None = None,
    steps: int = 50,
    method: str = "gausslegendre",
    at: str | None = None,
    channel: Channel = None,
    *,
    batch: int | None = None,
    position: tuple[int, int] | None = None,
    against: Against = None,
) -> Heatmap:
    """Return the integrated gradients of each target of `x` (N x H x W x C), signed; targets as in `deconvolution`.

    `baseline` is where the way begins, 1 x H x W x C; None: zero, which is the average image wherever preprocessing
    subtracts one. Of several, B x H x W x C, each serves every image, and the mean is returned (a sum over given
    baselines in place of the expectation of Erion et al. 2021). `steps` gradients approximate each integral by
    `method`: "gausslegendre", "trapezoid", "left", "right" or "middle". `batch` points are computed at once (None: as
    many as fit into the memory). Channel None is the strongest at `x`. Each image is taken by itself.

    `measures` has, for each row, "completeness_error", the sum of the values less y(x) - y(x0), and
    "relative_completeness_error", its size against that of y(x) - y(x0).
    Raises ValueError for what does not exist, and for NaN; ShapeError for a baseline of another shape.
    """
    xp, places = array_module(x), quadrature(method, steps)
    starts = xp.zeros_like(x[:1]) if baseline is None else _checked(baseline, x)
    found, rises = [], []
    choices: dict[str, Any] = {}
    for image in x[:, None]:
        goal, trace = target(net, image, at, channel, position, against)
        found.append(_integrated(goal, image, starts, places, batch_size(goal, trace, batch)))
        rises.append(_scores(goal, trace[goal.variable]) - _baseline_scores(goal, starts))
        choices = choices or goal.choices(1)
    values = xp.concatenate(found)
    start = "zero" if baseline is None else f"{len(starts)} given"
    made = record("integrated_gradients", net, **choices, baseline=start, steps=steps, method=method)
    return Heatmap(values, True, made, below(net, x, values), _completeness(values, xp.concatenate(rises)))


def _integrated(goal: Target, x: Array, starts: Array, places: list[tuple[float, float]], batch: int) -> Array:
    """Return the attributions of one image for each unit, units x H x W x C, the mean over the baselines."""
    ways = [(start, place, weight) for start in starts for place, weight in places]

    def point(number: int) -> Array:
        start, place, _ = ways[number]
        return start + place * (x - start)

    gradients = signals(goal, modes.GRADIENT, "one", point, len(ways), batch)
    total = array_module(x).zeros((len(goal.channels), *x.shape[1:]), x.dtype)
    for gradient, (start, _, weight) in zip(gradients, ways, strict=True):
        total += weight / len(starts) * (x - start) * gradient
    return total


def _scores(goal: Target, values: Array) -> Array:
    """Return the score of each unit for one image's values, in float64."""
    return goal.chosen(values).sum(axis=(1, 2), dtype="float64")


def _baseline_scores(goal: Target, starts: Array) -> Array:
    """Return the mean score of each unit over the baselines."""
    each = [_scores(goal, goal.net.forward(start)[goal.variable]) for start in starts[:, None]]
    return sum(each[1:], each[0]) / len(each)


def _completeness(values: Array, rises: Array) -> dict[str, Array]:
    """Return how far each row's sum is from the rise of its score, and that relative to the rise (0 / 0 is 0)."""
    errors = values.sum(axis=(1, 2, 3), dtype="float64") - rises
    pairs = [(float(error), float(rise)) for error, rise in zip(errors, rises, strict=True)]
    relative = [abs(error / rise) if rise else math.inf if error else 0.0 for error, rise in pairs]
    return {
        "completeness_error": np.array([error for error, _ in pairs]),
        "relative_completeness_error": np.array(relative),
    }


def _checked(baseline: Array, x: Array) -> Array:
    """Return the baselines (B x H x W x C) in the dtype of x."""
    array_module(baseline, x)
    if baseline.ndim != 4 or baseline.shape[1:] != x.shape[1:] or not len(baseline):
        raise ShapeError(
            f"the baseline has shape {baseline.shape}, expected (1, {', '.join(map(str, x.shape[1:]))}), or several: "
            "subtract the average image from it, as net.preprocess does"
        )
    require_finite(baseline)
    return baseline.astype(x.dtype, copy=False)
