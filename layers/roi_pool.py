"""Pooling of regions of interest: the largest value, or the mean, of each tile of each region.

A region is five numbers (t, u0, v0, u1, v1): the image, and the first and last column (u) and row (v), all counted from
1, as MatConvNet does. The corners go through `transform`, u' = T (u - 1) + 1, and are rounded (halves away from zero).
Rows v0' ... v1' (at least one) are h; tile i of SH takes rows floor(i h / SH) ... ceil((i+1) h / SH) - 1 of them, and
columns likewise: tiles may overlap. Pixels outside the image do not count, and a tile without any gives 0.

Output size: R x SH x SW x C, or with `flatten` R x 1 x 1 x (SH*SW*C), rows fastest, then columns, then channels.
Its gradient: g to the winner of each tile (max; the first down the rows if several are largest), or in equal parts to
its pixels (avg); regions have no derivative. Caffe's ROIPooling does the same with max, and counts from 0.
torchvision's `roi_pool` also: max only, from 0. Reference: MatConvNet `vl_nnroipool`; Girshick, Fast R-CNN, ICCV 2015.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from refvis.layers.base.arrays import Array, array_module
from refvis.layers.base.blocks import Block, Fields, Struct
from refvis.layers.base.errors import ShapeError
from refvis.layers.base.fields import ChoiceField, ConvertedField, PairField
from refvis.layers.base.operator import Operator
from refvis.layers.pool import METHODS, affine


@dataclass(frozen=True, eq=False)
class ROIPool:
    """Pooling of regions of interest: the largest value, or the mean, of each tile of each region.

        subdivisions   tiles of a region, a number or (rows, columns). Default 1
        method         "max", the default, or "avg"
        transform      from the regions' coordinates to those of the input: a factor, two factors (for u, for v), or
                       2 x 3 numbers T: u' = T00 u + T01 v + T02, v' likewise. Default 1
        flatten        whether the output is R x 1 x 1 x (SH*SW*C) instead of R x SH x SW x C. Default False

    The second input holds a region (t, u0, v0, u1, v1) per column, 5 x R: image, first column and row, last column and
    row, counted from 1. Raises ShapeError for other values.

    >>> import numpy as np
    >>> from refvis import layers
    >>> x = np.arange(6.0).reshape(1, 2, 3, 1)
    >>> regions = np.array([[1.0, 2.0, 1.0, 3.0, 2.0]]).T  # of image 1, columns 2 and 3 of rows 1 and 2
    >>> layers.forward(layers.ROIPool(), x, regions).item()
    5.0
    """

    subdivisions: PairField = PairField(1)
    method: ChoiceField = ChoiceField("max", METHODS)
    transform: ConvertedField = ConvertedField(lambda transform: matrix_rows(transform), 1.0)
    flatten: bool = False


def matrix_rows(transform: Any) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
    """Return a transform, given in any of the three forms, as two rows of three numbers, or raise ShapeError."""
    try:
        given = transform.tolist() if hasattr(transform, "tolist") else transform
        rows = tuple(given) if hasattr(given, "__iter__") else (given, given)
        if all(hasattr(row, "__iter__") for row in rows):
            (a, b, c), (d, e, f) = (tuple(float(number) for number in row) for row in rows)
        else:
            a, e = (float(number) for number in rows)
            b, c, d, f = 0.0, 1 - a, 0.0, 1 - e
    except (TypeError, ValueError):
        raise ShapeError(f"ROIPool transform is {transform!r}, expected one, two, or 2 x 3 numbers") from None
    return (a, b, c), (d, e, f)


def output_shape(layer: ROIPool, shape: tuple[int, ...], rois: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape of the output for R regions, 5 x R or R x 1 x 1 x 5, or raise ShapeError."""
    fits = (len(rois) == 2 and rois[0] == 5) or (len(rois) == 4 and tuple(rois[1:]) == (1, 1, 5))
    count = rois[-1] if len(rois) == 2 else rois[0] if rois else 0
    if not fits or count < 1:
        raise ShapeError(f"the regions have shape {tuple(rois)}, expected 5 x R or R x 1 x 1 x 5, R at least 1")
    height, width = layer.subdivisions
    return (count, 1, 1, height * width * shape[3]) if layer.flatten else (count, height, width, shape[3])


def forward(layer: ROIPool, x: Array, rois: Array) -> Array:
    """Return y (R x SH x SW x C, or flattened; dtype of x)."""
    xp = array_module(x, rois)
    shape = output_shape(layer, x.shape, rois.shape)
    y = xp.zeros((shape[0], *layer.subdivisions, x.shape[3]), x.dtype)
    for r, i, j, n, rows, columns in tiles(layer, x, rois):
        tile = x[n, rows, columns]
        y[r, i, j] = tile.max(axis=(0, 1)) if layer.method == "max" else tile.mean(axis=(0, 1))
    return y.transpose(0, 3, 2, 1).reshape(shape) if layer.flatten else y


