"""Transposed convolution, fast: the three functions of the convolution that it transposes, in other roles.

    forward = that convolution's gradient,   gradient = its forward,   filters: x and the signal change places

The convolution needs only the shape of its input there, so a single zero is broadcast to that shape.
"""

from typing import Any

from refvis.layers import conv_transpose
from refvis.layers.base.arrays import Array, array_module
from refvis.layers.base.exactness import twin_of
from refvis.layers.conv import Conv
from refvis.layers.conv_transpose import ConvTranspose, output_shape
from refvis.layers.fast import conv
from refvis.layers.fast.elementwise import add_biases


def transposed(layer: ConvTranspose) -> Conv:
    """Return the convolution that goes from the output's shape to the input's."""
    return Conv(layer.filters, None, layer.upsample, layer.crop)


@twin_of(conv_transpose.forward)
def forward(layer: ConvTranspose, x: Array) -> Array:
    """Return what ``conv_transpose.forward`` returns, to rounding."""
    xp = array_module(x, layer.filters, layer.biases)
    image = xp.broadcast_to(xp.zeros(1, x.dtype), output_shape(layer, x.shape))
    (y,) = conv.gradient(transposed(layer), x, None, image)
    add_biases(y, layer.biases)
    return y


@twin_of(conv_transpose.gradient)
def gradient(layer: ConvTranspose, signal: Array, output: Array | None, x: Array) -> tuple[Array]:
    """Return what ``conv_transpose.gradient`` returns, to rounding."""
    array_module(signal, x)
    return (conv.forward(transposed(layer), signal),)


@twin_of(conv_transpose.parameter_gradients)
def parameter_gradients(layer: ConvTranspose, signal: Array, output: Array | None, x: Array) -> dict[str, Any]:
    """Return what ``conv_transpose.parameter_gradients`` returns, to rounding."""
    gradients = conv.parameter_gradients(transposed(layer), x, None, signal)
    return gradients if layer.biases is None else gradients | {"biases": signal.sum(axis=(0, 1, 2))}
