"""Hard sigmoid: a line between 0 and 1, y = max(0, min(1, alpha x + beta)).

Its derivative is alpha where 0 < alpha x + beta < 1, else 0. MatConvNet has no such layer. ONNX `HardSigmoid` has alpha
0.2 and beta 0.5; PyTorch's `nn.Hardsigmoid` has alpha 1/6. Reference: Courbariaux et al., BinaryConnect, 2015.
"""

from dataclasses import dataclass

from refvis.layers.base.arrays import Array, array_module
from refvis.layers.base.blocks import Block, Fields, Struct
from refvis.layers.base.fields import NumberField
from refvis.layers.base.operator import EVERYWHERE, Operator, always


@dataclass(frozen=True, eq=False)
class HardSigmoid:
    """Hard sigmoid of every value, y = max(0, min(1, alpha x + beta)); `alpha` is 1/6 by default, `beta` 1/2.

    >>> import numpy as np
    >>> from refvis import layers
    >>> layers.forward(layers.HardSigmoid(0.25), np.array([[[[-4.0, 1.0, 3.0]]]])).ravel()
    array([0.  , 0.75, 1.  ])
    """

    alpha: NumberField = NumberField(1 / 6)
    beta: NumberField = NumberField(0.5)


def output_shape(layer: HardSigmoid, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape of the output: that of the input."""
    return shape


def line(layer: HardSigmoid, x: Array) -> Array:
    """Return alpha x + beta (shape and dtype of x)."""
    return x * x.dtype.type(layer.alpha) + x.dtype.type(layer.beta)


def forward(layer: HardSigmoid, x: Array) -> Array:
    """Return y (shape and dtype of x)."""
    return array_module(x).clip(line(layer, x), x.dtype.type(0), x.dtype.type(1))


def gradient(layer: HardSigmoid, signal: Array, output: Array | None, x: Array) -> tuple[Array]:
    """Return (dx,): alpha * signal on the line, 0 beside it."""
    between = line(layer, x)
    inside = (between > 0) & (between < 1)
    slope = signal * signal.dtype.type(layer.alpha)
    return (array_module(signal, x).where(inside, slope, signal.dtype.type(0)),)


def from_fields(fields: Fields) -> HardSigmoid:
    """Return the layer of a struct in a model."""
    return HardSigmoid(fields.number("alpha", 1 / 6), fields.number("beta", 0.5))


def to_fields(layer: HardSigmoid) -> Struct:
    """Return the fields of the struct in a model."""
    return {"alpha": layer.alpha, "beta": layer.beta}


OPERATOR = Operator(
    forward,
    gradient,
    output_shape,
    per_image=always,
    one_to_one=True,
    local=EVERYWHERE,
    matconvnet=Block(from_fields, "hardsigmoid", "HardSigmoid", to_fields),
)
