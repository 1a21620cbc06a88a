"""Fully connected layers, faster for a single image: the matrix in blocks of rows (matrix_vector.py)."""

from refvis.layers import fully_connected
from refvis.layers.arrays import Array, array_module
from refvis.layers.exactness import twin_of
from refvis.layers.fully_connected import FullyConnected, output_shape
from refvis.layers.matrix_vector import by_columns, by_rows


@twin_of(fully_connected.forward)
def forward(layer: FullyConnected, x: Array) -> Array:
    """Return what ``fully_connected.forward`` returns, to rounding."""
    array_module(x, layer.weights, layer.biases)
    y = by_columns(x.reshape(len(x), -1), layer.weights.astype(x.dtype, copy=False))
    if layer.biases is not None:
        y += layer.biases.astype(x.dtype, copy=False)
    return y.reshape(output_shape(layer, x.shape))


@twin_of(fully_connected.gradient)
def gradient(layer: FullyConnected, signal: Array, output: Array | None, x: Array) -> tuple[Array]:
    """Return what ``fully_connected.gradient`` returns, to rounding."""
    array_module(signal, x, layer.weights)
    return (by_rows(signal.reshape(len(x), -1), layer.weights.astype(x.dtype, copy=False)).reshape(x.shape),)
