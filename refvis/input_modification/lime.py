"""LIME (Ribeiro, Singh & Guestrin 2016): a linear model of a score by which segments are shown, fitted near the image.

It minimises over an intercept a and a coefficient c_j for each of M segments

    sum_i w_i (f(image with segments z_i) - a - <c, z_i>)^2  +  ridge |c|^2,    w_i = exp(-d_i^2 / (2 width^2))

The z_i are random, 0 or 1 with the same probability, but for z_0, which shows all. d_i is the cosine distance of z_i
from it: 1 - sqrt(k / M) where k segments are shown.
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
    """Return the coefficient of each pixel's segment, N x H x W x 1, for each target of x (N x H x W x C). Signed.

    `segments` are H x W whole numbers, the same for every image; "slic" (scikit-image's superpixels); or None, 8 x 8
    squares. Targets as in `deconvolution`, level and `output` as in `rise`; hidden segments become `fill`, one of
    `fills`, or "segment", their own mean colour. The coefficients are exact for the `samples` that are drawn from
    `seed`, `batch` of which are computed at once (None: as many as fit into the memory).

    `measures` has "intercept", "fit" (the weighted R^2 of the linear model), and "image_error", by how much the model
    misses the image's own level. Raises ValueError for what does not exist, for NaN, and for too few samples.
    """
    if not width > 0 or not ridge >= 0:
        raise ValueError(f"width is {width} and ridge is {ridge}, expected a width above 0 and a ridge of 0 or more")
    found, measures, words = [], [], ""
    choices: dict[str, Any] = {}
    selection = Selection(at, channel, position, against, output)
    for image in x[:, None]:
        seen, trace = objective_of(net, image, selection)
        parts = segment_image(net, image, segments, fill, seed)
        shown = drawn(samples, parts.count, seed)
        levels = parts.levels(seen, shown, batch_size(seen.goal, trace, batch), "lime", progress)
        coefficients, measured = _model(shown, levels, width, ridge)
        found.append(parts.paint(coefficients))
        measures.append(measured)
        words, choices = words or parts.words, choices or seen.choices()
    values = array_module(x).concatenate(found)
    options = {"segments": words, "samples": samples, "fill": describe(fill), "width": width, "ridge": ridge}
    made = record("lime", net, x, **choices, **options, seed=seed)
    names = ("intercept", "fit", "image_error")
    return Heatmap(values, True, made, background(net, x, values), dict(zip(names, np.hstack(measures), strict=True)))


def drawn(samples: int, count: int, seed: int) -> Array:
    """Return which of `count` segments each sample shows, samples x count bool: all of them in the first."""
    if samples < 1:
        raise ValueError(f"samples is {samples}, expected 1 or more")
    shown = np.random.default_rng(seed).random((samples, count)) < 0.5
    shown[0] = True
    return shown


def _model(shown: Array, levels: Array, width: float, ridge: float) -> tuple[Array, Array]:
    """Return the coefficients, M x units, and the measures, 3 x units."""
    away = 1 - np.sqrt(shown.mean(axis=1))
    weights = np.exp(-0.5 * (away / width) ** 2)
    design = np.concatenate([np.ones((len(shown), 1)), shown], axis=1)
    held = np.full(design.shape[1], ridge)
    held[0] = 0  # the intercept goes where it wants
    all_of_them = weighted_least_squares(design, levels, weights, held)
    model, share = design @ all_of_them, weights[:, None] / weights.sum()
    spread = (share * (levels - (share * levels).sum(axis=0)) ** 2).sum(axis=0)
    left = (share * (levels - model) ** 2).sum(axis=0)
    fit = 1 - left / np.where(spread > 0, spread, 1)
    return all_of_them[1:], np.stack([all_of_them[0], fit, model[0] - levels[0]])
