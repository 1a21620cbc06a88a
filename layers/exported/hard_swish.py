"""Hard swish (Howard et al., MobileNetV3, 2019): y = x h(x), with the hard sigmoid h(x) = max(0, min(1, x/6 + 1/2)).

So y = 0 for x <= -3, y = x for x >= 3, and a parabola between, which is below 0 for x < 0.

| rule        | signal that goes down                     | source                        |
|-------------|-------------------------------------------|-------------------------------|
| `gradient`  | g (h(x) + x h'(x))                        | backpropagation               |
| `deconvnet` | relu(g)                                   | as at a ReLU                  |
| `guided`    | relu(g) (h(x) + x h'(x)) if y > 0 else 0  | as at a ReLU                  |

with h'(x) = 1/6 for -3 < x < 3, else 0. MatConvNet has no such layer. Reference: ONNX `HardSwish`, PyTorch
`nn.Hardswish`.
"""

from dataclasses import dataclass

from refvis.layers.base.arrays import Array, array_module
from refvis.layers.base.blocks import Block
from refvis.layers.base.operator import EVERYWHERE, Operator, always
from refvis.layers.exported import hard_sigmoid

FACTOR = hard_sigmoid.HardSigmoid(1 / 6, 0.5)
"""h, the factor of x."""


@dataclass(frozen=True, eq=False)
class HardSwish:
    """Hard swish of every value, y = x max(0, min(1, x/6 + 1/2)).

    >>> import numpy as np
    >>> from refvis import layers
    >>> layers.forward(layers.HardSwish(), np.array([[[[-4.0, -1.5, 1.5, 4.0]]]])).ravel()
    array([-0.   , -0.375,  1.125,  4.   ])
    """


def output_shape(layer: HardSwish, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape of the output: that of the input."""
    return shape


def forward(layer: HardSwish, x: Array) -> Array:
    """Return y (shape and dtype of x)."""
    return x * hard_sigmoid.forward(FACTOR, x)


def gradient(layer: HardSwish, signal: Array, output: Array | None, x: Array) -> tuple[Array]:
    """Return (dx,), by the rule for products."""
    (by_factor,) = hard_sigmoid.gradient(FACTOR, signal * x, None, x)
    return (signal * hard_sigmoid.forward(FACTOR, x) + by_factor,)


def deconvnet(layer: HardSwish, signal: Array, output: Array | None, x: Array) -> tuple[Array]:
    """Deconvnet: the signal passes where it is positive, whatever the input was."""
    return (array_module(signal).where(signal > 0, signal, signal.dtype.type(0)),)


def guided(layer: HardSwish, signal: Array, output: Array, x: Array) -> tuple[Array]:
    """Guided backpropagation: the gradient, where signal and output are both positive."""
    passes = (signal > 0) & (output > 0)
    return gradient(layer, array_module(signal, x).where(passes, signal, signal.dtype.type(0)), output, x)


OPERATOR = Operator(
    forward,
    gradient,
    output_shape,
    per_image=always,
    one_to_one=True,
    local=EVERYWHERE,
    matconvnet=Block(lambda fields: HardSwish(), "hardswish", "HardSwish"),
)