def gradient(layer: ROIPool, signal: Array, output: Array | None, x: Array, rois: Array) -> tuple[Array, Array]:
    """Return (dx, zeros): to the winner of each tile (max), or in equal parts to its pixels (avg)."""
    xp, (height, width), channels = array_module(signal, x, rois), layer.subdivisions, x.shape[3]
    g = signal.reshape(-1, channels, width, height).transpose(0, 3, 2, 1) if layer.flatten else signal
    dx, all_channels = xp.zeros_like(x), xp.arange(channels)
    for r, i, j, n, rows, columns in tiles(layer, x, rois):
        back = dx[n, rows, columns]
        if layer.method == "avg":
            back += g[r, i, j].sum(axis=(0, 1)) / (back.shape[0] * back.shape[1])
        else:
            down = x[n, rows, columns].transpose(1, 0, 2).reshape(-1, channels).argmax(axis=0)
            back[down % back.shape[0], down // back.shape[0], all_channels] += g[r, i, j].sum(axis=(0, 1))
    return dx, xp.zeros(rois.shape, x.dtype)


def tiles(layer: ROIPool, x: Array, rois: Array) -> Iterator[tuple[int, slice, slice, int, slice, slice]]:
    """Yield region, rows and columns of tiles that cover the same, and what each covers: image, rows, columns.

    Empty tiles are left out.
    """
    table = (rois.T if rois.ndim == 2 else rois.reshape(-1, 5)).tolist()
    for r, (t, u0, v0, u1, v1) in enumerate(table):
        if t not in range(1, len(x) + 1):
            raise ShapeError(f"region {r} lies in image {t}, expected a whole number in 1 ... {len(x)}")
        (left, top), (right, bottom) = (corner(layer, x, u, v) for u, v in ((u0, v0), (u1, v1)))
        across = list(parts(left, right, layer.subdivisions[1], x.shape[2]))
        for i, rows in parts(top, bottom, layer.subdivisions[0], x.shape[1]):
            for j, columns in across:
                if rows.start < rows.stop and columns.start < columns.stop:
                    yield r, i, j, int(t) - 1, rows, columns


def corner(layer: ROIPool, x: Array, u: float, v: float) -> tuple[int, int]:
    """Return column and row, counted from 0, of a corner: transformed, in the precision of x, and rounded."""
    moved = [float(x.dtype.type(a * u + b * v + c)) for a, b, c in layer.transform]
    if not all(map(math.isfinite, moved)):
        raise ShapeError(f"a region has a corner at ({u}, {v}), moved to {tuple(moved)}, expected finite numbers")
    column, row = (int(math.copysign(math.floor(abs(value) + 0.5), value)) - 1 for value in moved)
    return column, row


def parts(first: int, last: int, count: int, extent: int) -> Iterator[tuple[slice, slice]]:
    """Yield which of `count` parts of the pixels first ... last cover the same pixels of an axis, and these pixels.

    Part k starts at pixel r or later from k = ceil((r - first) * count / length) on, and stops at r or later from
    k = floor((r - first - 1) * count / length) on. So there are at most two changes for each of the `extent` pixels.
    """
    length = max(last - first + 1, 1)
    changes: Sequence[int] = range(count)
    if count > 2 * extent:
        starts = {-(-(r - first) * count // length) for r in range(1, extent + 1)}
        stops = {(r - first - 1) * count // length for r in range(1, extent + 1)}
        changes = sorted({0, *(k for k in starts | stops if 0 < k < count)})
    for k, following in zip(changes, [*changes[1:], count], strict=True):
        start, stop = first + k * length // count, first - (-(k + 1) * length // count)
        yield slice(k, following), slice(min(max(start, 0), extent), min(max(stop, 0), extent))


def from_fields(fields: Fields) -> ROIPool:
    """Return the layer of a block in a MatConvNet model; transform is a factor, two, or 2 x 3 numbers."""
    numbers = fields.numbers("transform", (1.0,), (1, 2, 6))
    transform: Any = numbers[0] if len(numbers) == 1 else numbers
    if len(numbers) == 6:
        transform = fields.matrix("transform", (2, 3))
    subdivisions = fields.geometry("subdivisions", 6)
    return ROIPool(subdivisions, (fields.text("method") or "max").lower(), transform, fields.flag("flatten", False))


def to_fields(layer: ROIPool) -> Struct:
    """Return the fields of the block in a MatConvNet model."""
    fields = {"method": layer.method, "subdivisions": layer.subdivisions, "flatten": bool(layer.flatten)}
    return {**fields, "transform": layer.transform}


OPTIONS = ("method", "subdivisions", "transform")
"""Fields that `opts` of the block may hold, too."""

OPERATOR = Operator(
    forward,
    gradient,
    output_shape,
    whole_image=True,
    affine=affine,
    matconvnet=Block(from_fields, block="ROIPooling", more=to_fields, inputs=(2,), options=OPTIONS),
)
