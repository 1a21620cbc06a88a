"""Permutation of the axes of each image: rows, columns and channels change their roles.

    y = x with its axes in another order; axis d of y is axis order[d - 1] of x

Axes count from 1: rows, columns, channels; images stay apart. (2, 1, 3) exchanges rows and columns. Every value is
copied once; the gradient undoes the order. MatConvNet has no such layer; models converted from PyTorch and Caffe have
``dagnn.Permute`` (MATLAB's `permute`), mostly before a `Flatten`.
"""

from dataclasses import dataclass
from typing import Any

from refvis.layers.base.arrays import Array
from refvis.layers.base.blocks import Block, Fields, Struct
from refvis.layers.base.errors import ShapeError
from refvis.layers.base.fields import ConvertedField
from refvis.layers.base.geometry import POINT, Window, integers
from refvis.layers.base.operator import Operator, always


def _order(given: Any) -> tuple[int, ...]:
    """Return the order as three ints; raise ShapeError unless they are 1, 2 and 3."""
    order = integers(given, "Permute order", (3,), 1)
    if sorted(order) != [1, 2, 3]:
        raise ShapeError(f"Permute order is {order}, expected 1, 2 and 3 in some order (rows, columns, channels)")
    return order


@dataclass(frozen=True, eq=False)
class Permute:
    """The axes of each image in another order: 1 stands for rows, 2 for columns, 3 for channels.

    Raises ShapeError for an order that is none.

    >>> from refvis import layers
    >>> layers.output_shape(layers.Permute((2, 1, 3)), (4, 5, 6, 7))
    (4, 6, 5, 7)
    """

    order: ConvertedField = ConvertedField(_order)


def output_shape(layer: Permute, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape of the output, with the axes in their new order."""
    return shape[0], *(shape[axis] for axis in layer.order)


def forward(layer: Permute, x: Array) -> Array:
    """Return y (the shape of `output_shape`, dtype of x)."""
    return x.transpose(0, *layer.order)


def gradient(layer: Permute, signal: Array, output: Array | None, x: Array) -> tuple[Array]:
    """Return (dx,): the signal with the axes back in their order."""
    return (signal.transpose(0, *(1 + layer.order.index(axis) for axis in (1, 2, 3))),)


def window(layer: Permute) -> Window | None:
    """Return a point where rows and columns stay; else None."""
    return POINT if layer.order == (1, 2, 3) else None


def from_fields(fields: Fields) -> Any:
    """Return the layer of a block in a model; one that moves the images is unknown."""
    order = fields.whole("order", *fields.numbers("order", (1.0, 2.0, 3.0, 4.0), (3, 4)))
    if order[3:] not in ((), (4,)):
        return fields.unknown("permutations that move the images")
    return Permute(order[:3])


def to_fields(layer: Permute) -> Struct:
    """Return the fields of the block in a model."""
    return {"order": (*map(float, layer.order), 4.0)}


OPERATOR = Operator(
    forward,
    gradient,
    output_shape,
    window=window,
    per_image=always,
    copies=True,
    matconvnet=Block(from_fields, block="Permute", more=to_fields),
)
