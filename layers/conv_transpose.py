"""Transposed convolution ("deconvolution"): the exact adjoint of Conv, as a layer.

With x of N x H x W x C, filters f of C x FH x FW x K/G, biases b of K, upsampling s, crop q (G groups):

    y[n,r,t,k] = b[k] + sum of f[c,u,v,k] * x[n,i,j,c] over all with s*i + u - q_top = r and s*j + v - q_left = t

So every pixel of x is stamped onto y as a copy of its filter, in steps of s. Stamps add up where they overlap, and
the crop cuts off the edges. Group g of G connects the g-th C/G input channels with the g-th K/G output channels.
Output height: s*(H-1) + FH - q_top - q_bottom, and likewise the width.

It is the gradient of Conv(f, stride=s, pad=q), and its own gradient is that layer's forward: compare the loops with
those of conv.py. `fast/conv_transpose.py` computes the same faster; a property test compares it with this file.
Caffe and PyTorch have one crop for opposite sides (`pad`, `padding`), and PyTorch an `output_padding` that enlarges y.

Reference: Vedaldi & Lenc, MatConvNet, 2015, section 4.2 (`vl_nnconvt`).
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from math import prod
from typing import Any

import numpy as np

from refvis.layers.base.arrays import Array, array_module, summary
from refvis.layers.base.blocks import FILTERS, Block, Fields, Struct, filter_size
from refvis.layers.base.border import cropped
from refvis.layers.base.errors import ShapeError
from refvis.layers.base.fields import ArrayField, PairField, QuadField, VectorField, WholeField
from refvis.layers.base.geometry import Window, tap
from refvis.layers.base.operator import AffineForm, Cut, Locality, Operator, always


@dataclass(frozen=True, eq=False, repr=False)
class ConvTranspose:
    """Transposed convolution: every pixel of x is stamped onto y as a copy of its filter, in steps of `upsample`.

        filters    f, C x FH x FW x K/G
        biases     b, of K, or None. Default: None
        upsample   the step in pixels of the output, a number or (y, x). Default 1
        crop       pixels of the output that are cut off: a number, (y, x) or (top, bottom, left, right). Default 0
        groups     G, the number of groups of channels. Default 1

    Raises ShapeError for sizes that cannot be, TypeError for filters or biases that are no arrays.

    >>> import numpy as np
    >>> from refvis import layers
    >>> layer = layers.ConvTranspose(np.array([1.0, 2.0, 3.0]).reshape(1, 1, 3, 1), upsample=(1, 2))
    >>> x = np.array([1.0, 10.0]).reshape(1, 1, 2, 1)
    >>> layers.forward(layer, x).ravel()
    array([ 1.,  2., 13., 20., 30.])
    """

    filters: ArrayField = ArrayField()
    biases: VectorField = VectorField(None, empty_is_none=True)
    upsample: PairField = PairField(1)
    crop: QuadField = QuadField(0)
    groups: WholeField = WholeField(1)

    def __post_init__(self) -> None:
        """Check the parameters' shapes."""
        if self.filters.ndim != 4 or not self.filters.size:
            raise ShapeError(f"ConvTranspose filters have shape {self.filters.shape}, expected C x FH x FW x K")
        if len(self.filters) % self.groups:
            raise ShapeError(
                f"ConvTranspose has {len(self.filters)} filters, expected a multiple of {self.groups} groups"
            )
        if self.biases is not None and len(self.biases) != self.channels:
            raise ShapeError(f"ConvTranspose has {len(self.biases)} biases, expected one per output: {self.channels}")

    __repr__ = summary

    @property
    def size(self) -> tuple[int, int]:
        """Filter height and width in taps."""
        return self.filters.shape[1], self.filters.shape[2]

    @property
    def channels(self) -> int:
        """K, the number of output channels."""
        return int(self.filters.shape[3]) * self.groups


