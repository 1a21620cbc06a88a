"""Convolution: definition, and what follows from it for backward passes.

With x of N x H x W x C, filters f of K x FH x FW x C/G, biases b of K, stride s, dilate d, pad p (G groups):

    y[n,i,j,k] = b[k] + sum_{u,v,c} f[k,u,v,c] * x[n, s*i + d*u - p_top, s*j + d*v - p_left, c]

where x counts as 0 outside the image. The filter is not flipped (a cross-correlation, as in MatConvNet, Caffe and
PyTorch). Group g of G connects the g-th C/G input channels with the g-th K/G filters; G follows from the channels of x.
Output height: floor((H + p_top + p_bottom - ((FH-1)*d + 1)) / s) + 1, and likewise the width.

Every sum here runs over the filter's taps (u, v): one tap is a strided slice of the padded x and a matrix product over
channels. Read the three functions together: the slice that `forward` reads is the slice that `gradient` adds to.
`conv_tiles.py` computes the same faster; a property test holds it to this file.

Reference: Vedaldi & Lenc, MatConvNet, 2015, section 4.1; filters here have the batch-first order of their images.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from refvis.layers.base.arrays import Array, array_module, require_arrays, summary
from refvis.layers.base.border import blank, cropped, padded
from refvis.layers.base.errors import ShapeError
from refvis.layers.base.geometry import Pair, Quad, pair, quad, tap, window_output


@dataclass(frozen=True, eq=False, repr=False)
class Conv:
    """Convolution with `filters` (K x FH x FW x C/G, or None: each channel passes through) and `biases` (K, or None).

    `stride` and `dilate` take an int or (y, x); `pad` also (top, bottom, left, right), in pixels.
    Raises ShapeError for geometry or parameters that cannot be.
    """

    filters: Array | None
    biases: Array | None = None
    stride: Pair = 1
    pad: Quad = 0
    dilate: Pair = 1

    def __post_init__(self) -> None:
        """Check the fields, and store geometry in full: pairs (y, x), pad with four values."""
        require_arrays(self, or_none=("filters", "biases"))
        for name in ("filters", "biases"):
            array = getattr(self, name)
            if array is not None and array.size == 0:
                object.__setattr__(self, name, None)
        if self.filters is not None and self.filters.ndim != 4:
            raise ShapeError(f"Conv filters have shape {self.filters.shape}, expected K x FH x FW x C")
        if self.biases is not None:
            object.__setattr__(self, "biases", self.biases.reshape(-1))
        if self.filters is not None and self.biases is not None and len(self.biases) != len(self.filters):
            raise ShapeError(f"Conv has {len(self.biases)} biases, expected one per filter: {len(self.filters)}")
        object.__setattr__(self, "stride", pair(self.stride, "Conv stride"))
        object.__setattr__(self, "pad", quad(self.pad, "Conv pad"))
        object.__setattr__(self, "dilate", pair(self.dilate, "Conv dilate"))

    __repr__ = summary

    @property
    def size(self) -> tuple[int, int]:
        """Filter height and width in taps."""
        return (1, 1) if self.filters is None else self.filters.shape[1:3]


def groups(layer: Conv, channels: int) -> int:
    """Return G, the number of groups for an input of that many channels, or raise ShapeError."""
    if layer.filters is None:
        if layer.biases is not None and len(layer.biases) not in (1, channels):
            raise ShapeError(f"Conv without filters has {len(layer.biases)} biases for {channels} channels")
        return channels
    count, depth = len(layer.filters), layer.filters.shape[3]
    if channels % depth or count % (channels // depth):
        raise ShapeError(
            f"the input has {channels} channels, but the {count} filters have {depth} each: "
            f"expected {depth}, or a multiple of it that divides the filters into groups"
        )
    return int(channels // depth)


def output_shape(layer: Conv, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape N x H' x W' x K of the output, or raise ShapeError."""
    groups(layer, shape[3])
    height, width = window_output(shape, layer.size, layer.stride, layer.pad, layer.dilate, "filter")  # type: ignore[arg-type]
    return shape[0], height, width, shape[3] if layer.filters is None else len(layer.filters)


