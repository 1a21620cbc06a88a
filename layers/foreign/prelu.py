"""Parametric ReLU (He et al. 2015): a ReLU whose slope for x <= 0 is learned, one for each channel or one for all.

    y = max(x, 0) + a_c * min(x, 0)

The three backward passes are those of `refvis.layers.relu`, with the slope a_c in place of the leak. At x = 0 the
derivative is taken as a_c. The gradient of the slopes is the sum of g * min(x, 0) over the positions that share one.
MatConvNet has no such layer; files of other projects call it ``prelu``, and ``dagnn.PReLU`` or ``dagnn.pReLU``.
Reference: Caffe `PReLU`, PyTorch `nn.PReLU`.
"""

from dataclasses import dataclass

from refvis.layers.base.arrays import Array, array_module, summary
from refvis.layers.base.blocks import Block, Fields
from refvis.layers.base.errors import ShapeError
from refvis.layers.base.fields import VectorField
from refvis.layers.base.operator import EVERYWHERE, Operator, always


@dataclass(frozen=True, eq=False, repr=False)
class PReLU:
    """Parametric ReLU, y = max(x, 0) + slope * min(x, 0); `slopes` has C values, or one for all channels.

    Raises TypeError for slopes that are no array.

    >>> import numpy as np
    >>> from refvis import layers
    >>> layers.forward(layers.PReLU(np.array([0.5, -1.0])), np.array([[[[-4.0, -3.0]]]])).ravel()
    array([-2.,  3.])
    """

    slopes: VectorField = VectorField()

    __repr__ = summary


def output_shape(layer: PReLU, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape of the output, that of the input, or raise ShapeError for another number of channels."""
    if layer.slopes.size not in (1, shape[3]):
        raise ShapeError(f"PReLU has {layer.slopes.size} slopes, expected 1, or one for each of {shape[3]} channels")
    return shape


def gate(layer: PReLU, signal: Array, passes: Array) -> Array:
    """Return the signal where it passes (bool, its shape), and slope times the signal elsewhere."""
    slopes = layer.slopes.astype(signal.dtype, copy=False)
    return array_module(signal, passes, slopes).where(passes, signal, signal * slopes)


def forward(layer: PReLU, x: Array) -> Array:
    """Return y (shape and dtype of x)."""
    return gate(layer, x, x > 0)


def gradient(layer: PReLU, signal: Array, output: Array | None, x: Array) -> tuple[Array]:
    """Backpropagation: the signal passes where the input was positive."""
    return (gate(layer, signal, x > 0),)


def deconvnet(layer: PReLU, signal: Array, output: Array | None, x: Array) -> tuple[Array]:
    """Deconvnet: the signal passes where it is positive, whatever the input was."""
    return (gate(layer, signal, signal > 0),)


def guided(layer: PReLU, signal: Array, output: Array | None, x: Array) -> tuple[Array]:
    """Guided backpropagation: the signal passes where input and signal are both positive."""
    return (gate(layer, gate(layer, signal, signal > 0), x > 0),)


def parameter_gradients(layer: PReLU, signal: Array, output: Array | None, x: Array) -> dict[str, Array]:
    """Return {"slopes": da}, the sum of signal * min(x, 0) over all positions, or over all values for one slope."""
    each = (signal * array_module(signal, x).minimum(x, 0)).sum(axis=(0, 1, 2))
    return {"slopes": each if layer.slopes.size > 1 or each.size == 1 else each.sum(keepdims=True)}


def from_fields(fields: Fields) -> PReLU:
    """Return the layer of a struct in a model; its only array has the slopes."""
    (slopes,) = fields.arrays("slopes")
    if slopes is None:
        raise fields.error("weights{1}", "no slopes", "one for each channel, or one for all")
    return PReLU(fields.vector(slopes))


OPERATOR = Operator(
    forward,
    gradient,
    output_shape,
    parameter_gradients,
    per_image=always,
    one_to_one=True,
    local=EVERYWHERE,
    matconvnet=Block(
        from_fields, "prelu", "PReLU", arrays=(("slopes", "a"),), older_blocks=("pReLU",), unused=("leak",)
    ),
)
