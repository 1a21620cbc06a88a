"""Convolution: definition, and what follows from it for backward passes.

With x of N x H x W x C, filters f of K x FH x FW x C/G, biases b of K, stride s, dilate d, pad p (G groups):

    y[n,i,j,k] = b[k] + sum_{u,v,c} f[k,u,v,c] * x[n, s*i + d*u - p_top, s*j + d*v - p_left, c]

where x counts as 0 outside the image. The filter is not flipped (a cross-correlation, as in MatConvNet, Caffe and
PyTorch). Group g of G connects the g-th C/G input channels with the g-th K/G filters; G follows from the channels of x.
Output height: floor((H + p_top + p_bottom - ((FH-1)*d + 1)) / s) + 1, and likewise the width.

Every sum here runs over the filter's taps (u, v): one tap is a strided slice of the padded x and a matrix product over
channels. Read the three functions together: the slice that `forward` reads is the slice that `gradient` adds to.
`fast/conv.py` computes the same faster; a property test compares it with this file.

Reference: Vedaldi & Lenc, MatConvNet, 2015, section 4.1; filters here have the batch-first order of their images.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import prod
from typing import Any

import numpy as np

from refvis.layers.base.arrays import Array, array_module, summary
from refvis.layers.base.blocks import FILTERS, Block, Fields, Struct, filter_size
from refvis.layers.base.border import blank, bordered_shape, cropped, padded
from refvis.layers.base.errors import ShapeError
from refvis.layers.base.fields import ArrayField, PairField, QuadField, VectorField
from refvis.layers.base.geometry import Window, dilated_size, tap, window_output
from refvis.layers.base.operator import AffineForm, Locality, Operator, always


@dataclass(frozen=True, eq=False, repr=False)
class Conv:
    """Convolution, y[i,j,k] = b[k] + sum_{u,v,c} f[k,u,v,c] x[s i + d u - p_top, s j + d v - p_left, c].

        filters   f, K x FH x FW x C/G, or None: each channel passes through
        biases    b, of K, or None. Default: None
        stride    s in pixels, a number or (y, x). Default 1
        pad       p, zeros around the image, in pixels: a number, (y, x) or (top, bottom, left, right). Default 0
        dilate    d, the distance of the filter's taps in pixels, a number or (y, x). Default 1

    Raises ShapeError for sizes that cannot be, TypeError for filters or biases that are no arrays.

    >>> import numpy as np
    >>> from refvis import layers
    >>> layer = layers.Conv(np.array([1.0, 10.0]).reshape(1, 1, 2, 1), biases=np.array([100.0]))
    >>> x = np.array([1.0, 2.0, 3.0]).reshape(1, 1, 3, 1)
    >>> layers.forward(layer, x).ravel()
    array([121., 132.])
    """

    filters: ArrayField = ArrayField(empty_is_none=True)
    biases: VectorField = VectorField(None, empty_is_none=True)
    stride: PairField = PairField(1)
    pad: QuadField = QuadField(0)
    dilate: PairField = PairField(1)

    def __post_init__(self) -> None:
        """Check the parameters' shapes."""
        if self.filters is not None and self.filters.ndim != 4:
            raise ShapeError(f"Conv filters have shape {self.filters.shape}, expected K x FH x FW x C")
        if self.filters is not None and self.biases is not None and len(self.biases) != len(self.filters):
            raise ShapeError(f"Conv has {len(self.biases)} biases, expected one per filter: {len(self.filters)}")

    __repr__ = summary

    @property
    def size(self) -> tuple[int, int]:
        """Filter height and width in taps."""
        filters = self.filters
        return (1, 1) if filters is None else (filters.shape[1], filters.shape[2])


