"""Segments of an image: an H x W array of whole numbers, equal for the pixels of a segment."""

from typing import Any

import numpy as np

from refvis.layers import Array, ShapeError
from refvis.layers.base.arrays import moved, to_host
from refvis.layers.base.geometry import Pair, pair

CELLS = 8
"""Default number of squares along each axis; its square is the default number of superpixels."""


def squares(extent: tuple[int, int], cells: Pair = CELLS) -> Array:
    """Return `cells` (an int or (y, x)) rectangles, as equal as whole pixels allow, H x W int, numbered row by row.

    Raises ShapeError for more cells than pixels.
    """
    counts = pair(cells, "cells")
    if counts[0] > extent[0] or counts[1] > extent[1]:
        raise ShapeError(f"cells is {counts}, expected at most one for each of {extent[0]} x {extent[1]} pixels")
    rows, columns = (np.arange(pixels) * count // pixels for pixels, count in zip(extent, counts, strict=True))
    return rows[:, None] * counts[1] + columns


def slic(picture: Array, count: int = CELLS * CELLS, compactness: float = 10.0) -> Array:
    """Return about `count` superpixels of a picture (H x W x 3 uint8), H x W int, by scikit-image's SLIC.

    Achanta et al. 2012: k-means of colour (L*a*b*) and place. A larger `compactness` makes squarer superpixels.
    Raises ImportError if scikit-image is missing; ``pip install 'refvis[superpixels]'`` installs it.
    """
    try:
        from skimage.segmentation import slic as skimage_slic
    except ImportError as error:
        raise ImportError("segments='slic' needs scikit-image: pip install 'refvis[superpixels]'") from error
    return np.asarray(skimage_slic(picture, n_segments=count, compactness=compactness, start_label=0))


def label_segments(segments: Any, picture: Array) -> tuple[Array, str]:
    """Return the segments of a picture (H x W x 3 uint8), numbered from 0 without gaps, and a text that names them.

    `segments` is None (8 x 8 squares, fewer for a side of under 8 pixels), "slic", or H x W whole numbers.
    Raises ShapeError for an array of another shape or type, ValueError for anything else.
    """
    extent = picture.shape[:2]
    if segments is None:
        cells = min(CELLS, extent[0]), min(CELLS, extent[1])
        return squares(extent, cells), f"{cells[0]} x {cells[1]} squares"
    if isinstance(segments, str) and segments == "slic":
        return _renumber(slic(picture)), "slic"
    if not hasattr(segments, "dtype"):
        raise ValueError(f"segments is {segments!r}, expected None, 'slic', or an array of whole numbers")
    given = to_host(segments)
    if given.shape != extent or given.dtype.kind not in "iu":
        raise ShapeError(
            f"segments are {given.shape} {given.dtype}, expected {extent} whole numbers, one for each pixel"
        )
    return _renumber(given), "given"


def mean_colours(x: Array, segments: Array) -> Array:
    """Return the image x (1 x H x W x C) with each segment in its mean colour, H x W x C, in its library and dtype."""
    values = to_host(x)[0].reshape(segments.size, -1)
    ones = segments.ravel() == np.arange(segments.max() + 1)[:, None]
    colours = (ones @ values) / ones.sum(axis=1, keepdims=True)
    return moved(colours[segments].astype(x.dtype), "cupy" if hasattr(x, "get") else "numpy")


def _renumber(segments: Array) -> Array:
    return np.unique(segments, return_inverse=True)[1].reshape(segments.shape)
