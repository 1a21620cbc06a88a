"""Sum of any number of inputs of one shape: y = x_1 + x_2 + ...; each gets the signal unchanged: dx_i = g.

Reference: MatConvNet `dagnn.Sum`; Caffe `Eltwise` (SUM), PyTorch `+` (which broadcasts; here the shapes must be equal).
"""

from dataclasses import dataclass

from refvis.layers.base.arrays import Array
from refvis.layers.base.blocks import ANY_NUMBER, Block
from refvis.layers.base.errors import ShapeError
from refvis.layers.base.operator import EVERYWHERE, AffineForm, Operator, always


@dataclass(frozen=True, eq=False)
class Sum:
    """Sum of any number of inputs of one shape, y = x_1 + x_2 + ...

    >>> import numpy as np
    >>> from refvis import layers
    >>> x = np.array([[[[1.0, 2.0]]]])
    >>> layers.forward(layers.Sum(), x, 10 * x).ravel()
    array([11., 22.])
    """


def output_shape(layer: Sum, *shapes: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape of the output, that of every input, or raise ShapeError."""
    for shape in shapes[1:]:
        if shape != shapes[0]:
            raise ShapeError(f"the inputs have shapes {shapes[0]} and {shape}, expected equal ones")
    return shapes[0]


def forward(layer: Sum, *inputs: Array) -> Array:
    """Return y (shape of each x, dtype of the first)."""
    y = inputs[0].copy()
    for x in inputs[1:]:
        y += x
    return y


def gradient(layer: Sum, signal: Array, output: Array | None, *inputs: Array) -> tuple[Array, ...]:
    """Return the signal, once for each input."""
    return (signal,) * len(inputs)


def affine(layer: Sum, *inputs: Array) -> AffineForm:
    """Return y = W x: all weights are 1."""
    return AffineForm(layer, inputs)


OPERATOR = Operator(
    forward,
    gradient,
    output_shape,
    per_image=always,
    local=EVERYWHERE,
    affine=affine,
    matconvnet=Block(lambda fields: Sum(), block="Sum", inputs=ANY_NUMBER),
)
