"""Fully connected layers, fast: for a single image, the matrix in blocks of its rows.

The time of such a product is that of reading the matrix once. A matrix of 400 MB, as in VGG's first fully connected
layer, takes up to a tenth longer in one call of the BLAS than in blocks of its rows.
"""

from refvis.layers import fully_connected
from refvis.layers.base.arrays import Array, array_module
from refvis.layers.base.exactness import twin_of
from refvis.layers.fully_connected import FullyConnected, output_shape

ROWS = 256
"""Rows of the matrix in a block."""


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


def by_columns(vectors: Array, matrix: Array) -> Array:
    """Return vectors (N x D) @ matrix.T (matrix: K x D)."""
    if len(vectors) > 1:
        return vectors @ matrix.T
    xp = array_module(vectors, matrix)
    product = xp.empty((1, len(matrix)), vectors.dtype)
    for first in range(0, len(matrix), ROWS):
        xp.matmul(vectors, matrix[first : first + ROWS].T, out=product[:, first : first + ROWS])
    return product


def by_rows(vectors: Array, matrix: Array, out: Array | None = None) -> Array:
    """Return vectors (N x K) @ matrix (K x D), in `out` where it is given."""
    xp = array_module(vectors, matrix)
    if len(vectors) > 1:
        return xp.matmul(vectors, matrix, out=out)
    product = xp.matmul(vectors[:, :ROWS], matrix[:ROWS], out=out)
    for first in range(ROWS, len(matrix), ROWS):
        product += vectors[:, first : first + ROWS] @ matrix[first : first + ROWS]
    return product
