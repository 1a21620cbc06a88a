"""Sigmoid: y = 1 / (1 + exp(-x)); dy/dx = y (1 - y).

Written with exp(-|x|), so that no exponential overflows. Reference: MatConvNet `vl_nnsigmoid`.
"""

from dataclasses import dataclass

from refvis.layers.base.arrays import Array, array_module
from refvis.layers.base.blocks import Block
from refvis.layers.base.operator import EVERYWHERE, Operator, always


@dataclass(frozen=True, eq=False)
class Sigmoid:
    """Logistic sigmoid of every value, y = 1 / (1 + exp(-x)).

    >>> import numpy as np
    >>> from refvis import layers
    >>> layers.forward(layers.Sigmoid(), np.log([[[[1.0, 3.0]]]])).ravel()
    array([0.5 , 0.75])
    """


def output_shape(layer: Sigmoid, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape of the output: that of the input."""
    return shape


def forward(layer: Sigmoid, x: Array) -> Array:
    """Return y (shape and dtype of x)."""
    xp = array_module(x)
    small = xp.exp(-xp.abs(x))
    return xp.where(x >= 0, 1 / (1 + small), small / (1 + small))


def gradient(layer: Sigmoid, signal: Array, output: Array, x: Array) -> tuple[Array]:
    """Return (dx,) = (signal * y * (1 - y),)."""
    return (signal * output * (1 - output),)


OPERATOR = Operator(
    forward,
    gradient,
    output_shape,
    per_image=always,
    one_to_one=True,
    local=EVERYWHERE,
    matconvnet=Block(lambda fields: Sigmoid(), "sigmoid", "Sigmoid"),
)
