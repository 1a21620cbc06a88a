"""FeatureVis' boxes: where they stand, and what fills them."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from refvis.layers import Array, array_module

Fill = Callable[[int, int], Array]
"""Height and width of a box -> what stands in it: h x w x C, or three numbers for its first three channels."""


def four(spec: Sequence[int]) -> tuple[int, int, int, int]:
    """Return (size_w, stride_w, size_h, stride_h) of a spec of two or four; ValueError for what is no such spec."""
    given = tuple(spec) if isinstance(spec, Sequence) else ()
    if len(given) not in (2, 4) or not all(hasattr(number, "__index__") and number > 0 for number in given):
        raise ValueError(
            f"the box is {spec!r}, expected (size, stride) or (size_w, stride_w, size_h, stride_h), whole numbers"
        )
    size_w, stride_w, size_h, stride_h = given if len(given) == 4 else given * 2
    return size_w, stride_w, size_h, stride_h


def strips(extent: int, size: int, stride: int) -> list[slice]:
    """Return where boxes stand along one axis: they are as wide as the stride; the size only shifts the first one.

    They are cut at the borders; where the size is twice the stride or more, the first ones are empty.
    """
    starts = range(stride - size, extent - stride + 1, stride)
    return [slice(max(start, 0), max(start + stride, 0)) for start in starts]


def filler(x: Array, box_color: Any, version: str, seed: int) -> Fill:
    """Return what fills boxes; ValueError for a colour that is not three numbers, and for less than three channels."""
    xp, channels = array_module(x), x.shape[3]
    if box_color is None and version == "dagnn":
        dice = np.random.default_rng(seed)
        return lambda h, w: xp.asarray((dice.random((h, w, channels)) * 256 - 128).astype(x.dtype))
    if channels < 3:
        raise ValueError(f"the image has {channels} channel(s): FeatureVis covers the first three with its colour")
    if box_color is None:
        means = x[0, :, :, :3].mean(axis=(0, 1))
        return lambda h, w: -means
    try:
        colour = xp.asarray(box_color, x.dtype).reshape(3)
    except (TypeError, ValueError) as error:
        raise ValueError(f"box_color is {box_color!r}, expected three numbers") from error
    return lambda h, w: colour
