"""Concatenation of any number of inputs along one axis; each input gets its part of the signal back.

Axes count in N x H x W x C, so that 3 is the channels; MatConvNet's `dim` counts from 1 in H x W x C x N, its 3 are the
channels too. The other axes must agree. Reference: MatConvNet `vl_nnconcat`; Caffe `Concat` (axis 1), PyTorch `cat`.
"""

from dataclasses import dataclass

from refvis.layers.base.arrays import Array, array_module
from refvis.layers.base.blocks import ANY_NUMBER, Block, Fields, Struct
from refvis.layers.base.errors import ShapeError
from refvis.layers.base.fields import WholeField
from refvis.layers.base.geometry import POINT, Window, require_rank4
from refvis.layers.base.operator import Locality, Operator


@dataclass(frozen=True, eq=False)
class Concat:
    """Concatenation of the inputs along `axis` of N x H x W x C, by default the channels (3).

    Raises ShapeError for another axis than 0, 1, 2 or 3.

    >>> import numpy as np
    >>> from refvis import layers
    >>> layers.forward(layers.Concat(), np.zeros((1, 1, 1, 2)), np.ones((1, 1, 1, 1))).ravel()
    array([0., 0., 1.])
    """

    axis: WholeField = WholeField(3, least=0)

    def __post_init__(self) -> None:
        """Check the axis."""
        if self.axis > 3:
            raise ShapeError(f"Concat axis is {self.axis}, expected 0, 1, 2 or 3 (N x H x W x C)")


def output_shape(layer: Concat, *shapes: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape of the output, or raise ShapeError where the inputs differ along another axis."""
    before, after = shapes[0][: layer.axis], shapes[0][layer.axis + 1 :]
    for shape in shapes[1:]:
        require_rank4(shape)
        if (shape[: layer.axis], shape[layer.axis + 1 :]) != (before, after):
            raise ShapeError(
                f"the inputs have shapes {shapes[0]} and {shape}, expected to differ in axis {layer.axis} only"
            )
    return *before, sum(shape[layer.axis] for shape in shapes), *after


def forward(layer: Concat, *inputs: Array) -> Array:
    """Return y: the inputs one after the other (dtype of the first)."""
    return array_module(*inputs).concatenate([x.astype(inputs[0].dtype, copy=False) for x in inputs], axis=layer.axis)


def gradient(layer: Concat, signal: Array, output: Array | None, *inputs: Array) -> tuple[Array, ...]:
    """Return for each input its part of the signal, at the place of the input in y."""
    parts, start = [], 0
    for x in inputs:
        stop = start + x.shape[layer.axis]
        parts.append(signal[(slice(None),) * layer.axis + (slice(start, stop),)])
        start = stop
    return tuple(parts)


def window(layer: Concat) -> Window | None:
    """Return a point; None for images side by side, which have no common window."""
    return POINT if layer.axis in (0, 3) else None


def per_image(layer: Concat) -> bool:
    """Return whether the axis is another than that of the images."""
    return layer.axis != 0


def of_channels(layer: Concat) -> bool:
    """Return whether channels are concatenated."""
    return layer.axis == 3


def from_fields(fields: Fields) -> Concat:
    """Return the layer of a block in a MatConvNet model; dim counts from 1 in H x W x C x N."""
    dim = fields.number("dim", 3)
    if dim not in (1, 2, 3, 4):
        raise fields.error("dim", f"{dim:g}", "1, 2, 3 or 4")
    return Concat(int(dim) % 4)


def to_fields(layer: Concat) -> Struct:
    """Return the fields of the block in a MatConvNet model."""
    return {"dim": float(layer.axis or 4)}


OPERATOR = Operator(
    forward,
    gradient,
    output_shape,
    window=window,
    per_image=per_image,
    copies=True,
    local=Locality(of_channels),
    matconvnet=Block(from_fields, block="Concat", more=to_fields, inputs=ANY_NUMBER),
)
