"""Pooling: the largest, or the mean, of each window.

    max:  y[n,i,j,c] = max over taps (u, v) of  x[n, s*i + u - p_top, s*j + v - p_left, c]
    avg:  the mean over the same taps

Padding never takes part: it is minus infinity for max, and the mean divides by the number of pixels that exist. Where
several taps are largest, the first in column-major order (down the rows first) takes the whole signal backward. NaN is
larger than any number.
These are MatConvNet's conventions. Caffe rounds the output size up (models that came from Caffe therefore carry a
larger pad at bottom and right); PyTorch's average counts padding unless told not to.
Output height: floor((H + p_top + p_bottom - PH) / s) + 1. Reference: Vedaldi & Lenc, MatConvNet, 2015, section 4.3.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import prod
from typing import Any

from refvis.layers.base.arrays import Array, array_module
from refvis.layers.base.blocks import Block, Fields, Struct
from refvis.layers.base.border import blank, bordered_shape, cropped, padded
from refvis.layers.base.errors import ShapeError
from refvis.layers.base.fields import ChoiceField, PairField, QuadField
from refvis.layers.base.geometry import Window, tap, window_output
from refvis.layers.base.operator import AffineForm, Cut, Locality, Operator, always, reading_at

METHODS = ("max", "avg")


@dataclass(frozen=True, eq=False)
class Pool:
    """Pooling: the largest value, or the mean, of each window; pixels beyond the border do not take part.

        size     of the window in pixels, a number or (y, x)
        stride   in pixels, a number or (y, x). Default 1
        pad      pixels around the image that windows may cover, fewer than `size`: a number, (y, x) or (top, bottom,
                 left, right). Default 0
        method   "max", the default, or "avg"

    Raises ShapeError for sizes that cannot be, and for another method.

    >>> import numpy as np
    >>> from refvis import layers
    >>> x = np.array([1.0, 3.0, 2.0]).reshape(1, 1, 3, 1)
    >>> layers.forward(layers.Pool((1, 2)), x).ravel()
    array([3., 3.])
    >>> layers.forward(layers.Pool((1, 2), method="avg"), x).ravel()
    array([2. , 2.5])
    """

    size: PairField = PairField()
    stride: PairField = PairField(1)
    pad: QuadField = QuadField(0)
    method: ChoiceField = ChoiceField("max", METHODS)

    def __post_init__(self) -> None:
        """Check that every window holds a pixel of the image."""
        if max(self.pad[:2]) >= self.size[0] or max(self.pad[2:]) >= self.size[1]:
            raise ShapeError(
                f"Pool pad is {self.pad} (top, bottom, left, right), expected less than the size {self.size}"
            )


def output_shape(layer: Pool, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape N x H' x W' x C of the output, or raise ShapeError."""
    height, width = window_output(shape, layer.size, layer.stride, layer.pad, what="pooling window")
    return shape[0], height, width, shape[3]


def forward(layer: Pool, x: Array) -> Array:
    """Return y (N x H' x W' x C, dtype of x)."""
    xp = array_module(x)
    windows = list(taps(layer, x.shape))
    wide = padded(x, layer.pad, -xp.inf if layer.method == "max" else 0)
    y = wide[:, windows[0][0], windows[0][1]].copy()
    combine = xp.maximum if layer.method == "max" else xp.add
    for rows, columns in windows[1:]:
        combine(y, wide[:, rows, columns], out=y)
    return y if layer.method == "max" else y / counts(layer, x)


def gradient(layer: Pool, signal: Array, output: Array, x: Array) -> tuple[Array]:
    """Return (dx,): to the winner of each window (max), or in equal parts to its pixels (avg)."""
    xp = array_module(signal, x)
    wide = padded(
        nan_as_infinity(x) if layer.method == "max" else x, layer.pad, xp.nan
    )  # NaN, the border, is equal to nothing
    back = xp.zeros_like(wide)
    if layer.method == "avg":
        share = signal / counts(layer, x)
        for rows, columns in taps(layer, x.shape):
            back[:, rows, columns] += share
    else:
        largest = nan_as_infinity(output)
        free = xp.ones(output.shape, bool)
        for rows, columns in taps(layer, x.shape):
            wins = (wide[:, rows, columns] == largest) & free
            back[:, rows, columns] += xp.where(wins, signal, signal.dtype.type(0))
            free ^= wins
    return (cropped(back, layer.pad, x.shape),)


def nan_as_infinity(values: Array) -> Array:
    """Return NaN as infinity: the maximum of a window that holds NaN is NaN, so NaN wins."""
    xp = array_module(values)
    nan = xp.isnan(values)
    return xp.where(nan, values.dtype.type("inf"), values) if nan.any() else values


