"""Norm-dependent offset: a power of the norm over channels is subtracted from every channel.

    L = max(sum_k x_k^2, 1e-8),    y = x - alpha * L^beta

Its gradient, with both sums over channels:

    dx = g  -  2 alpha beta x * L^(beta-1) * sum_k g_k

The bound on L keeps the power finite. Where L is at the bound, it is constant and the second term is 0 (MatConvNet
keeps the term). Output size: that of x. Reference: MatConvNet `vl_nnnoffset`, param = [alpha beta]; Caffe and PyTorch
have no such layer.
"""

from dataclasses import dataclass

from refvis.layers.base.arrays import Array, array_module
from refvis.layers.base.blocks import Block, Fields, Struct
from refvis.layers.base.fields import NumberField
from refvis.layers.base.operator import EVERYWHERE, Operator, always

BOUND = 1e-8


@dataclass(frozen=True, eq=False)
class NormOffset:
    """Subtraction of a power of the norm over channels, y = x - alpha (sum x^2)^beta.

    The defaults are MatConvNet's: alpha 1 and beta 0.5 subtract the norm itself.

    >>> import numpy as np
    >>> from refvis import layers
    >>> layers.forward(layers.NormOffset(), np.array([[[[3.0, 4.0]]]])).ravel()
    array([-2., -1.])
    """

    alpha: NumberField = NumberField(1.0)
    beta: NumberField = NumberField(0.5)


def output_shape(layer: NormOffset, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape of the output: that of the input."""
    return shape


def forward(layer: NormOffset, x: Array) -> Array:
    """Return y (shape and dtype of x)."""
    xp = array_module(x)
    return x - layer.alpha * xp.maximum(squares(x), BOUND) ** layer.beta


def gradient(layer: NormOffset, signal: Array, output: Array | None, x: Array) -> tuple[Array]:
    """Return (dx,) of the formula above."""
    xp, L = array_module(signal, x), squares(x)
    slope = (2 * layer.alpha * layer.beta) * xp.maximum(L, BOUND) ** (layer.beta - 1) * (L >= BOUND)
    return (signal - x * slope * signal.sum(axis=3, keepdims=True),)


def squares(x: Array) -> Array:
    """Return the sum of squares over channels (N x H x W x 1)."""
    return (x * x).sum(axis=3, keepdims=True)


def from_fields(fields: Fields) -> NormOffset:
    """Return the layer of a struct in a MatConvNet model; param is [alpha beta]."""
    return NormOffset(*fields.numbers("param", (1.0, 0.5), (2,)))


def to_fields(layer: NormOffset) -> Struct:
    """Return the fields of the struct in a MatConvNet model."""
    return {"param": (layer.alpha, layer.beta)}


OPERATOR = Operator(
    forward,
    gradient,
    output_shape,
    per_image=always,
    local=EVERYWHERE,
    matconvnet=Block(from_fields, "noffset", "NormOffset", to_fields),
)