def output_shape(layer: ConvTranspose, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape N x H' x W' x K of the output, or raise ShapeError."""
    if shape[3] != len(layer.filters):
        raise ShapeError(f"the input has {shape[3]} channels, expected one per filter: {len(layer.filters)}")
    (height, width), (top, bottom, left, right) = uncropped_size(layer, shape), layer.crop
    if height <= top + bottom or width <= left + right:
        raise ShapeError(
            f"the crop {layer.crop} (top, bottom, left, right) leaves nothing of {height} x {width} pixels: "
            "give a larger input"
        )
    return shape[0], height - top - bottom, width - left - right, layer.channels


def uncropped_size(layer: ConvTranspose, shape: tuple[int, ...]) -> tuple[int, int]:
    """Return the height and width of the output before the crop, which all stamps cover together."""
    (sy, sx), (fh, fw) = layer.upsample, layer.size
    return sy * (shape[1] - 1) + fh, sx * (shape[2] - 1) + fw


def taps(layer: ConvTranspose, shape: tuple[int, ...]) -> Iterator[tuple[int, int, slice, slice]]:
    """Yield each tap (u, v) with the rows and columns of the uncropped output that it writes for an input of shape."""
    sy, sx = layer.upsample
    for u, v in np.ndindex(*layer.size):
        yield u, v, tap(u, 1, sy, shape[1]), tap(v, 1, sx, shape[2])


def split_groups(layer: ConvTranspose, x: Array) -> tuple[Array, Array]:
    """Return the filters as G x C/G x FH x FW x K/G in the dtype of x, and x as N x H x W x G x C/G."""
    f = layer.filters.astype(x.dtype, copy=False)
    return f.reshape(layer.groups, -1, *f.shape[1:]), x.reshape(*x.shape[:3], layer.groups, -1)


def uncrop(layer: ConvTranspose, signal: Array, x: Array) -> Array:
    """Return the signal with zeros where the crop was (N x uncropped height x width x G x K/G): the crop's adjoint."""
    wide = array_module(signal).zeros((len(x), *uncropped_size(layer, x.shape), layer.channels), x.dtype)
    cropped(wide, layer.crop, signal.shape)[...] = signal
    return wide.reshape(*wide.shape[:3], layer.groups, -1)


def forward(layer: ConvTranspose, x: Array) -> Array:
    """Return y of the formula above (N x H' x W' x K, dtype of x)."""
    xp = array_module(x, layer.filters, layer.biases)
    shape = output_shape(layer, x.shape)
    f, source = split_groups(layer, x)
    wide = xp.zeros((len(x), *uncropped_size(layer, x.shape), layer.groups, f.shape[4]), x.dtype)
    for u, v, rows, columns in taps(layer, x.shape):
        wide[:, rows, columns] += xp.einsum("nijgc,gck->nijgk", source, f[:, :, u, v])
    y = cropped(wide, layer.crop, shape).reshape(shape)
    return y if layer.biases is None else y + layer.biases.astype(x.dtype, copy=False)


def gradient(layer: ConvTranspose, signal: Array, output: Array | None, x: Array) -> tuple[Array]:
    """Return (dx,), the adjoint of `forward` in x: each tap reads where it wrote."""
    xp = array_module(signal, x, layer.filters)
    f, source = split_groups(layer, x)
    wide, dx = uncrop(layer, signal, x), xp.zeros_like(source)
    for u, v, rows, columns in taps(layer, x.shape):
        dx += xp.einsum("nijgk,gck->nijgc", wide[:, rows, columns], f[:, :, u, v])
    return (dx.reshape(x.shape),)


def parameter_gradients(layer: ConvTranspose, signal: Array, output: Array | None, x: Array) -> dict[str, Any]:
    """Return {"filters": df, "biases": db} (biases if the layer has them), the adjoint of `forward` in them."""
    xp = array_module(signal, x, layer.filters)
    f, source = split_groups(layer, x)
    wide, df = uncrop(layer, signal, x), xp.zeros_like(f)
    for u, v, rows, columns in taps(layer, x.shape):
        df[:, :, u, v] = xp.einsum("nijgc,nijgk->gck", source, wide[:, rows, columns])
    gradients = {"filters": df.reshape(layer.filters.shape)}
    return gradients if layer.biases is None else gradients | {"biases": signal.sum(axis=(0, 1, 2))}


def window(layer: ConvTranspose) -> Window:
    """Return the window, in fractions: y_i depends on x from (i + crop - (size - 1)) / s to (i + crop) / s."""
    (height, width), (sy, sx), (top, _, left, _) = layer.size, layer.upsample, layer.crop
    covered = 1 + Fraction(height - 1, sy), 1 + Fraction(width - 1, sx)
    return covered, (Fraction(1, sy), Fraction(1, sx)), (Fraction(height - 1 - top, sy), Fraction(width - 1 - left, sx))


def workspace(layer: ConvTranspose, shape: tuple[int, ...]) -> int:
    """Return the numbers in the uncropped output, and in the columns of one row of the input, the least tile."""
    height, width = layer.size
    return shape[0] * prod(uncropped_size(layer, shape)) * layer.channels + shape[2] * height * width * layer.channels


def without_crop(layer: ConvTranspose) -> ConvTranspose:
    """Return the layer for patches, whose outputs are cut out by `cut_out`."""
    return replace(layer, crop=0)


def cut_out(layer: ConvTranspose, whole: Array, cut: Cut) -> Array:
    """Return the required part of the output of each patch."""
    (sy, sx), (top, _, left, _), (height, width) = layer.upsample, layer.crop, cut.size
    y = array_module(whole).empty((len(whole), height, width, whole.shape[3]), whole.dtype)
    for i, ((row, column), (first, start)) in enumerate(zip(cut.written, cut.seen, strict=True)):
        a, b = row + top - first * sy, column + left - start * sx
        y[i] = whole[i, a : a + height, b : b + width]
    return y


def affine(layer: ConvTranspose, x: Array) -> AffineForm:
    """Return y = f x + b."""
    biases = None if layer.biases is None else layer.biases.astype(x.dtype, copy=False)
    return AffineForm(replace(layer, biases=None), (x,), biases, "filters")


def scaled(layer: ConvTranspose, factor: Array, offset: Array, like: Array) -> ConvTranspose:
    """Return the layer that computes factor * y + offset (K each, float64)."""
    per_input = factor.reshape(layer.groups, -1).repeat(len(layer.filters) // layer.groups, axis=0)
    filters = (layer.filters * per_input[:, None, None, :]).astype(layer.filters.dtype)
    biases = offset if layer.biases is None else layer.biases.astype("float64") * factor + offset
    return replace(layer, filters=filters, biases=biases.astype(filters.dtype))


def from_fields(fields: Fields) -> ConvTranspose:
    """Return the layer of a struct in a MatConvNet model; filters are stored there as FH x FW x K/G x C."""
    filters, biases = fields.arrays("filters", "biases")
    if filters is None:
        raise fields.error("weights{1}", "no filters", "filters, FH x FW x K x C")
    filters = fields.filters(filters)
    biases = None if biases is None else fields.vector(biases)
    upsample, crop = fields.geometry("upsample", 1), fields.geometry("crop", 0)
    return ConvTranspose(filters, biases, upsample, crop, fields.geometry("numGroups", 1))


def to_fields(layer: ConvTranspose) -> Struct:
    """Return the fields of the struct in a MatConvNet model, without its arrays."""
    return {"upsample": layer.upsample, "crop": layer.crop, "numGroups": float(layer.groups), "opts": []}


OPERATOR = Operator(
    forward,
    gradient,
    output_shape,
    parameter_gradients,
    window,
    per_image=always,
    local=Locality(bare=without_crop, finish=cut_out),
    affine=affine,
    scaled=scaled,
    matconvnet=Block(
        from_fields,
        "convt",
        "ConvTranspose",
        to_fields,
        FILTERS,
        more=filter_size,
        options=("upsample", "crop", "numGroups"),
        chain_opts=True,
    ),
    workspace=workspace,
)
