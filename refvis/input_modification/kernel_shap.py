"""KernelSHAP (Lundberg & Lee 2017): Shapley values of segments, by weighted least squares over coalitions.

A coalition z of M segments has the value v(z), the level of the image that shows these segments and replaces the
others. Of all phi with sum phi = v(1) - v(0), the Shapley values are those that minimise

    sum_z w(|z|) (v(z) - v(0) - <phi, z>)^2,    w(s) = (M - 1) / (C(M, s) s (M - s)),    0 < s < M

over all coalitions. The constraint is built in: phi_M = v(1) - v(0) - the others. If there are too many coalitions,
some are drawn with probability proportional to w(|z|), each together with its complement; these have equal weights.
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
from refvis.targets import merge_choices
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
    """Return the Shapley value of each pixel's segment by KernelSHAP (Lundberg & Lee 2017).

    The values phi minimise, over coalitions z of M segments with the levels v(z),

        sum_z w(|z|) (v(z) - v(0) - <phi, z>)^2,    w(s) = (M - 1) / (C(M, s) s (M - s)),    sum phi = v(1) - v(0)

    They are exact if all 2^M - 2 coalitions are at most `samples`, and estimates otherwise. In both cases the values of
    the segments add up to the level of the image less that of the image with all segments replaced.

    Parameters:

        net       the network
        x         images, N x H x W x C, float32 or float64
        segments  H x W whole numbers, the same for every image; or "slic", superpixels by scikit-image.
                  Default: 8 x 8 squares
        samples   most coalitions to compute; if there are more, as many are drawn from `seed`
        fill      replaces hidden segments: a fill of `occlusion`, or "segment", the segment's own mean colour
        output    "score" or "probability" (softmax over channels); None: the probability, or the score if `at` is given
        at        layer or variable to explain. Default: the scores before softmax
        channel   a channel (number from 0, or name of a class), a sequence of channels, or "all" (the whole layer).
                  Default: the strongest of each image
        seed      seed of the coalitions and of random fills
        batch     images computed at once. Default: as many as fit into the memory
        position  one position (y, x) of the target's map. Default: the mean over all
        against   a channel whose map is subtracted, or one for each channel. Default: none
        progress  show a bar, on a terminal

    Returns a signed Heatmap with values N x H x W x 1, a row for each image and channel. Its `measures` are "image",
    the level of the image, and "replaced", the level with all segments replaced.
    Raises ValueError for a target that does not exist, for NaN, and if the samples are too few to determine the values;
    ShapeError for segments of another shape.

    Example:

    >>> import numpy as np
    >>> import refvis
    >>> both = refvis.layers.FullyConnected(np.array([[1.0, 1.0]]), np.array([-1.0]))
    >>> net = refvis.chain({"fc": both, "relu": refvis.layers.ReLU()})
    >>> refvis.kernel_shap(net, np.ones((1, 1, 2, 1)), np.array([[0, 1]])).map
    array([[0.5, 0.5]])
    """
    maps, measures = [], []
    options: dict[str, str] = {}
    choices: list[dict[str, Any]] = []
    selection = Selection(at, channel, position, against, output)
    for image in x[:, None]:
        objective, trace = objective_of(net, image, selection)
        segmented = segment_image(net, image, segments, fill, seed)
        shown, weights, every = coalitions(segmented.count, samples, seed)
        at_once = batch_size(objective.goal, trace, batch)
        levels = segmented.levels(objective, shown, at_once, "kernel_shap", progress)
        maps.append(segmented.paint(shapley(shown, levels, weights)))
        measures.append(levels[[1, 0]])
        options = options or {
            "segments": segmented.description,
            "coalitions": "all" if every else f"{len(shown)} drawn",
        }
        choices.append(objective.choices())
    values = array_module(x).concatenate(maps)
    run_record = record(
        "kernel_shap", net, x, **merge_choices(choices), **options, samples=samples, fill=describe(fill), seed=seed
    )
    columns = dict(zip(("image", "replaced"), np.hstack(measures), strict=True))
    return Heatmap(values, True, run_record, background(net, x, values), columns)


def coalitions(count: int, samples: int, seed: int) -> tuple[Array, Array, bool]:
    """Return coalitions of `count` segments (B x count bool), their weights (B), and whether these are all there are.

    The first two are the empty coalition and the full one. Their weights are 0: the constraint takes care of them.
    """
    ends = np.stack([np.zeros(count, bool), np.ones(count, bool)])
    if 2**count - 2 <= samples:
        inner = np.array([z for z in product((False, True), repeat=count) if 0 < sum(z) < count], bool)
        weights = np.array([1 / (comb(count, sum(z)) * sum(z) * (count - sum(z))) for z in inner.tolist()])
        return np.concatenate([ends, inner.reshape(-1, count)]), np.concatenate([[0, 0], (count - 1) * weights]), True
    sizes = np.arange(1, count)
    chances = 1 / (sizes * (count - sizes))
    rng = np.random.default_rng(seed)
    if samples < 2:
        raise ValueError(f"samples is {samples}, expected 2 or more: a coalition and its complement")
    drawn_sizes = rng.choice(sizes, samples // 2, p=chances / chances.sum())
    half = np.stack([rng.permutation(count) < size for size in drawn_sizes])
    return np.concatenate([ends, half, ~half]), np.concatenate([[0, 0], np.ones(2 * len(half))]), False


def shapley(shown: Array, levels: Array, weights: Array) -> Array:
    """Return phi (M x units) for coalitions as `coalitions` returns them, and their levels (B x units)."""
    whole = levels[1] - levels[0]
    last = shown[2:, -1:].astype("float64")
    others = weighted_least_squares(shown[2:, :-1] - last, levels[2:] - levels[0] - last * whole, weights[2:])
    return np.concatenate([others, whole[None] - others.sum(axis=0, keepdims=True)])
