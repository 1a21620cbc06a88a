"""Hyperbolic tangent: y = (exp(x) - exp(-x)) / (exp(x) + exp(-x)); dy/dx = 1 - y^2.

MatConvNet has no such layer; files of other projects call it ``tanh``, and ``dagnn.Tanh``. Reference: Caffe `TanH`,
PyTorch `nn.Tanh`.
"""

from dataclasses import dataclass

from refvis.layers.base.arrays import Array, array_module
from refvis.layers.base.blocks import Block
from refvis.layers.base.operator import EVERYWHERE, Operator, always


@dataclass(frozen=True, eq=False)
class Tanh:
    """Hyperbolic tangent of every value.

    >>> import numpy as np
    >>> from refvis import layers
    >>> layers.forward(layers.Tanh(), np.log([[[[1.0, 2.0]]]])).ravel()
    array([0. , 0.6])
    """


def output_shape(layer: Tanh, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape of the output: that of the input."""
    return shape


def forward(layer: Tanh, x: Array) -> Array:
    """Return y (shape and dtype of x)."""
    return array_module(x).tanh(x)


def gradient(layer: Tanh, signal: Array, output: Array, x: Array) -> tuple[Array]:
    """Return (dx,) = (signal * (1 - y^2),)."""
    return (signal * (1 - output * output),)


OPERATOR = Operator(
    forward,
    gradient,
    output_shape,
    per_image=always,
    one_to_one=True,
    local=EVERYWHERE,
    matconvnet=Block(lambda fields: Tanh(), "tanh", "Tanh"),
)
