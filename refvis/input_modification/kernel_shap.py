"""KernelSHAP (Lundberg & Lee 2017): Shapley values of segments, by weighted least squares over coalitions.

A coalition z of M segments has the value v(z), the level where these are shown and the others are replaced. Of all phi
with sum phi = v(1) - v(0), the Shapley values are those that minimise

    sum_z w(|z|) (v(z) - v(0) - <phi, z>)^2,    w(s) = (M - 1) / (C(M, s) s (M - s)),    0 < s < M

over all coalitions. The constraint is built in: phi_M = v(1) - v(0) - the others. Where the coalitions are too many,
some are drawn, with probability proportional to w(|z|), each together with its complement, and weigh the same.
"""

from itertools import product
from math import comb
from typing import Any

import numpy as np

from refvis.backpropagation.sampling import batch_size
from refvis.input_modification.boxes.fills import describe
from refvis.input_modification.masks.mask_objective import objective_of
from refvis.input_modification.segments.coalitions import segment_image
from refvis.input_modification.segments.least_squares import weighted_least_squares
from refvis.layers import Array, array_module
from refvis.network import Network
from refvis.results import Heatmap, background, record
from refvis.units import Against, Channel, Selection


def kernel_shap(
    net: Network,
    x: Array,
    segments: Any = None,
    samples: int = 2048,
    fill: Any = "mean",
    output: str | None = "score",
    at: str | None = None,
    channel: Channel = None,
    *,
    seed: int = 0,
    batch: int | None = None,
    position: tuple[int, int] | None = None,
    against: Against = None,
    progress: bool = False,
) -> Heatmap:
    """Return the Shapley value of each pixel's segment, N x H x W x 1, for each target of x (N x H x W x C). Signed.

    They are exact where all 2^M - 2 coalitions of M segments are at most `samples`, and estimates otherwise; in both
    cases they add up to the level of the image less that of the image with all segments replaced, segments counted once
    each. Other arguments as in `lime`, but the `output` is the score unless told otherwise.

    `measures` has "image" and "replaced", these two levels. Raises ValueError for what does not exist, for NaN, and for
    too few samples.
    """
    found, measures = [], []
    words: dict[str, str] = {}
    choices: dict[str, Any] = {}
    selection = Selection(at, channel, position, against, output)
    for image in x[:, None]:
        seen, trace = objective_of(net, image, selection)
        parts = segment_image(net, image, segments, fill, seed)
        shown, weights, every = coalitions(parts.count, samples, seed)
        levels = parts.levels(seen, shown, batch_size(seen.goal, trace, batch), "kernel_shap", progress)
        found.append(parts.paint(shapley(shown, levels, weights)))
        measures.append(levels[[1, 0]])
        words = words or {"segments": parts.words, "coalitions": "all" if every else f"{len(shown)} drawn"}
        choices = choices or seen.choices()
    values = array_module(x).concatenate(found)
    made = record("kernel_shap", net, x, **choices, **words, samples=samples, fill=describe(fill), seed=seed)
    named = dict(zip(("image", "replaced"), np.hstack(measures), strict=True))
    return Heatmap(values, True, made, background(net, x, values), named)


def coalitions(count: int, samples: int, seed: int) -> tuple[Array, Array, bool]:
    """Return coalitions of `count` segments (B x count bool), their weights (B), and whether these are all there are.

    The first two are none and all of the segments; they have no weight, since the constraint is theirs.
    """
    ends = np.stack([np.zeros(count, bool), np.ones(count, bool)])
    if 2**count - 2 <= samples:
        inner = np.array([z for z in product((False, True), repeat=count) if 0 < sum(z) < count], bool)
        weights = np.array([1 / (comb(count, sum(z)) * sum(z) * (count - sum(z))) for z in inner.tolist()])
        return np.concatenate([ends, inner.reshape(-1, count)]), np.concatenate([[0, 0], (count - 1) * weights]), True
    sizes = np.arange(1, count)
    chances = 1 / (sizes * (count - sizes))
    dice = np.random.default_rng(seed)
    if samples < 2:
        raise ValueError(f"samples is {samples}, expected 2 or more: a coalition and its complement")
    drawn = dice.choice(sizes, samples // 2, p=chances / chances.sum())
    half = np.stack([dice.permutation(count) < size for size in drawn])
    return np.concatenate([ends, half, ~half]), np.concatenate([[0, 0], np.ones(2 * len(half))]), False


def shapley(shown: Array, levels: Array, weights: Array) -> Array:
    """Return phi (M x units) for coalitions as `coalitions` gives them, and their levels (B x units)."""
    whole = levels[1] - levels[0]
    last = shown[2:, -1:].astype("float64")
    others = weighted_least_squares(shown[2:, :-1] - last, levels[2:] - levels[0] - last * whole, weights[2:])
    return np.concatenate([others, whole[None] - others.sum(axis=0, keepdims=True)])
