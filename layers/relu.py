"""Rectified linear unit, and the three backward passes that differ only here.

    y = max(x, 0) + leak * min(x, 0)

| rule        | signal that goes down                | passes where          | source                              |
|-------------|--------------------------------------|-----------------------|-------------------------------------|
| `gradient`  | g if x > 0 else leak * g             | the INPUT is positive | backpropagation; Simonyan 2014      |
| `deconvnet` | relu(g)                              | the SIGNAL is positive| Zeiler & Fergus 2014                |
| `guided`    | relu(g) if x > 0 else leak * relu(g) | both are positive     | Springenberg et al. 2015            |

With leak > 0, "passes" means with weight 1 and all else with weight `leak` (for `guided`: the product of the two).
At x = 0 the derivative is taken as the leak (MatConvNet, Caffe and PyTorch agree).
"""

from dataclasses import dataclass

from refvis.layers.base.arrays import Array, array_module
from refvis.layers.base.blocks import Block, Fields, Struct
from refvis.layers.base.operator import EVERYWHERE, Operator, always


@dataclass(frozen=True, eq=False)
class ReLU:
    """Rectified linear unit, y = max(x, 0) + leak * min(x, 0); `leak` is the slope for x <= 0, by default 0.

    >>> import numpy as np
    >>> from refvis import layers
    >>> layers.forward(layers.ReLU(leak=0.5), np.array([[[[-4.0, 3.0]]]])).ravel()
    array([-2.,  3.])
    """

    leak: float = 0.0


def output_shape(layer: ReLU, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape of the output: that of the input."""
    return shape


def gate(layer: ReLU, signal: Array, passes: Array) -> Array:
    """Return the signal where it passes (bool, its shape), and leak times the signal elsewhere.

    ``where(passes, signal, 0)`` equals ``signal * passes``, except for signals that are infinite or NaN: a closed gate
    blocks these, too.
    """
    closed = signal * signal.dtype.type(layer.leak) if layer.leak else signal.dtype.type(0)
    return array_module(signal, passes).where(passes, signal, closed)


def forward(layer: ReLU, x: Array) -> Array:
    """Return y (shape and dtype of x); NaN gives 0 where there is no leak, as MATLAB's max does."""
    return array_module(x).fmax(x, 0) if not layer.leak else gate(layer, x, x > 0)


def gradient(layer: ReLU, signal: Array, output: Array | None, x: Array) -> tuple[Array]:
    """Backpropagation: the signal passes where the input was positive."""
    return (gate(layer, signal, x > 0),)


def deconvnet(layer: ReLU, signal: Array, output: Array | None, x: Array) -> tuple[Array]:
    """Deconvnet: the signal passes where it is positive, whatever the input was."""
    return (gate(layer, signal, signal > 0),)


def guided(layer: ReLU, signal: Array, output: Array | None, x: Array) -> tuple[Array]:
    """Guided backpropagation: the signal passes where input and signal are both positive."""
    return (gate(layer, gate(layer, signal, signal > 0), x > 0),)


def from_fields(fields: Fields) -> ReLU:
    """Return the layer of a struct in a MatConvNet model; `leak` is 0 where it is absent."""
    return ReLU(fields.number("leak", 0))


def to_fields(layer: ReLU) -> Struct:
    """Return the fields of the struct in a MatConvNet model."""
    return {"leak": float(layer.leak)}


OPERATOR = Operator(
    forward,
    gradient,
    output_shape,
    per_image=always,
    one_to_one=True,
    local=EVERYWHERE,
    matconvnet=Block(from_fields, "relu", "ReLU", to_fields, options=("leak",)),
)
