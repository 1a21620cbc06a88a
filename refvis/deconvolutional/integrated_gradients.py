"""Integrated gradients (Sundararajan et al. 2017): the mean gradient along the straight line from a baseline.

    R = (x - x0) * integral_0^1 dy/dx (x0 + a (x - x0)) da,    sum of R = y(x) - y(x0)    (completeness)

The sum holds for the integral. A quadrature approximates it; the completeness error is measured and returned.
"""

from typing import Any

import numpy as np

from refvis.backpropagation.sampling import batch_size, signals
from refvis.deconvolutional.baselines import baseline_scores, baseline_text, baselines, completeness
from refvis.layers import Array, array_module, modes
from refvis.network import Network
from refvis.results import Heatmap, background, record
from refvis.targets import Target, merge_choices, target
from refvis.units import Against, Channel, Selection

METHODS = ("gausslegendre", "trapezoid", "left", "right", "middle")


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
    """Return the integrated gradients of each target y (Sundararajan et al. 2017).

        R = (x - x0) * integral_0^1 dy/dx (x0 + a (x - x0)) da

    Parameters:

        net       the network
        x         images as its input, N x H x W x C, float32 or float64: see `Network.preprocess`
        baseline  where the line begins, x0, 1 x H x W x C; or several, B x H x W x C: each serves every image, and the
                  mean is returned (a sum in place of the expectation of Erion et al. 2021). Default: zero, which is the
                  average image wherever preprocessing subtracts one
        steps     number of gradients for each integral. Default: 50
        method    the quadrature: "gausslegendre", "trapezoid", "left", "right" or "middle", see `quadrature`
        at        the layer or variable explained. Default: the scores before softmax
        channel   its channel, by number or class name; a sequence of them; or "all". Default: the strongest at x
        batch     number of gradients computed at once. Default: as many as fit into the memory
        position  one position (y, x) of the channel's map. Default: all positions
        against   a channel whose map is subtracted, or one for each channel. Default: nothing is subtracted

    The heatmap's `values` are signed, a row for each target, of the shape of `x`. `measures` has for each row "score",
    y(x); "completeness_error", the sum of the values minus (y(x) - y(x0)); and "relative_completeness_error", the size
    of that error relative to y(x) - y(x0). Each image is explained by itself, also where layers mix a batch.
    Raises ValueError for names and numbers that the network lacks, and for NaN; ShapeError for a baseline of another
    shape.

    >>> import refvis
    >>> net = refvis.load("scenes")
    >>> x = net.preprocess(refvis.scenes.scene(7).image)
    >>> heatmap = refvis.integrated_gradients(net, x, steps=10)
    >>> bool(heatmap.measures["relative_completeness_error"] < 0.05)
    True
    """
    xp, places = array_module(x), quadrature(method, steps)
    starts = baselines(baseline, x)
    selection = Selection(at, channel, position, against)
    attributions, rises, scores = [], [], []
    choices: list[dict[str, Any]] = []
    for image in x[:, None]:
        goal, trace = target(net, image, selection)
        attributions.append(_integrate(goal, image, starts, places, batch_size(goal, trace, batch)))
        rises.append(goal.scores(trace[goal.variable]) - baseline_scores(goal, starts))
        scores.append(goal.measures(trace)["score"])
        choices.append(goal.choices(1))
    values = xp.concatenate(attributions)
    provenance = record(
        "integrated_gradients",
        net,
        x,
        **merge_choices(choices),
        baseline=baseline_text(baseline),
        steps=steps,
        method=method,
    )
    measures = {"score": np.concatenate(scores)} | completeness(values, xp.concatenate(rises))
    return Heatmap(values, True, provenance, background(net, x, values), measures)


def _integrate(goal: Target, x: Array, starts: Array, places: list[tuple[float, float]], batch: int) -> Array:
    """Return the attributions of one image for each unit, units x H x W x C, the mean over the baselines."""
    points = [(start, place, weight) for start in starts for place, weight in places]

    def point(number: int) -> Array:
        start, place, _ = points[number]
        return start + place * (x - start)

    gradients = signals(goal, modes.GRADIENT, "one", point, len(points), batch)
    total = array_module(x).zeros((len(goal.channels), *x.shape[1:]), x.dtype)
    for gradient, (start, _, weight) in zip(gradients, points, strict=True):
        total += share(gradient, x, start, weight) / len(starts)
    return total


def share(gradient: Array, x: Array, start: Array, weight: float) -> Array:
    """Return what the gradient at one place of the line from `start` to x adds to the attributions."""
    return weight * (x - start) * gradient


def quadrature(method: str, steps: int) -> list[tuple[float, float]]:
    """Return `steps` pairs (place, weight) on [0, 1], so that an integral is about sum_i weight_i f(place_i).

    Places rise, and the weights add up to 1. "gausslegendre" is exact for polynomials up to degree 2 steps - 1.
    "trapezoid" has a place at both ends, of half the weight. "left", "right" and "middle" have one at that place of
    each of `steps` equal parts.
    Raises ValueError for another name, for fewer than one step, or fewer than two of "trapezoid".
    """
    if method not in METHODS:
        raise ValueError(f"unknown method {method!r}, expected one of {', '.join(METHODS)}")
    least = 2 if method == "trapezoid" else 1
    if steps < least:
        raise ValueError(f"steps is {steps}, expected {least} or more for {method!r}")
    if method == "gausslegendre":
        places, weights = np.polynomial.legendre.leggauss(steps)  # on [-1, 1], where the weights add up to 2
        places, weights = (places + 1) / 2, weights / 2
    elif method == "trapezoid":
        places, weights = np.linspace(0, 1, steps), np.full(steps, 1 / (steps - 1))
        weights[[0, -1]] /= 2
    else:
        shift = {"left": 0.0, "middle": 0.5, "right": 1.0}[method]
        places, weights = (np.arange(steps) + shift) / steps, np.full(steps, 1 / steps)
    return [(float(place), float(weight)) for place, weight in zip(places, weights, strict=True)]
