"""Where occluding boxes stand, and what fills them."""

from itertools import product
from typing import Any

import numpy as np

from refvis.layers import Array, ShapeError, array_module

Box = tuple[slice, slice]


def boxes(extent: tuple[int, int], size: tuple[int, int], stride: tuple[int, int]) -> list[Box]:
    """Return the boxes (rows, columns) of `size` that slide over an image of `extent` in steps of `stride`, all (y, x).

    Where the steps do not meet the far border, one more box stands at it, so that every pixel is covered if
    stride <= size. Raises ShapeError for a box larger than the image.
    """
    if size[0] > extent[0] or size[1] > extent[1]:
        raise ShapeError(f"the box is {size[0]} x {size[1]}, larger than the image, {extent[0]} x {extent[1]}")
    starts = [_starts(extent[axis], size[axis], stride[axis]) for axis in (0, 1)]
    return [(slice(y, y + size[0]), slice(x, x + size[1])) for y, x in product(*starts)]


def _starts(extent: int, size: int, stride: int) -> list[int]:
    found = list(range(0, extent - size + 1, stride))
    return found if found[-1] == extent - size else [*found, extent - size]


def filler(fill: Any, x: Array, seed: int) -> Any:
    """Return a function (number of the box, its size (y, x)) -> what fills it, y x x x C or 1 x 1 x C, like input x.

    `fill` is "mean" (zero: the average image that preprocessing subtracts), "random" (uniform between the smallest and
    the largest value of x, per pixel and channel; each box has a stream of its own, so its noise depends on the seed
    and its number only), a number, or one number per channel. Raises ValueError for anything else.
    """
    xp, channels = array_module(x), x.shape[3]
    if isinstance(fill, str) and fill == "random":
        low, high = float(x.min()), float(x.max())

        def noise(number: int, size: tuple[int, int]) -> Array:
            dice = np.random.default_rng([seed, number])
            return xp.asarray(dice.uniform(low, high, (*size, channels)).astype(x.dtype))

        return noise
    try:
        colour = np.zeros(channels) if isinstance(fill, str) and fill == "mean" else np.asarray(fill, "float64")
    except (TypeError, ValueError):
        raise _unknown(fill, channels) from None
    if colour.size not in (1, channels) or not np.isfinite(colour).all():
        raise _unknown(fill, channels)
    constant = xp.asarray(np.broadcast_to(colour.reshape(1, 1, -1), (1, 1, channels)).astype(x.dtype))
    return lambda number, size: constant


def _unknown(fill: Any, channels: int) -> ValueError:
    return ValueError(f"fill is {fill!r}, expected 'mean', 'random', a number, or {channels} numbers (one per channel)")
