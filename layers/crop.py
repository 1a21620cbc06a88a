"""Crop: the part of the first input that is as big as the second input, from row and column `offset` on.

    y[n,i,j,c] = x[n, i + top, j + left, c]

with i and j over the height and width of the second input. Nothing else of the second input is used: its gradient is
zero. As in MatConvNet, an offset that is too large is reduced: top = min(offset, H - height of the second input), left
likewise. Fully convolutional networks use it to cut off what a padded convolution added before an upsampling.
Reference: MatConvNet `dagnn.Crop` with `vl_nncrop`; Caffe `Crop` (which refuses an offset that is too large).
"""

from dataclasses import dataclass

from refvis.layers.base.arrays import Array, array_module
from refvis.layers.base.blocks import Block, Fields, Struct
from refvis.layers.base.errors import ShapeError
from refvis.layers.base.fields import PairField
from refvis.layers.base.geometry import Window, require_rank4
from refvis.layers.base.operator import Locality, Operator, always


@dataclass(frozen=True, eq=False)
class Crop:
    """Crop to the height and width of the second input, from `offset` on, a number or (y, x), by default (0, 0).

    Raises ShapeError for a negative offset.

    >>> import numpy as np
    >>> from refvis import layers
    >>> x, like = np.arange(4.0).reshape(1, 1, 4, 1), np.zeros((1, 1, 2, 1))
    >>> layers.forward(layers.Crop((0, 1)), x, like).ravel()
    array([1., 2.])
    """

    offset: PairField = PairField((0, 0), least=0)


def output_shape(layer: Crop, shape: tuple[int, ...], like: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape of the output, or raise ShapeError if the second input is larger than the first."""
    require_rank4(like)
    if like[1] > shape[1] or like[2] > shape[2]:
        raise ShapeError(
            f"the input has {shape[1]} x {shape[2]} pixels, fewer than the {like[1]} x {like[2]} to crop to"
        )
    return shape[0], like[1], like[2], shape[3]


def kept_slices(layer: Crop, shape: tuple[int, ...], like: tuple[int, ...]) -> tuple[slice, slice]:
    """Return the rows and columns that are kept."""
    top, left = (min(layer.offset[a], shape[a + 1] - like[a + 1]) for a in (0, 1))
    return slice(top, top + like[1]), slice(left, left + like[2])


def forward(layer: Crop, x: Array, like: Array) -> Array:
    """Return y (N x height and width of the second input x C, dtype of x)."""
    rows, columns = kept_slices(layer, x.shape, like.shape)
    return x[:, rows, columns]


def gradient(layer: Crop, signal: Array, output: Array | None, x: Array, like: Array) -> tuple[Array, Array]:
    """Return (dx, zeros): the signal in the part that was kept, zero around it; zeros for the second input."""
    xp = array_module(signal, x)
    rows, columns = kept_slices(layer, x.shape, like.shape)
    dx = xp.zeros(x.shape, signal.dtype)
    dx[:, rows, columns] = signal
    return dx, xp.zeros_like(like)


def window(layer: Crop) -> Window:
    """Return the window of a crop with the full offset, which is shifted down and to the right."""
    top, left = layer.offset
    return (1, 1), (1, 1), (-top, -left)


def window_within(layer: Crop, shape: tuple[int, ...], like: tuple[int, ...]) -> Window:
    """Return the window for inputs of these shapes."""
    rows, columns = kept_slices(layer, shape, like)
    return (1, 1), (1, 1), (-rows.start, -columns.start)


def no_layer(layer: Crop) -> None:
    """Return None: a patch of the first input is the part of the output."""


def from_fields(fields: Fields) -> Crop:
    """Return the layer of a block in a MatConvNet model."""
    return Crop(fields.geometry("crop", 0))


def to_fields(layer: Crop) -> Struct:
    """Return the fields of the block in a MatConvNet model."""
    return {"crop": layer.offset}


OPERATOR = Operator(
    forward,
    gradient,
    output_shape,
    window=window,
    shape_only=(1,),
    per_image=always,
    copies=True,
    local=Locality(bare=no_layer, window=window_within),
    matconvnet=Block(from_fields, block="Crop", more=to_fields, inputs=(2,)),
)
