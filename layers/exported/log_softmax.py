"""Logarithm of the softmax over channels, at every position: y_k = x_k - log sum_c exp(x_c).

Its gradient: dx_k = g_k - exp(y_k) sum_c g_c. The largest x is subtracted first, so that no exponential overflows, and
small probabilities keep their logarithm. MatConvNet has no such layer: its loss softmaxlog holds it. Reference: ONNX
`LogSoftmax`, PyTorch `nn.LogSoftmax`.
"""

from dataclasses import dataclass

from refvis.layers.base.arrays import Array, array_module
from refvis.layers.base.blocks import Block
from refvis.layers.base.operator import EVERYWHERE, Operator, always


@dataclass(frozen=True, eq=False)
class LogSoftmax:
    """Logarithm of the softmax over channels, y_k = x_k - log sum_c exp(x_c).

    >>> import numpy as np
    >>> from refvis import layers
    >>> np.exp(layers.forward(layers.LogSoftmax(), np.log([[[[1.0, 3.0]]]]))).ravel()
    array([0.25, 0.75])
    """


def output_shape(layer: LogSoftmax, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape of the output: that of the input."""
    return shape


def forward(layer: LogSoftmax, x: Array) -> Array:
    """Return y (shape and dtype of x)."""
    xp = array_module(x)
    below = x - x.max(axis=3, keepdims=True)
    return below - xp.log(xp.exp(below).sum(axis=3, keepdims=True))


def gradient(layer: LogSoftmax, signal: Array, output: Array, x: Array) -> tuple[Array]:
    """Return (dx,) = (g - softmax * sum of g over channels,)."""
    return (signal - array_module(output).exp(output) * signal.sum(axis=3, keepdims=True),)


OPERATOR = Operator(
    forward,
    gradient,
    output_shape,
    per_image=always,
    one_to_one=True,
    local=EVERYWHERE,
    matconvnet=Block(lambda fields: LogSoftmax(), "logsoftmax", "LogSoftmax"),
)