def centred(layer: Pool, signal: Array, output: Array, x: Array) -> tuple[Array]:
    """Return the signal at the centre of each window, without switches (Mahendran & Vedaldi 2016).

    A centre that lies on the padding moves to the nearest pixel. Of an even size, the centre is the earlier of the two.
    Averages have no switches, and go back by their gradient.
    """
    if layer.method == "avg":
        return gradient(layer, signal, output, x)
    back = blank(x, layer.pad)
    middle = (layer.size[0] - 1) // 2 + layer.size[0] * ((layer.size[1] - 1) // 2)
    rows, columns = list(taps(layer, x.shape))[middle]
    back[:, rows, columns] += signal
    (top, bottom, left, right), (_, height, width, _) = layer.pad, back.shape
    for axis, before, after, extent in ((1, top, bottom, height), (2, left, right, width)):
        back = _fold_edges(back, axis, before, extent - after)
    return (back,)


def _fold_edges(values: Array, axis: int, first: int, stop: int) -> Array:
    """Return `values` from `first` to before `stop` along an axis, with all values outside added to the edges."""
    moved = array_module(values).moveaxis(values, axis, 0)
    inside = moved[first:stop].copy()
    inside[0] += moved[:first].sum(axis=0)
    inside[-1] += moved[stop:].sum(axis=0)
    return array_module(values).ascontiguousarray(array_module(values).moveaxis(inside, 0, axis))


def taps(layer: Pool, shape: tuple[int, ...]) -> Iterator[tuple[slice, slice]]:
    """Yield for each tap, down the rows first, the rows and columns of the padded input that it meets."""
    _, height, width, _ = output_shape(layer, shape)
    (sy, sx), (size_y, size_x) = layer.stride, layer.size
    for v in range(size_x):
        for u in range(size_y):
            yield tap(u, 1, sy, height), tap(v, 1, sx, width)


def counts(layer: Pool, x: Array) -> Array:
    """Return how many pixels of the image each window holds (1 x H' x W' x 1, dtype of x)."""
    one = padded(array_module(x).ones((1, *x.shape[1:3], 1), x.dtype), layer.pad)
    return sum(one[:, rows, columns] for rows, columns in taps(layer, x.shape))


def window(layer: Pool) -> Window:
    """Return the pooling window."""
    return layer.size, layer.stride, (layer.pad[0], layer.pad[2])


def workspace(layer: Pool, shape: tuple[int, ...]) -> int:
    """Return the numbers in the padded input, and in maxima over columns of windows, which have all its columns."""
    wide = bordered_shape(shape, layer.pad)
    return prod(wide) + shape[0] * output_shape(layer, shape)[1] * wide[2] * shape[3]


def border(layer: Pool) -> float:
    """Return the value of padding: minus infinity where maxima are taken, else zero."""
    return float("-inf") if layer.method == "max" else 0.0


def without_pad(layer: Pool) -> Pool:
    """Return the layer for patches that hold their border."""
    return replace(layer, pad=0)


def divide_by_counts(layer: Pool, y: Array, cut: Cut) -> Array:
    """Return averages of patches that divide by the pixels inside the image, instead of by all of the window."""
    if layer.method == "max" or layer.pad == (0, 0, 0, 0):
        return y
    return y * share_inside(layer, y, cut, 0)[:, :, None, None] * share_inside(layer, y, cut, 1)[:, None, :, None]


def share_inside(layer: Pool, y: Array, cut: Cut, axis: int) -> Array:
    """Return along one axis the window's size divided by its part inside the image (B x positions, like y)."""
    xp, length = array_module(y), layer.size[axis]
    corners = xp.asarray([one[axis] for one in cut.seen])[:, None]
    starts = corners + xp.arange(cut.size[axis]) * layer.stride[axis]
    inside = xp.minimum(starts + length, cut.extent[axis]) - xp.maximum(starts, 0)
    return (length / inside).astype(y.dtype)


def affine(layer: Any, x: Array, *regions: Array) -> AffineForm:
    """Return an average over pixels as y = W x, all weights of an output being equal; ValueError for maxima.

    `ROIPool` has the same form: its regions say where to read, and get nothing.
    """
    if layer.method != "avg":
        raise ValueError(
            f"{type(layer).__name__} takes the largest value, which is not linear: use lrp.pool there (the winner "
            "takes all), or lrp.spread (in proportion to all)"
        )
    return reading_at(layer, x, regions, None)


def from_fields(fields: Fields) -> Pool:
    """Return the layer of a struct in a MatConvNet model; its method, where absent, is max."""
    method = fields.choice("method", "max")
    return Pool(fields.geometry("pool", None), fields.geometry("stride", 1), fields.geometry("pad", 0), method)


def to_fields(layer: Pool) -> Struct:
    """Return the fields of the struct in a MatConvNet model."""
    return {"method": layer.method, "pool": layer.size, "stride": layer.stride, "pad": layer.pad, "opts": []}


OPERATOR = Operator(
    forward,
    gradient,
    output_shape,
    window=window,
    per_image=always,
    local=Locality(bare=without_pad, finish=divide_by_counts, border=border),
    affine=affine,
    matconvnet=Block(
        from_fields,
        "pool",
        "Pooling",
        to_fields,
        renamed=(("pool", "poolSize"),),
        unused=("dilate",),
        options=("method", "pad", "stride"),
        chain_opts=True,
    ),
    workspace=workspace,
)
