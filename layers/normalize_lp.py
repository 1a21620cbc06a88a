"""Lp normalisation: each value is divided by the Lp norm over some axes.

    M = sum_q |x_q|^p + epsilon,    y = x * M^(-1/p)

The sum runs over the axes in `dimensions`, by default over channels; `spatial` stands for height and width.
Its gradient, with g the signal and both sums over the same axes:

    dx = M^(-1/p) * (g  -  |x|^(p-1) sign(x) / M * sum_q g_q x_q)

Output size: that of x. MatConvNet has x^p without the absolute value, which is the same for even p, and supports only
these. PyTorch's `normalize` bounds the norm from below instead of adding epsilon to the sum.
Reference: MatConvNet `vl_nnnormalizelp`; Caffe has no such layer.
"""

from dataclasses import dataclass
from typing import Any

from refvis.layers.base.arrays import Array, array_module
from refvis.layers.base.blocks import Block, Fields, Struct
from refvis.layers.base.errors import ShapeError
from refvis.layers.base.fields import NumberField
from refvis.layers.base.geometry import POINT, Window, integers
from refvis.layers.base.operator import Locality, Operator


@dataclass(frozen=True, eq=False)
class NormalizeLp:
    """Division by the Lp norm over `dimensions`.

        y = x (sum |x|^p + epsilon)^(-1/p)

        p            1 or more. Default 2
        epsilon      0 or more. Default 0.01
        spatial      whether the sum runs over height and width, where `dimensions` is None. Default False
        dimensions   the axes of the sum, as MatConvNet counts them: 1 height, 2 width, 3 channels, 4 images (or 0, the
                     axis here). Default: (1, 2) if `spatial`, else 3

    Raises ShapeError for other values.

    >>> import numpy as np
    >>> from refvis import layers
    >>> layers.forward(layers.NormalizeLp(epsilon=0.0), np.array([[[[3.0, 4.0]]]])).ravel()
    array([0.6, 0.8])
    """

    p: NumberField = NumberField(2.0)
    epsilon: NumberField = NumberField(0.01)
    spatial: bool = False
    dimensions: int | tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        """Check the fields, and store the dimensions in full: a tuple, images as 4."""
        if not (self.p >= 1 and self.epsilon >= 0):
            raise ShapeError(f"NormalizeLp has p {self.p} and epsilon {self.epsilon}, expected p >= 1, epsilon >= 0")
        given = self.dimensions if self.dimensions is not None else (1, 2) if self.spatial else (3,)
        numbers = tuple(n or 4 for n in integers(given, "NormalizeLp dimensions", (1, 2, 3, 4), 0))
        if max(numbers) > 4 or len(set(numbers)) < len(numbers):
            raise ShapeError(f"NormalizeLp dimensions are {self.dimensions!r}, expected some of 1, 2, 3, 4, each once")
        object.__setattr__(self, "dimensions", numbers)


def axes(layer: NormalizeLp) -> tuple[int, ...]:
    """Return the axes of an N x H x W x C array that the sum runs over."""
    numbers: Any = layer.dimensions  # a tuple, since the layer was made
    return tuple(number % 4 for number in numbers)


def output_shape(layer: NormalizeLp, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape of the output: that of the input."""
    return shape


def forward(layer: NormalizeLp, x: Array) -> Array:
    """Return y (shape and dtype of x)."""
    return x * mass(layer, x) ** (-1 / layer.p)


def gradient(layer: NormalizeLp, signal: Array, output: Array | None, x: Array) -> tuple[Array]:
    """Return (dx,) of the formula above."""
    xp, M = array_module(signal, x), mass(layer, x)
    slope = xp.abs(x) ** (layer.p - 1) * xp.sign(x) / M
    return (M ** (-1 / layer.p) * (signal - slope * (signal * x).sum(axis=axes(layer), keepdims=True)),)


def mass(layer: NormalizeLp, x: Array) -> Array:
    """Return M; where it would be zero (epsilon 0, all x in the sum 0), infinity, so that y = 0 there."""
    xp = array_module(x)
    M = (xp.abs(x) ** layer.p).sum(axis=axes(layer), keepdims=True) + layer.epsilon
    return M if layer.epsilon > 0 else xp.where(M > 0, M, x.dtype.type("inf"))


def window(layer: NormalizeLp) -> Window | None:
    """Return a point; None where the sum runs over height or width."""
    return None if {1, 2} & set(axes(layer)) else POINT


def per_image(layer: NormalizeLp) -> bool:
    """Return whether the sum runs within each image."""
    return 0 not in axes(layer)


def over_channels(layer: NormalizeLp) -> bool:
    """Return whether the sum runs over channels only."""
    return axes(layer) == (3,)


def from_fields(fields: Fields) -> NormalizeLp:
    """Return the layer of a struct in a MatConvNet model."""
    dimensions = fields.whole("dimensions", *fields.numbers("dimensions", (3.0,), (1, 2, 3, 4)))
    spatial = fields.flag("spatial", False)
    return NormalizeLp(fields.number("p", 2), fields.number("epsilon", 0.01), spatial, dimensions)


def to_fields(layer: NormalizeLp) -> Struct:
    """Return the fields of the struct in a MatConvNet model."""
    fields = {"p": layer.p, "epsilon": layer.epsilon, "dimensions": layer.dimensions}
    return {**fields, "spatial": bool(layer.spatial)}


OPERATOR = Operator(
    forward,
    gradient,
    output_shape,
    window=window,
    per_image=per_image,
    one_to_one=True,
    local=Locality(over_channels),
    matconvnet=Block(from_fields, "normalizelp", fields=to_fields, in_chain=lambda layer: False),
)
