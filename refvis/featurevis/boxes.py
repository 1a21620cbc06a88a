"""FeatureVis' boxes: their positions and their fill."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from refvis.layers import Array, array_module

Fill = Callable[[int, int], Array]
"""Height and width of a box -> its values: h x w x C, or three numbers for its first three channels."""


def box_geometry(spec: Sequence[int]) -> tuple[int, int, int, int]:
    """Return (size_w, stride_w, size_h, stride_h) of a spec of two or four numbers; ValueError for any other spec."""
    given = tuple(spec) if isinstance(spec, Sequence) else ()
    if len(given) not in (2, 4) or not all(hasattr(number, "__index__") and number > 0 for number in given):
        raise ValueError(
            f"the box is {spec!r}, expected (size, stride) or (size_w, stride_w, size_h, stride_h), whole numbers"
        )
    size_w, stride_w, size_h, stride_h = given if len(given) == 4 else given * 2
    return size_w, stride_w, size_h, stride_h


def box_spans(extent: int, size: int, stride: int) -> list[slice]:
    """Return the spans of boxes along one axis. Each is as long as the stride; the size only shifts the first one.

    Spans are cut at the borders. If the size is at least twice the stride, the first spans are empty.
    """
    starts = range(stride - size, extent - stride + 1, stride)
    return [slice(max(start, 0), max(start + stride, 0)) for start in starts]


def box_fill(x: Array, box_color: Any, version: str, seed: int) -> Fill:
    """Return the fill of boxes. Raises ValueError unless the colour is three numbers, or for fewer than 3 channels."""
    xp, channels = array_module(x), x.shape[3]
    if box_color is None and version == "dagnn":
        rng = np.random.default_rng(seed)
        return lambda h, w: xp.asarray((rng.random((h, w, channels)) * 256 - 128).astype(x.dtype))
    if channels < 3:
        raise ValueError(
            f"the image has {channels} channel(s): FeatureVis covers the first three channels with its colour"
        )
    if box_color is None:
        means = x[0, :, :, :3].mean(axis=(0, 1))
        return lambda h, w: -means
    try:
        colour = xp.asarray(box_color, x.dtype).reshape(3)
    except (TypeError, ValueError) as error:
        raise ValueError(f"box_color is {box_color!r}, expected three numbers") from error
    return lambda h, w: colour
