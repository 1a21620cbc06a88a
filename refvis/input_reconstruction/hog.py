"""HOG and dense SIFT as networks (Mahendran & Vedaldi 2015, section 4.1), so that `inversion` applies to them.

    gray         the image, which has one channel; the 1 x 1 filter rejects images with more
    gradient     <g, u_k> for K directions u_k = (cos 2 pi k / K, sin 2 pi k / K): a convolution
    vote         max(0, <g, u_k> - a |g|) / (1 - a),  a = cos(2 pi / K): offset by the norm, ReLU, 1 x 1 convolution
    cells        votes of pixels around each cell, weighted bilinearly by their distance from its centre: a convolution
    blocks       the cells of each block, concatenated: a convolution
    L2-Hys       y / sqrt(|y|^2 + epsilon^2), clipped at 0.2, and normalised again

The vote is the authors' approximation. Dalal & Triggs 2005 share |g| linearly in the angle between the two nearest
directions; others give it all to the nearest one. Here, too, a direction along g gets |g| and all others nothing; but
between two directions both get more (for K = 18 up to 0.75 |g| instead of 0.5 |g|).
All layer types exist in MatConvNet. SIFT is from Lowe 2004; HOG was first inverted by Vondrick et al. 2013.
"""

from math import cos, pi, sqrt
from typing import Any

import numpy as np

from refvis.layers import Array, Conv, Layer, NormalizeLp, NormOffset, ReLU, ShapeError
from refvis.network import Network, chain

CLIP = 0.2
"""Largest value of a normalised block, in SIFT and in L2-Hys."""
EPSILON = 1.0, 0.01
"""Epsilon of the two normalisations, which prevents division by zero: in gray levels, and in normalised values."""
GRAY = 128.0
"""The gray level that `preprocess` subtracts: an input of zeros is a middle gray."""


def hog(size: tuple[int, int] | None = None, cell: int = 8) -> Network:
    """Return Dalal & Triggs' (2005) HOG as a network for gray images, N x H x W x 1 with values 0 ... 255 minus 128.

    It is their R-HOG: 9 unsigned directions, blocks of 2 x 2 cells at each cell, and L2-Hys normalisation, but without
    their Gaussian weights within a block. (DPM's variant with 31 values per cell is a different descriptor.) The output
    has 36 channels, cell by cell. `preprocess` makes colour images gray; inputs with several channels are rejected.

    `size` (H, W) is the size of the images; by default they may have any. `cell` is the size of a cell in pixels.
    Raises ShapeError for an odd cell.

    >>> import refvis
    >>> net = refvis.hog(size=(64, 64))
    >>> net.forward(net.preprocess(refvis.scenes.scene(7).image)).output.shape
    (1, 7, 7, 36)
    """
    return _histograms("hog", size, directions=18, folded=True, cell=cell, block=2)


def dsift(size: tuple[int, int] | None = None, cell: int = 4) -> Network:
    """Return dense SIFT (Lowe 2004) as a network for images like those of `hog`: blocks of 4 x 4 cells, 8 directions.

    There is a descriptor of 128 channels at each cell, without Lowe's Gaussian weights and without rotation. `size` and
    `cell` as in `hog`.

    >>> import refvis
    >>> net = refvis.dsift(size=(64, 64))
    >>> net.forward(net.preprocess(refvis.scenes.scene(7).image)).output.shape
    (1, 13, 13, 128)
    """
    return _histograms("dsift", size, directions=8, folded=False, cell=cell, block=4)


def _histograms(
    name: str, size: tuple[int, int] | None, directions: int, folded: bool, cell: int, block: int
) -> Network:
    """Return the network of the formulas above; `folded` adds opposite directions."""
    if cell < 2 or cell % 2:
        raise ShapeError(f"cells of {cell} pixels have no centre between pixels, expected an even number from 2")
    bins = directions // 2 if folded else directions
    threshold = cos(2 * pi / directions)
    values = block * block * bins
    clip_minus = Conv(np.full((values, 1, 1, 1), -1.0), np.full(values, CLIP))  # min(y, c) = c - max(c - y, 0)
    layers: dict[str, Layer] = {
        # Without this layer, the 18 filters would treat three channels as three groups: a different descriptor.
        "gray": Conv(np.ones((1, 1, 1, 1))),
        "gradient": Conv(_derivatives(directions)),
        # The offset is a |g|, since the sum over k of <g, u_k>^2 is K |g|^2 / 2.
        "offset": NormOffset(alpha=threshold * sqrt(2 / directions), beta=0.5),
        "gate": ReLU(),
        "votes": Conv(_folding(directions, bins) / (1 - threshold)),
        "cells": Conv(_tent(cell, bins), stride=cell, pad=cell // 2 + 1),  # the 1 is the border without gradient
        "blocks": Conv(np.eye(values).reshape(-1, block, block, bins)),
        "norm": NormalizeLp(p=2, epsilon=EPSILON[0] ** 2),
        "room": clip_minus,
        "clip": ReLU(),
        "clipped": clip_minus,
        "norm2": NormalizeLp(p=2, epsilon=EPSILON[1] ** 2),
    }
    known: dict[str, Any] = {"averageImage": np.array([GRAY], "float32")}
    return chain(layers, {"normalization": known | ({"imageSize": (*size, 1)} if size else {})}, name)


def _derivatives(directions: int) -> Array:
    """Return filters for half the difference of the two neighbours along each direction, K x 3 x 3 x 1."""
    filters = np.zeros((directions, 3, 3, 1))
    angles = 2 * np.pi * np.arange(directions) / directions
    filters[:, 1, 2, 0], filters[:, 1, 0, 0] = np.cos(angles) / 2, -np.cos(angles) / 2
    filters[:, 2, 1, 0], filters[:, 0, 1, 0] = np.sin(angles) / 2, -np.sin(angles) / 2
    return filters


def _folding(directions: int, bins: int) -> Array:
    """Return the 1 x 1 filters that add direction k to bin k mod `bins`, bins x 1 x 1 x K."""
    numbers = np.arange(directions) % bins
    return (np.arange(bins)[:, None] == numbers).astype(float).reshape(bins, 1, 1, directions)


def _tent(cell: int, bins: int) -> Array:
    """Return a filter for each bin, over 2 x 2 cells: 1 at the centre, falling linearly to 0 along each axis."""
    ramp = 1 - np.abs(np.arange(2 * cell) + 0.5 - cell) / cell
    return np.tile(np.outer(ramp, ramp)[None, :, :, None], (bins, 1, 1, 1))
