"""Softmax over channels, at every position: y_k = exp(x_k) / sum_c exp(x_c).

Its gradient: dx_k = y_k (g_k - sum_c g_c y_c). The largest x is subtracted first, so that no exponential overflows.
Reference: MatConvNet `vl_nnsoftmax` (channels are its third axis, the last one here).
"""

from dataclasses import dataclass

from refvis.layers.base.arrays import Array, array_module
from refvis.layers.base.blocks import Block
from refvis.layers.base.operator import EVERYWHERE, Operator, always


@dataclass(frozen=True, eq=False)
class Softmax:
    """Softmax over channels, y_k = exp(x_k) / sum_c exp(x_c).

    >>> import numpy as np
    >>> from refvis import layers
    >>> layers.forward(layers.Softmax(), np.log([[[[1.0, 3.0]]]])).ravel()
    array([0.25, 0.75])
    """


def output_shape(layer: Softmax, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape of the output: that of the input."""
    return shape


def forward(layer: Softmax, x: Array) -> Array:
    """Return y (shape and dtype of x; sums to 1 over channels)."""
    e = array_module(x).exp(x - x.max(axis=3, keepdims=True))
    return e / e.sum(axis=3, keepdims=True)


def gradient(layer: Softmax, signal: Array, output: Array, x: Array) -> tuple[Array]:
    """Return (dx,) = (y * (g - <g, y>),), the inner product over channels."""
    return (output * (signal - (signal * output).sum(axis=3, keepdims=True)),)


OPERATOR = Operator(
    forward,
    gradient,
    output_shape,
    per_image=always,
    one_to_one=True,
    local=EVERYWHERE,
    matconvnet=Block(lambda fields: Softmax(), "softmax", "SoftMax"),
)