def groups(layer: Conv, channels: int, shape: tuple[int, ...] | None = None) -> int:
    """Return G, the number of groups for an input of that many channels, or raise ShapeError.

    With the input's `shape`, the error says which transpose would make filters and input fit.
    """
    filters = layer.filters
    if filters is None:
        if layer.biases is not None and len(layer.biases) not in (1, channels):
            raise ShapeError(f"Conv without filters has {len(layer.biases)} biases for {channels} channels")
        return channels
    count, _, _, depth = filters.shape
    if channels % depth or count % (channels // depth):
        raise ShapeError(
            f"the input has {channels} channels, but the {count} filters have {depth} each: expected {depth}, or a "
            f"multiple of it that divides the filters into groups{layout_advice(filters.shape, shape) if shape else ''}"
        )
    return int(channels // depth)


def output_shape(layer: Conv, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape N x H' x W' x K of the output, or raise ShapeError."""
    groups(layer, shape[3], shape)
    height, width = window_output(shape, layer.size, layer.stride, layer.pad, layer.dilate, "filter")
    filters = layer.filters
    return shape[0], height, width, shape[3] if filters is None else len(filters)


def layout_advice(filters: tuple[int, ...], shape: tuple[int, ...]) -> str:
    """Return what to do where filters and input would fit in another library's layout; "" where they would not."""
    if filters[1] == shape[3]:
        return "; filters of K x C x FH x FW become K x FH x FW x C by filters.transpose(0, 2, 3, 1)"
    if shape[1] % filters[3] == 0 and filters[0] % (shape[1] // filters[3]) == 0:
        return "; an input of N x C x H x W becomes N x H x W x C by x.transpose(0, 2, 3, 1)"
    return ""


def taps(layer: Conv, height: int, width: int) -> Iterator[tuple[int, int, slice, slice]]:
    """Yield each tap (u, v) with the rows and columns of the padded input that it meets, for that output size."""
    (sy, sx), (dy, dx) = layer.stride, layer.dilate
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
    """Return (dx,), the adjoint of `forward` in x: each tap adds to the pixels that it read."""
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
    gradients: dict[str, Any] = {}
    if layer.filters is not None:
        df, wide = xp.zeros_like(filters_like(layer, x)), padded(x, layer.pad)
        wide = wide.reshape(*wide.shape[:3], len(df), -1)
        g = signal.reshape(*signal.shape[:3], len(df), -1)
        for u, v, rows, columns in taps(layer, *signal.shape[1:3]):
            df[:, :, u, v] = xp.einsum("nijgk,nijgc->gkc", g, wide[:, rows, columns])
        gradients["filters"] = df.reshape(layer.filters.shape)
    if layer.biases is not None:
        gradients["biases"] = bias_gradient(layer.biases, signal)
    return gradients


def bias_gradient(biases: Array, signal: Array) -> Array:
    """Return the sum of the signal over all positions, for each bias (a single bias serves all channels)."""
    each = signal.sum(axis=(0, 1, 2))
    return each if len(biases) == len(each) else each.sum(keepdims=True)


def window(layer: Conv) -> Window:
    """Return the filter's window; that of a dilated filter includes the pixels between its taps."""
    (height, width), (down, across), (top, _, left, _) = layer.size, layer.dilate, layer.pad
    return (dilated_size(height, down), dilated_size(width, across)), layer.stride, (top, left)


def workspace(layer: Conv, shape: tuple[int, ...]) -> int:
    """Return the numbers in the padded input, and in the columns of one row of the output, which is the least tile."""
    width, (height, across) = output_shape(layer, shape)[2], layer.size
    return prod(bordered_shape(shape, layer.pad)) + width * height * across * shape[3]


def without_pad(layer: Conv) -> Conv:
    """Return the layer for patches that hold their border."""
    return replace(layer, pad=0)


def affine(layer: Conv, x: Array) -> AffineForm:
    """Return y = f x + b. Without filters, each output is one pixel, with the single weight 1."""
    biases = None if layer.biases is None else layer.biases.astype(x.dtype, copy=False)
    return AffineForm(replace(layer, biases=None), (x,), biases, None if layer.filters is None else "filters")


def scaled(layer: Conv, factor: Array, offset: Array, like: Array) -> Conv:
    """Return the convolution that computes factor * y + offset (K each, float64); `like` gives the dtype of filters."""
    filters = factor.reshape(-1, 1, 1, 1)
    if layer.filters is not None:
        like, filters = layer.filters, layer.filters * filters
    biases = offset if layer.biases is None else layer.biases.astype("float64") * factor + offset
    return replace(layer, filters=filters.astype(like.dtype), biases=biases.astype(like.dtype))


def from_fields(fields: Fields) -> Conv:
    """Return the layer of a struct in a MatConvNet model."""
    filters, biases = fields.arrays("filters", "biases")
    if filters is not None:
        filters = fields.filters(filters)
    if biases is not None:
        biases = fields.vector(biases)
        if filters is not None and biases.size != len(filters):
            raise fields.error("weights{2}", f"{biases.size} biases", f"one for each of the {len(filters)} filters")
    pad, stride, dilate = fields.geometry("pad", 0), fields.geometry("stride", 1), fields.geometry("dilate", 1)
    return Conv(filters, biases, stride, pad, dilate)


def to_fields(layer: Conv) -> Struct:
    """Return the fields of the struct in a MatConvNet model, without its arrays."""
    dilate = layer.dilate[0] if len(set(layer.dilate)) == 1 else layer.dilate
    return {"pad": layer.pad, "stride": layer.stride, "dilate": dilate, "opts": []}


def dilation_in_chain(layer: Conv) -> Struct:
    """Return two different dilations as a column: `vl_simplenn_display` multiplies a column of sizes by it."""
    return {"dilate": tuple((step,) for step in layer.dilate)} if len(set(layer.dilate)) > 1 else {}


OPERATOR = Operator(
    forward,
    gradient,
    output_shape,
    parameter_gradients,
    window,
    per_image=always,
    local=Locality(bare=without_pad),
    affine=affine,
    scaled=scaled,
    matconvnet=Block(
        from_fields,
        "conv",
        "Conv",
        to_fields,
        FILTERS,
        more=filter_size,
        options=("pad", "stride", "dilate"),
        chain_opts=True,
        only_chain=dilation_in_chain,
    ),
    workspace=workspace,
)
