"""Segments of an image: an H x W array of whole numbers, the same number wherever pixels belong together."""

from typing import Any

import numpy as np

from refvis.layers import Array, ShapeError
from refvis.layers.base.arrays import moved
from refvis.layers.base.geometry import Pair, pair

CELLS = 8
"""Squares along each axis, and the root of the number of superpixels, unless told otherwise."""


def squares(extent: tuple[int, int], cells: Pair = CELLS) -> Array:
    """Return `cells` (an int or (y, x)) rectangles, as equal as whole pixels allow, H x W int, numbered row by row."""
    counts = pair(cells, "cells")
    if counts[0] > extent[0] or counts[1] > extent[1]:
        raise ShapeError(f"cells is {counts}, expected at most one for each of {extent[0]} x {extent[1]} pixels")
    rows, columns = (np.arange(pixels) * count // pixels for pixels, count in zip(extent, counts, strict=True))
    return rows[:, None] * counts[1] + columns


def slic(picture: Array, count: int = CELLS * CELLS, compactness: float = 10.0) -> Array:
    """Return about `count` superpixels of a picture (H x W x 3 uint8), H x W int, by scikit-image's SLIC.

    Achanta et al. 2012: k-means of colour (L*a*b*) and place; a larger `compactness` makes them squarer.
    Raises ImportError where scikit-image is missing: ``pip install 'refvis[superpixels]'`` brings it.
    """
    try:
        from skimage.segmentation import slic as found
    except ImportError as error:
        raise ImportError("segments='slic' needs scikit-image: pip install 'refvis[superpixels]'") from error
    return np.asarray(found(picture, n_segments=count, compactness=compactness, start_label=0))


def segmented(segments: Any, picture: Array) -> tuple[Array, str]:
    """Return the segments of a picture (H x W x 3 uint8), numbered from 0 without gaps, and what they are, in words.

    `segments` is None (8 x 8 squares, or one for each pixel of a short side), "slic", or H x W whole numbers.
    Raises ValueError for anything else.
    """
    extent = picture.shape[:2]
    if segments is None:
        cells = min(CELLS, extent[0]), min(CELLS, extent[1])
        return squares(extent, cells), f"{cells[0]} x {cells[1]} squares"
    if isinstance(segments, str) and segments == "slic":
        return _numbered(slic(picture)), "slic"
    if not hasattr(segments, "dtype"):
        raise ValueError(f"segments is {segments!r}, expected None, 'slic', or an array of whole numbers")
    given = moved(segments, "numpy")
    if given.shape != extent or given.dtype.kind not in "iu":
        raise ShapeError(
            f"segments are {given.shape} {given.dtype}, expected {extent} whole numbers, one for each pixel"
        )
    return _numbered(given), "given"


def means(x: Array, segments: Array) -> Array:
    """Return the image x (1 x H x W x C) with each segment in its mean colour, H x W x C, in its library and dtype."""
    values = moved(x, "numpy")[0].reshape(segments.size, -1)
    ones = segments.ravel() == np.arange(segments.max() + 1)[:, None]
    colours = (ones @ values) / ones.sum(axis=1, keepdims=True)
    return moved(colours[segments].astype(x.dtype), "cupy" if hasattr(x, "get") else "numpy")


def _numbered(segments: Array) -> Array:
    return np.unique(segments, return_inverse=True)[1].reshape(segments.shape)
