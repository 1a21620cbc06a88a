"""Integrated gradients (Sundararajan et al. 2017): the gradient, averaged along the straight way from a baseline.

    R = (x - x0) * integral_0^1 dy/dx (x0 + a (x - x0)) da,    sum of R = y(x) - y(x0)    (completeness)

The sum holds for the integral; how far the sum of steps that is computed misses it, is measured and returned.
"""

from typing import Any

import numpy as np

from refvis.backpropagation.sampling import batch_size, signals
from refvis.deconvolutional.backward.baselines import baseline_scores, baselines, completeness, named
from refvis.deconvolutional.backward.quadrature import quadrature
from refvis.layers import Array, array_module, modes
from refvis.network import Network
from refvis.results import Heatmap, background, record
from refvis.targets import Target, target
from refvis.units import Against, Channel, Selection


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

    `measures` has, for each row, "score", y(x), "completeness_error", the sum of the values less y(x) - y(x0), and
    "relative_completeness_error", its size against that of y(x) - y(x0).
    Raises ValueError for what does not exist, and for NaN; ShapeError for a baseline of another shape.
    """
    xp, places = array_module(x), quadrature(method, steps)
    starts = baselines(baseline, x)
    found, rises, reached = [], [], []
    choices: dict[str, Any] = {}
    for image in x[:, None]:
        goal, trace = target(net, image, Selection(at, channel, position, against))
        found.append(_integrated(goal, image, starts, places, batch_size(goal, trace, batch)))
        rises.append(goal.scores(trace[goal.variable]) - baseline_scores(goal, starts))
        reached.append(goal.measures(trace)["score"])
        choices = choices or goal.choices(1)
    values = xp.concatenate(found)
    made = record("integrated_gradients", net, x, **choices, baseline=named(baseline), steps=steps, method=method)
    measures = {"score": np.concatenate(reached)} | completeness(values, xp.concatenate(rises))
    return Heatmap(values, True, made, background(net, x, values), measures)


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
