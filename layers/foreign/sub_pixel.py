"""Sub-pixel rearrangement (Shi et al. 2016): channels become blocks of pixels, or blocks of pixels channels.

With the factor s, channel k = s^2 c + s b + a of x is row a and column b of each block of channel c:

    y[n, s*i + a, s*j + b, c] = x[n, i, j, s^2 c + s b + a]            (a, b < s)

`inverse` goes the other way, from N x s*H x s*W x C to N x H x W x s^2 C. Every value is copied once, so that the
gradient is the other direction. The networks of FFDNet begin and end with it.
MatConvNet has no such layer; files call it ``SubP``, with scale = s, or 1/s for the inverse (`vl_nnSubP`, whose order
this is). PyTorch's `PixelShuffle` has k = s^2 c + s a + b, TensorFlow's `depth_to_space` k = C (s a + b) + c.
"""

from dataclasses import dataclass, replace
from fractions import Fraction

from refvis.layers.base.arrays import Array, array_module
from refvis.layers.base.blocks import Block, Fields, Struct
from refvis.layers.base.errors import ShapeError
from refvis.layers.base.fields import WholeField
from refvis.layers.base.geometry import Window
from refvis.layers.base.operator import Cut, Locality, Operator, always


@dataclass(frozen=True, eq=False)
class SubPixel:
    """Channels to blocks of `factor` x `factor` pixels; with `inverse`, blocks of pixels to channels.

        factor    height and width of a block, 1 or more. Default 2
        inverse   whether blocks become channels. Default False; a factor of 1 changes nothing, and makes it False

    >>> import numpy as np
    >>> from refvis import layers
    >>> x = np.array([1.0, 2.0, 3.0, 4.0]).reshape(1, 1, 1, 4)
    >>> y = layers.forward(layers.SubPixel(2), x)
    >>> y[0, :, :, 0]
    array([[1., 3.],
           [2., 4.]])
    >>> layers.forward(layers.SubPixel(2, inverse=True), y).ravel()
    array([1., 2., 3., 4.])
    """

    factor: WholeField = WholeField(2)
    inverse: bool = False

    def __post_init__(self) -> None:
        """Make one layer of the two directions of the factor 1, since files store one number for both."""
        object.__setattr__(self, "inverse", self.inverse and self.factor > 1)


def output_shape(layer: SubPixel, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape of the output, or raise ShapeError where the factor does not divide the sizes."""
    s, (count, height, width, channels) = layer.factor, shape
    if layer.inverse:
        if height % s or width % s:
            raise ShapeError(f"the input has {height} x {width} pixels, expected multiples of the factor {s}")
        return count, height // s, width // s, channels * s * s
    if channels % (s * s):
        raise ShapeError(f"the input has {channels} channels, expected a multiple of {s * s}, the factor's square")
    return count, height * s, width * s, channels // (s * s)


def forward(layer: SubPixel, x: Array) -> Array:
    """Return y (the shape of `output_shape`, dtype of x)."""
    s, (n, h, w, c) = layer.factor, output_shape(layer, x.shape)
    if layer.inverse:
        blocks = x.reshape(n, h, s, w, s, -1).transpose(0, 1, 3, 5, 4, 2)  # n, i, j, c, b, a
    else:
        blocks = x.reshape(n, h // s, w // s, c, s, s).transpose(0, 1, 5, 2, 4, 3)  # n, i, a, j, b, c
    return array_module(x).ascontiguousarray(blocks).reshape(n, h, w, c)


def gradient(layer: SubPixel, signal: Array, output: Array | None, x: Array) -> tuple[Array]:
    """Return (dx,): each value's signal, at the place from which it was copied."""
    return (forward(replace(layer, inverse=not layer.inverse), signal),)


def window(layer: SubPixel) -> Window:
    """Return a block for the inverse; else a pixel, seen by the block that starts at it, as a fraction of a pixel."""
    s = layer.factor
    if layer.inverse:
        return (s, s), (s, s), (0, 0)
    inside = Fraction(s - 1, s)
    return (1 + inside, 1 + inside), (Fraction(1, s), Fraction(1, s)), (inside, inside)


def cut_out(layer: SubPixel, whole: Array, cut: Cut) -> Array:
    """Return the required part of the output of each patch: blocks may begin before it."""
    if layer.inverse:
        return whole
    y = array_module(whole).empty((len(whole), *cut.size, whole.shape[3]), whole.dtype)
    for i, ((row, column), (first, start)) in enumerate(zip(cut.written, cut.seen, strict=True)):
        a, b = row - first * layer.factor, column - start * layer.factor
        y[i] = whole[i, a : a + cut.size[0], b : b + cut.size[1]]
    return y


def from_fields(fields: Fields) -> SubPixel:
    """Return the layer of a struct in a model; its scale is the factor, or 1/factor for the inverse."""
    scale = fields.number("scale", 2)
    size = scale if scale > 1 else 1 / scale if scale > 0 else 0
    if round(size) < 1 or abs(size - round(size)) > 1e-3 * size:
        raise fields.error("scale", f"{scale:g}", "a whole number, or one divided by a whole number")
    return SubPixel(round(size), inverse=scale < 1)


def to_fields(layer: SubPixel) -> Struct:
    """Return the fields of the struct in a model."""
    return {"scale": 1 / layer.factor if layer.inverse else float(layer.factor)}


OPERATOR = Operator(
    forward,
    gradient,
    output_shape,
    window=window,
    per_image=always,
    copies=True,
    local=Locality(finish=cut_out),
    matconvnet=Block(from_fields, "SubP", "SubP", to_fields),
)
