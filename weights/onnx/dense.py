"""Dense layers of ONNX, Gemm and MatMul, as fully connected layers.

ONNX flattens C x H x W, and a variable holds H x W x C: the weights' columns are brought into that order, once.
"""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from refvis.layers import Conv, FullyConnected
from refvis.weights.onnx.layout import Atom, Feature, Unmapped, as_map, columns_in
from refvis.weights.onnx.operation import Operation

Array = NDArray[Any]


def gemm(op: Operation) -> Feature:
    """Return what a Gemm writes: alpha * A B + beta * C, with A from the network."""
    x, matrix = op.feature(0), op.array(1, "weights")
    if op.number("transA", 0):
        raise Unmapped("it transposes its input")
    if matrix.ndim != 2:
        raise Unmapped(f"its weights have {matrix.ndim} axes, expected two")
    weights = scaled(matrix if op.number("transB", 0) else matrix.T, op.number("alpha", 1.0))
    biases = op.optional(2, "biases")
    if biases is not None:
        if biases.shape not in ((), (1,), (1, 1), (len(weights),), (1, len(weights))):
            raise Unmapped(f"its biases have shape {biases.shape}, expected one for each of {len(weights)} rows")
        biases = scaled(np.broadcast_to(biases.reshape(-1), len(weights)), op.number("beta", 1.0))
    return full(op, x, weights, biases)


def matmul(op: Operation) -> Feature:
    """Return what a MatMul with a constant matrix writes. Of features with more axes it is a 1 x 1 convolution."""
    x, matrix = op.feature(0), op.array(1, "weights")
    if matrix.ndim != 2:
        raise Unmapped(f"its weights have {matrix.ndim} axes, expected two")
    dims, axes = x.known
    if len(dims) == 2:
        return full(op, x, np.ascontiguousarray(matrix.T), None)
    if dims[-1] != axes[3] or len(matrix) != x.own_shape[3]:
        raise Unmapped(f"it multiplies a value of shape {x.shape} by a matrix of {matrix.shape}")
    layer = Conv(np.ascontiguousarray(matrix.T).reshape(matrix.shape[1], 1, 1, len(matrix)))
    channels = (Atom(matrix.shape[1]),) if matrix.shape[1] > 1 else ()
    return replace(op.pointwise(layer, x), dims=(*dims[:-1], channels), axes=(*axes[:3], channels))


def full(op: Operation, x: Feature, weights: Array, biases: Array | None) -> Feature:
    """Return what a fully connected layer writes; its weights have the columns in ONNX's order."""
    variable = op.emit(FullyConnected(columns_in(x, weights), biases), x)
    return as_map(variable, (x.batch.size, 1, 1, len(weights)), 2, x.batch)


def scaled(array: Array, factor: float) -> Array:
    """Return the array, contiguous, times a factor, in its own type."""
    return np.ascontiguousarray(array if factor == 1 else (array * factor).astype(array.dtype))
