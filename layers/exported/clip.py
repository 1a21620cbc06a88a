"""Clip: values beyond two bounds become the bounds; ReLU6 is the clip to 0 ... 6.

    y = low where x < low,    high where x > high,    else x

| rule        | signal that goes down              | passes where                                  |
|-------------|------------------------------------|-----------------------------------------------|
| `gradient`  | g if low < x < high else 0         | the INPUT is between the bounds               |
| `deconvnet` | relu(g)                            | the SIGNAL is positive, whatever the input was|
| `guided`    | relu(g) if low < x < high else 0   | both                                          |

At a bound the derivative is taken as 0. NaN stays. MatConvNet has no such layer. Reference: ONNX `Clip`, PyTorch
`nn.ReLU6` and `nn.Hardtanh`; Howard et al., MobileNets, 2017.
"""

from dataclasses import dataclass

from refvis.layers.base.arrays import Array, array_module
from refvis.layers.base.blocks import Block, Fields, Struct
from refvis.layers.base.errors import ShapeError
from refvis.layers.base.fields import NumberField
from refvis.layers.base.operator import EVERYWHERE, Operator, always


@dataclass(frozen=True, eq=False)
class Clip:
    """Clip of every value to `low` ... `high`, by default 0 and 6 (ReLU6); infinity stands for no bound.

    Raises ShapeError unless low is less than high.

    >>> import numpy as np
    >>> from refvis import layers
    >>> layers.forward(layers.Clip(-1, 6), np.array([[[[-4.0, 3.0, 8.0]]]])).ravel()
    array([-1.,  3.,  6.])
    """

    low: NumberField = NumberField(0.0)
    high: NumberField = NumberField(6.0)

    def __post_init__(self) -> None:
        """Check the order of the bounds."""
        if not self.low < self.high:
            raise ShapeError(f"Clip low is {self.low} and high {self.high}, expected low < high")


def output_shape(layer: Clip, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape of the output: that of the input."""
    return shape


def forward(layer: Clip, x: Array) -> Array:
    """Return y (shape and dtype of x)."""
    return array_module(x).clip(x, x.dtype.type(layer.low), x.dtype.type(layer.high))


def gradient(layer: Clip, signal: Array, output: Array | None, x: Array) -> tuple[Array]:
    """Backpropagation: the signal passes where the input was between the bounds."""
    inside = (x > x.dtype.type(layer.low)) & (x < x.dtype.type(layer.high))
    return (array_module(signal, x).where(inside, signal, signal.dtype.type(0)),)


def deconvnet(layer: Clip, signal: Array, output: Array | None, x: Array) -> tuple[Array]:
    """Deconvnet: the signal passes where it is positive, whatever the input was."""
    return (array_module(signal).where(signal > 0, signal, signal.dtype.type(0)),)


def guided(layer: Clip, signal: Array, output: Array | None, x: Array) -> tuple[Array]:
    """Guided backpropagation: the signal passes where it is positive, and the input between the bounds."""
    return gradient(layer, *deconvnet(layer, signal, output, x), output, x)


def from_fields(fields: Fields) -> Clip:
    """Return the layer of a struct in a model; `bounded` says which of the two bounds there are."""
    low, high = fields.number("low", 0), fields.number("high", 6)
    below, above = fields.numbers("bounded", (1.0, 1.0), (2,)) if fields.has("bounded") else (1.0, 1.0)
    return Clip(low if below else -INFINITY, high if above else INFINITY)


def to_fields(layer: Clip) -> Struct:
    """Return the fields of the struct in a model: files of models hold finite numbers only."""
    bounds = layer.low, layer.high
    low, high = (bound if abs(bound) < INFINITY else 0.0 for bound in bounds)
    return {"low": low, "high": high, "bounded": tuple(float(abs(bound) < INFINITY) for bound in bounds)}


INFINITY = float("inf")
"""The bound that stands for none."""


OPERATOR = Operator(
    forward,
    gradient,
    output_shape,
    per_image=always,
    one_to_one=True,
    local=EVERYWHERE,
    matconvnet=Block(from_fields, "clip", "Clip", to_fields),
)
