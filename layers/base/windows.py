"""The windows of layers: what one position of the output sees of the input, for receptive fields.

A function ``layer -> window``, or None where no window describes what is seen.
"""

from fractions import Fraction
from typing import Any, TypeAlias

from refvis.layers import (
    batch_norm,
    concat,
    conv,
    conv_transpose,
    crop,
    normalize_lp,
    pairwise_distance,
    pool,
    scale,
    spatial_norm,
)

Number: TypeAlias = Any
"""Pixels: an int, or a Fraction behind a window that moves by parts of a pixel."""

Window: TypeAlias = tuple[tuple[Number, Number], tuple[Number, Number], tuple[Number, Number]]
"""Pixels covered, stride, and pad before, each (y, x)."""

POINT: Window = (1, 1), (1, 1), (0, 0)
"""The window of a layer that sees position by position."""


def conv_window(layer: conv.Conv) -> Window:
    """A dilated window covers what lies between its taps, too."""
    size, dilate, pad = layer.size, layer.dilate, layer.pad
    covered = (size[0] - 1) * dilate[0] + 1, (size[1] - 1) * dilate[1] + 1  # type: ignore[index]
    return covered, layer.stride, (pad[0], pad[2])  # type: ignore[return-value,index,misc]


def pool_window(layer: pool.Pool) -> Window:
    """The pooling window."""
    return layer.size, layer.stride, (layer.pad[0], layer.pad[2])  # type: ignore[return-value,index,misc]


def conv_transpose_window(layer: conv_transpose.ConvTranspose) -> Window:
    """Output i is written by the inputs from (i + crop - (size - 1)) / upsample to (i + crop) / upsample."""
    axes = range(2)
    size, step, crop = layer.size, layer.upsample, (layer.crop[0], layer.crop[2])  # type: ignore[index,misc]
    covered = tuple(1 + Fraction(size[a] - 1, step[a]) for a in axes)  # type: ignore[index]
    before = tuple(Fraction(size[a] - 1 - crop[a], step[a]) for a in axes)  # type: ignore[index]
    return covered, tuple(Fraction(1, step[a]) for a in axes), before  # type: ignore[return-value,index]


def batch_norm_window(layer: batch_norm.BatchNorm) -> Window | None:
    """With the batch's own moments, every value depends on every other."""
    return None if layer.moments is None else POINT


def concat_window(layer: concat.Concat) -> Window | None:
    """Images side by side have no common window."""
    return POINT if layer.axis in (0, 3) else None


def crop_window(layer: crop.Crop) -> Window:
    """A crop shifts what is seen down and to the right."""
    top, left = layer.offset  # type: ignore[misc]
    return (1, 1), (1, 1), (-top, -left)


def scale_window(layer: scale.Scale) -> Window | None:
    """A factor that is an input may be one for all positions: then no window describes what is seen."""
    return None if layer.scale is None else POINT


def normalize_lp_window(layer: normalize_lp.NormalizeLp) -> Window | None:
    """A sum over a whole axis sees all of it."""
    return None if {1, 2} & set(normalize_lp.axes(layer)) else POINT


def spatial_norm_window(layer: spatial_norm.SpatialNorm) -> Window:
    """The window over which the mean is taken."""
    return pool_window(spatial_norm.mean(layer))


def distance_window(layer: pairwise_distance.PairwiseDistance) -> Window | None:
    """Summed over positions, a distance sees everything."""
    return None if layer.aggregate else POINT
