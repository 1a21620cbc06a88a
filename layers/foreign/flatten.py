"""Flattening: all values of an image along one axis, in MATLAB's order: down the rows, then columns, then channels.

    y[n, H W c + H j + i] = x[n, i, j, c]

along the channels (N x 1 x 1 x HWC), the rows or the columns. Every value is copied once; the gradient puts signals
back. MatConvNet has no such layer; ``dagnn.Flatten`` of mcnExtraLayers computes it (`vl_nnflatten`). Caffe and PyTorch
flatten channels first and columns fastest; converted models have a `Permute` before the layer.
"""

from dataclasses import dataclass

from refvis.layers.base.arrays import Array
from refvis.layers.base.blocks import Block, Fields, Struct
from refvis.layers.base.errors import ShapeError
from refvis.layers.base.fields import WholeField
from refvis.layers.base.geometry import Window
from refvis.layers.base.operator import Operator, always


@dataclass(frozen=True, eq=False)
class Flatten:
    """All values of an image along `axis`: 1 (rows), 2 (columns) or 3 (channels, the default).

    Raises ShapeError for another axis.

    >>> import numpy as np
    >>> from refvis import layers
    >>> x = np.array([[1.0, 3.0], [2.0, 4.0]]).reshape(1, 2, 2, 1)
    >>> layers.forward(layers.Flatten(), x)[0, 0, 0]
    array([1., 2., 3., 4.])
    """

    axis: WholeField = WholeField(3)

    def __post_init__(self) -> None:
        """Check the axis."""
        if self.axis > 3:
            raise ShapeError(f"Flatten axis is {self.axis}, expected 1, 2 or 3 (rows, columns, channels)")


def output_shape(layer: Flatten, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return N x 1 x 1 x HWC, or the shape with HWC at another axis."""
    ones = [shape[0], 1, 1, 1]
    ones[layer.axis] = shape[1] * shape[2] * shape[3]
    return tuple(ones)


def forward(layer: Flatten, x: Array) -> Array:
    """Return y (the shape of `output_shape`, dtype of x)."""
    return x.transpose(0, 3, 2, 1).reshape(output_shape(layer, x.shape))


def gradient(layer: Flatten, signal: Array, output: Array | None, x: Array) -> tuple[Array]:
    """Return (dx,): each value's signal, at the place from which it was copied."""
    count, height, width, channels = x.shape
    return (signal.reshape(count, channels, width, height).transpose(0, 3, 2, 1),)


def window(layer: Flatten) -> Window | None:
    """Return None: an output's place does not follow from that of a window."""
    return None


def from_fields(fields: Fields) -> Flatten:
    """Return the layer of a block in a model; axis counts from 1 in H x W x C x N."""
    (axis,) = fields.whole("axis", fields.number("axis", 3))
    return Flatten(axis)


def to_fields(layer: Flatten) -> Struct:
    """Return the fields of the block in a model."""
    return {"axis": float(layer.axis)}


OPERATOR = Operator(
    forward,
    gradient,
    output_shape,
    window=window,
    per_image=always,
    copies=True,
    matconvnet=Block(from_fields, block="Flatten", more=to_fields, unused=("firstAxis",)),
)
