"""Losses of squared differences from a target t, with weights w that are 1 unless given as a third input.

    EuclideanLoss:  y = 1/2 sum w (x - t)^2,    dx = g w (x - t)
    L2Loss:         y =     sum w (x - t)^2,    dx = 2 g w (x - t)

t gets -dx, and w the sum of g (x - t)^2 (halved), over the axes along which it repeats. Output size: 1 x 1 x 1 x 1.
MatConvNet has no such losses. Files of other projects call them ``euclideanloss`` and ``dagnn.EuclideanLoss``,
``l2loss`` and ``dagnn.L2Loss``. Not all agree on the factor: some divide by the images, or by the positions. No
explanation depends on it, as explanations start at what enters the loss. Reference: Caffe `EuclideanLoss` (the half,
divided by N); PyTorch `MSELoss` (divided by all values).
"""

from dataclasses import dataclass
from typing import Any

from refvis.layers.base.arrays import Array, array_module
from refvis.layers.base.blocks import Block, Fields
from refvis.layers.base.errors import ShapeError
from refvis.layers.base.operator import Operator
from refvis.layers.scale import summed_to


@dataclass(frozen=True, eq=False)
class EuclideanLoss:
    """Half the sum of squared differences of the input and a target of its shape.

    >>> import numpy as np
    >>> from refvis import layers
    >>> x, target = np.array([[[[3.0, 4.0]]]]), np.zeros((1, 1, 1, 2))
    >>> layers.forward(layers.EuclideanLoss(), x, target).item()
    12.5
    """


@dataclass(frozen=True, eq=False)
class L2Loss:
    """The sum of squared differences of the input and a target of its shape.

    >>> import numpy as np
    >>> from refvis import layers
    >>> x, target = np.array([[[[3.0, 4.0]]]]), np.zeros((1, 1, 1, 2))
    >>> layers.forward(layers.L2Loss(), x, target).item()
    25.0
    """


FACTORS = {EuclideanLoss: 0.5, L2Loss: 1.0}
"""Factor of the sum of squares."""


def output_shape(layer: Any, shape: tuple[int, ...], *rest: tuple[int, ...]) -> tuple[int, ...]:
    """Return 1 x 1 x 1 x 1; raise ShapeError if the target has another shape, or the weights do not fit."""
    name = type(layer).__name__
    if len(rest) not in (1, 2):
        raise ShapeError(f"{name} takes two inputs, and weights as a third, found {1 + len(rest)}")
    if rest[0] != shape:
        raise ShapeError(f"{name} has a target of shape {tuple(rest[0])}, expected that of the input, {tuple(shape)}")
    if len(rest) == 2:
        ones = (1,) * (4 - len(rest[1])) + tuple(rest[1])
        if any(m not in (1, n) for m, n in zip(ones, shape, strict=True)):
            raise ShapeError(f"{name} has weights of shape {tuple(rest[1])}, expected {tuple(shape)}, or 1 along axes")
    return 1, 1, 1, 1


def forward(layer: Any, x: Array, target: Array, *weights: Array) -> Array:
    """Return y (1 x 1 x 1 x 1, dtype of x)."""
    d, w = _difference(x, target), _weights(x, weights)
    return (d * d * w).sum().reshape(1, 1, 1, 1) * x.dtype.type(FACTORS[type(layer)])


def gradient(
    layer: Any, signal: Array, output: Array | None, x: Array, target: Array, *weights: Array
) -> tuple[Array, ...]:
    """Return (dx, dt), and the gradient of the weights if they are an input."""
    array_module(signal, x, target, *weights)
    d, w = _difference(x, target), _weights(x, weights)
    factor = signal * signal.dtype.type(FACTORS[type(layer)])
    dx = factor * d * w * 2
    return dx, -dx, *(summed_to(factor * d * d, one.shape) for one in weights)


def _difference(x: Array, target: Array) -> Array:
    array_module(x, target)
    return x - target.astype(x.dtype, copy=False)


def _weights(x: Array, weights: tuple[Array, ...]) -> Any:
    """Return the weights in the dtype of x; 1 if there are none."""
    return weights[0].astype(x.dtype, copy=False) if weights else x.dtype.type(1)


def euclidean_from_fields(fields: Fields) -> Any:
    """Return the loss of a struct in a model; one of another power than 2 is unknown."""
    fields.without_labels()
    p = fields.option("p", 2.0)
    return EuclideanLoss() if p == 2 else fields.unknown(f"Euclidean losses of power {p:g}")


def l2_from_fields(fields: Fields) -> L2Loss:
    """Return the loss of a struct in a model."""
    fields.without_labels()
    return L2Loss()


UNUSED = ("loss", "normalise", "average", "numAveraged")
"""Fields that the blocks inherit from MatConvNet's losses; none changes what they compute."""

OPERATOR = Operator(
    forward,
    gradient,
    output_shape,
    whole_image=True,
    objective=True,
    matconvnet=Block(euclidean_from_fields, "euclideanloss", "EuclideanLoss", inputs=(2, 3), unused=UNUSED),
)
L2_OPERATOR = Operator(
    forward,
    gradient,
    output_shape,
    whole_image=True,
    objective=True,
    matconvnet=Block(l2_from_fields, "l2loss", "L2Loss", inputs=(2, 3), unused=UNUSED),
)