def taps(layer: Conv, height: int, width: int) -> Iterator[tuple[int, int, slice, slice]]:
    """Yield each tap (u, v) with the rows and columns of the padded input that it meets, for that output size."""
    (sy, sx), (dy, dx) = layer.stride, layer.dilate  # type: ignore[misc]
    for u, v in np.ndindex(*layer.size):
        yield u, v, tap(u, dy, sy, height), tap(v, dx, sx, width)


def filters_like(layer: Conv, x: Array) -> Array:
    """Return the filters as G x K/G x FH x FW x C/G in the dtype of x; a missing filter bank is the identity."""
    count = groups(layer, x.shape[3])
    if layer.filters is None:
        return array_module(x).ones((count, 1, 1, 1, 1), x.dtype)
    filters = layer.filters.astype(x.dtype, copy=False)
    return filters.reshape(count, -1, *filters.shape[1:])


def forward(layer: Conv, x: Array) -> Array:
    """Return y of the formula above (N x H' x W' x K, dtype of x)."""
    xp = array_module(x, layer.filters, layer.biases)
    count, height, width, channels = output_shape(layer, x.shape)
    f, wide = filters_like(layer, x), padded(x, layer.pad)
    y = xp.zeros((count, height, width, len(f), channels // len(f)), x.dtype)
    wide = wide.reshape(*wide.shape[:3], len(f), -1)
    for u, v, rows, columns in taps(layer, height, width):
        y += xp.einsum("nijgc,gkc->nijgk", wide[:, rows, columns], f[:, :, u, v])
    y = y.reshape(count, height, width, channels)
    return y if layer.biases is None else y + layer.biases.astype(x.dtype, copy=False)


def gradient(layer: Conv, signal: Array, output: Array | None, x: Array) -> tuple[Array]:
    """Return (dx,), the adjoint of `forward` in x: what each tap read, it gives back."""
    xp = array_module(signal, x, layer.filters)
    f = filters_like(layer, x)
    wide = blank(x, layer.pad)
    grouped = wide.reshape(*wide.shape[:3], len(f), -1)
    g = signal.reshape(*signal.shape[:3], len(f), -1)
    for u, v, rows, columns in taps(layer, *signal.shape[1:3]):
        grouped[:, rows, columns] += xp.einsum("nijgk,gkc->nijgc", g, f[:, :, u, v])
    return (cropped(wide, layer.pad, x.shape),)


def parameter_gradients(layer: Conv, signal: Array, output: Array | None, x: Array) -> dict[str, Any]:
    """Return {"filters": df, "biases": db} (those that the layer has), the adjoint of `forward` in them."""
    xp = array_module(signal, x, layer.filters)
    found: dict[str, Any] = {}
    if layer.filters is not None:
        df, wide = xp.zeros_like(filters_like(layer, x)), padded(x, layer.pad)
        wide = wide.reshape(*wide.shape[:3], len(df), -1)
        g = signal.reshape(*signal.shape[:3], len(df), -1)
        for u, v, rows, columns in taps(layer, *signal.shape[1:3]):
            df[:, :, u, v] = xp.einsum("nijgk,nijgc->gkc", g, wide[:, rows, columns])
        found["filters"] = df.reshape(layer.filters.shape)
    if layer.biases is not None:
        found["biases"] = bias_gradient(layer.biases, signal)
    return found


def bias_gradient(biases: Array, signal: Array) -> Array:
    """Return the sum of the signal over all positions, for each bias (a single bias serves all channels)."""
    each = signal.sum(axis=(0, 1, 2))
    return each if len(biases) == len(each) else each.sum(keepdims=True)
