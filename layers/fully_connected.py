"""Fully connected layer: y = W x + b on the flattened input.

    y[n,0,0,k] = b[k] + sum_d W[k,d] * x[n].ravel()[d],    d runs over H, W, C in this order

It equals Conv with filters as big as the input: W = filters.reshape(K, -1). MatConvNet has no such block (it uses
that convolution); Caffe and PyTorch flatten C x H x W, so their columns are in another order.
"""

from dataclasses import dataclass, replace
from typing import Any

from refvis.layers.base.arrays import Array, array_module, summary
from refvis.layers.base.errors import ShapeError
from refvis.layers.base.fields import ArrayField, VectorField
from refvis.layers.base.operator import AffineForm, Operator, always


@dataclass(frozen=True, eq=False, repr=False)
class FullyConnected:
    """Fully connected layer, y = W x + b, with `weights` W (K x D, D = H*W*C) and `biases` b (K, or None).

    Raises ShapeError for sizes that cannot be, TypeError for weights or biases that are no arrays.

    >>> import numpy as np
    >>> from refvis import layers
    >>> layer = layers.FullyConnected(np.array([[1.0, 10.0]]), np.array([100.0]))
    >>> layers.forward(layer, np.array([2.0, 3.0]).reshape(1, 1, 2, 1)).ravel()
    array([132.])
    """

    weights: ArrayField = ArrayField()
    biases: VectorField = VectorField(None, optional=True)

    def __post_init__(self) -> None:
        """Check the parameters' shapes."""
        if self.weights.ndim != 2:
            raise ShapeError(f"FullyConnected weights have shape {self.weights.shape}, expected K x D")
        if self.biases is not None and len(self.biases) != len(self.weights):
            raise ShapeError(f"FullyConnected has {len(self.biases)} biases, expected {len(self.weights)}")

    __repr__ = summary


def output_shape(layer: FullyConnected, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape N x 1 x 1 x K of the output, or raise ShapeError."""
    size = shape[1] * shape[2] * shape[3]
    if size != layer.weights.shape[1]:
        raise ShapeError(
            f"the input has {shape[1]} x {shape[2]} x {shape[3]} = {size} values, expected {layer.weights.shape[1]}"
        )
    return shape[0], 1, 1, len(layer.weights)


def forward(layer: FullyConnected, x: Array) -> Array:
    """Return y (N x 1 x 1 x K, dtype of x)."""
    array_module(x, layer.weights, layer.biases)
    y = x.reshape(len(x), -1) @ layer.weights.astype(x.dtype, copy=False).T
    if layer.biases is not None:
        y = y + layer.biases.astype(x.dtype, copy=False)
    return y.reshape(output_shape(layer, x.shape))


def gradient(layer: FullyConnected, signal: Array, output: Array | None, x: Array) -> tuple[Array]:
    """Return (dx,) = (W^T signal,) in the shape of x."""
    array_module(signal, x, layer.weights)
    return ((signal.reshape(len(x), -1) @ layer.weights.astype(x.dtype, copy=False)).reshape(x.shape),)


def parameter_gradients(layer: FullyConnected, signal: Array, output: Array | None, x: Array) -> dict[str, Any]:
    """Return {"weights": signal^T x, "biases": sum of the signal} (biases if the layer has them)."""
    g = signal.reshape(len(x), -1)
    gradients = {"weights": g.T @ x.reshape(len(x), -1)}
    if layer.biases is not None:
        gradients["biases"] = g.sum(axis=0)
    return gradients


def affine(layer: FullyConnected, x: Array) -> AffineForm:
    """Return y = W x + b."""
    biases = None if layer.biases is None else layer.biases.astype(x.dtype, copy=False)
    return AffineForm(replace(layer, biases=None), (x,), biases, "weights")


def scaled(layer: FullyConnected, factor: Array, offset: Array, like: Array) -> FullyConnected:
    """Return the layer that computes factor * y + offset (K each, float64)."""
    weights = (layer.weights * factor.reshape(-1, 1)).astype(layer.weights.dtype)
    biases = offset if layer.biases is None else layer.biases.astype("float64") * factor + offset
    return replace(layer, weights=weights, biases=biases.astype(weights.dtype))


OPERATOR = Operator(
    forward,
    gradient,
    output_shape,
    parameter_gradients,
    whole_image=True,
    per_image=always,
    affine=affine,
    scaled=scaled,
)
