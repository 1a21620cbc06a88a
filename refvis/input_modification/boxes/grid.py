"""Grid of boxes that slide over an image, and the map that their effects give."""

from collections.abc import Sequence
from itertools import product

import numpy as np

from refvis.layers import Array, ShapeError, array_module
from refvis.layers.incremental.rectangles import Rectangle


def boxes(extent: tuple[int, int], size: tuple[int, int], stride: tuple[int, int]) -> list[Rectangle]:
    """Return the boxes (rows, columns) of `size` that slide over an image of `extent` in steps of `stride`, all (y, x).

    If the last step ends before the far border, one more box is placed at the border. So every pixel is covered if
    stride <= size. Raises ShapeError for a box larger than the image.
    """
    if size[0] > extent[0] or size[1] > extent[1]:
        raise ShapeError(f"the box is {size[0]} x {size[1]}, larger than the image, {extent[0]} x {extent[1]}")
    starts = [_starts(extent[axis], size[axis], stride[axis]) for axis in (0, 1)]
    return [((y, y + size[0]), (x, x + size[1])) for y, x in product(*starts)]


def _starts(extent: int, size: int, stride: int) -> list[int]:
    starts = list(range(0, extent - size + 1, stride))
    return starts if starts[-1] == extent - size else [*starts, extent - size]


def coverage(done: Sequence[bool], places: Sequence[Rectangle], extent: tuple[int, int]) -> Array:
    """Return for each pixel whether a box that is done covered it, H x W bool, on the host."""
    pixels = np.zeros(extent, bool)
    for number, ((top, bottom), (left, right)) in enumerate(places):
        pixels[top:bottom, left:right] |= done[number]
    return pixels


def mean_over_boxes(
    effects: Array, done: Sequence[bool], places: Sequence[Rectangle], extent: tuple[int, int]
) -> Array:
    """Return for each pixel the mean effect of the boxes that covered it and are done; 0 if there is none.

    `effects` are units x boxes; the result is units x H x W x 1.
    """
    xp = array_module(effects)
    total = xp.zeros((len(effects), *extent, 1), effects.dtype)
    count = xp.zeros((1, *extent, 1), effects.dtype)
    for number, ((top, bottom), (left, right)) in enumerate(places):
        if done[number]:
            total[:, top:bottom, left:right] += effects[:, number, None, None, None]
            count[:, top:bottom, left:right] += 1
    return total / xp.maximum(count, 1)
