"""Where occluding boxes stand, and which pixels they covered."""

from collections.abc import Sequence
from itertools import product

import numpy as np

from refvis.layers import Array, ShapeError, array_module
from refvis.layers.incremental.rectangles import Rectangle


def boxes(extent: tuple[int, int], size: tuple[int, int], stride: tuple[int, int]) -> list[Rectangle]:
    """Return the boxes (rows, columns) of `size` that slide over an image of `extent` in steps of `stride`, all (y, x).

    Where the steps do not meet the far border, one more box stands at it, so that every pixel is covered if
    stride <= size. Raises ShapeError for a box larger than the image.
    """
    if size[0] > extent[0] or size[1] > extent[1]:
        raise ShapeError(f"the box is {size[0]} x {size[1]}, larger than the image, {extent[0]} x {extent[1]}")
    starts = [_starts(extent[axis], size[axis], stride[axis]) for axis in (0, 1)]
    return [((y, y + size[0]), (x, x + size[1])) for y, x in product(*starts)]


def _starts(extent: int, size: int, stride: int) -> list[int]:
    found = list(range(0, extent - size + 1, stride))
    return found if found[-1] == extent - size else [*found, extent - size]


def covered(done: Sequence[bool], places: Sequence[Rectangle], extent: tuple[int, int]) -> Array:
    """Return for each pixel whether a box covered it that is done, H x W bool, on the host."""
    found = np.zeros(extent, bool)
    for number, ((top, bottom), (left, right)) in enumerate(places):
        found[top:bottom, left:right] |= done[number]
    return found


def spread(effects: Array, done: Sequence[bool], places: Sequence[Rectangle], extent: tuple[int, int]) -> Array:
    """Return for each pixel the mean effect of the boxes that covered it and are done, 0 where there are none.

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
