"""LIME (Ribeiro, Singh & Guestrin 2016): a linear model of a score over segments, fitted near the image.

It minimises over an intercept a and a coefficient c_j for each of M segments

    sum_i w_i (f(image with segments z_i) - a - <c, z_i>)^2  +  ridge |c|^2,    w_i = exp(-d_i^2 / (2 width^2))

The samples z_i are random, 0 or 1 with equal probability; z_0 shows all segments. d_i is the cosine distance of z_i
from z_0: 1 - sqrt(k / M) if k segments are shown.
"""

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


def lime(
    net: Network,
    x: Array,
    segments: Any = None,
    samples: int = 1000,
    fill: Any = "mean",
    output: str | None = None,
    at: str | None = None,
    channel: Channel = None,
    *,
    width: float = 0.25,
    ridge: float = 0.0,
    seed: int = 0,
    batch: int | None = None,
    position: tuple[int, int] | None = None,
    against: Against = None,
    progress: bool = False,
) -> Heatmap:
    """Return LIME's coefficient of each pixel's segment (Ribeiro, Singh & Guestrin 2016).

    The coefficients c and the intercept a minimise, over samples z_i that show k_i of M segments,

        sum_i w_i (f(z_i) - a - <c, z_i>)^2 + ridge |c|^2,    w_i = exp(-(1 - sqrt(k_i / M))^2 / (2 width^2))

    Parameters:

        net       the network
        x         images, N x H x W x C, float32 or float64
        segments  H x W whole numbers, the same for every image; or "slic", superpixels by scikit-image.
                  Default: 8 x 8 squares
        samples   number of samples, drawn from `seed`
        fill      replaces hidden segments: a fill of `occlusion`, or "segment", the segment's own mean colour
        output    "probability" (softmax over channels) or "score". Default: the probability, or the score if `at`
                  is given
        at        layer or variable to explain. Default: the scores before softmax
        channel   a channel (number from 0, or name of a class), a sequence of channels, or "all" (the whole layer).
                  Default: the strongest of each image
        width     width of the weights w_i in cosine distance, above 0
        ridge     weight of the squared coefficients, 0 or more
        seed      seed of the samples and of random fills
        batch     images computed at once. Default: as many as fit into the memory
        position  one position (y, x) of the target's map. Default: the mean over all
        against   a channel whose map is subtracted, or one for each channel. Default: none
        progress  show a bar, on a terminal

    Returns a signed Heatmap with values N x H x W x 1, a row for each image and channel. Its `measures` are
    "intercept"; "fit", the weighted R^2 of the linear model; and "image_error", the model's value less the level for
    the image itself.
    Raises ValueError for a target that does not exist, for NaN, for other values than above, and if the samples are
    too few to determine the coefficients; ShapeError for segments of another shape.

    Example:

    >>> import refvis
    >>> from refvis.scenes import scene
    >>> net = refvis.load("scenes")
    >>> heatmap = refvis.lime(net, net.preprocess(scene(7).image), samples=200)
    >>> heatmap.values.shape, sorted(heatmap.measures)
    ((1, 64, 64, 1), ['fit', 'image_error', 'intercept'])
    """
    if not width > 0 or not ridge >= 0:
        raise ValueError(f"width is {width} and ridge is {ridge}, expected a width above 0 and a ridge of 0 or more")
    maps, measures, description = [], [], ""
    choices: list[dict[str, Any]] = []
    selection = Selection(at, channel, position, against, output)
    for image in x[:, None]:
        objective, trace = objective_of(net, image, selection)
        segmented = segment_image(net, image, segments, fill, seed)
        shown = draw_samples(samples, segmented.count, seed)
        levels = segmented.levels(objective, shown, batch_size(objective.goal, trace, batch), "lime", progress)
        coefficients, measured = _fit(shown, levels, width, ridge)
        maps.append(segmented.paint(coefficients))
        measures.append(measured)
        description = description or segmented.description
        choices.append(objective.choices())
    values = array_module(x).concatenate(maps)
    options = {"segments": description, "samples": samples, "fill": describe(fill), "width": width, "ridge": ridge}
    run_record = record("lime", net, x, **merge_choices(choices), **options, seed=seed)
    columns = dict(zip(("intercept", "fit", "image_error"), np.hstack(measures), strict=True))
    return Heatmap(values, True, run_record, background(net, x, values), columns)


def draw_samples(samples: int, count: int, seed: int) -> Array:
    """Return which of `count` segments each sample shows, samples x count bool; the first sample shows all."""
    if samples < 1:
        raise ValueError(f"samples is {samples}, expected 1 or more")
    shown = np.random.default_rng(seed).random((samples, count)) < 0.5
    shown[0] = True
    return shown


def _fit(shown: Array, levels: Array, width: float, ridge: float) -> tuple[Array, Array]:
    """Return the coefficients, M x units, and the measures, 3 x units."""
    distance = 1 - np.sqrt(shown.mean(axis=1))
    weights = np.exp(-0.5 * (distance / width) ** 2)
    design = np.concatenate([np.ones((len(shown), 1)), shown], axis=1)
    ridges = np.full(design.shape[1], ridge)
    ridges[0] = 0  # the intercept is free
    coefficients = weighted_least_squares(design, levels, weights, ridges)
    model, share = design @ coefficients, weights[:, None] / weights.sum()
    variance = (share * (levels - (share * levels).sum(axis=0)) ** 2).sum(axis=0)
    residual = (share * (levels - model) ** 2).sum(axis=0)
    fit = 1 - residual / np.where(variance > 0, variance, 1)
    return coefficients[1:], np.stack([coefficients[0], fit, model[0] - levels[0]])
