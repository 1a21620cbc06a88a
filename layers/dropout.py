"""Dropout: y = mask * x, where the mask holds 0 (dropped) and 1 / (1 - rate) (kept); without a mask, y = x.

The layer itself draws no random numbers, so that a network is a function. Training code makes masks with `draw_mask`
and sets them with ``dataclasses.replace(layer, mask=...)``. Reference: MatConvNet `vl_nndropout`; its test mode is
mask=None.
"""

from dataclasses import dataclass
from typing import Any

from refvis.layers.base.arrays import Array, array_module, one_for_all, one_for_all_places, summary
from refvis.layers.base.blocks import Block, Fields, Struct
from refvis.layers.base.errors import ShapeError
from refvis.layers.base.fields import ArrayField
from refvis.layers.base.operator import Locality, Operator


@dataclass(frozen=True, eq=False, repr=False)
class Dropout:
    """Dropout, y = mask * x; without a mask, y = x.

        rate   the probability of 0 in the mask, 0 <= rate < 1. Default 0.5
        mask   0 or 1 / (1 - rate) for each value, in the shape of x or one that broadcasts to it. Default: None

    Raises ShapeError for another rate, TypeError for a mask that is no array.

    >>> import numpy as np
    >>> from refvis import layers
    >>> x = np.array([[[[1.0, 3.0]]]])
    >>> layers.forward(layers.Dropout(0.5, mask=np.array([0.0, 2.0])), x).ravel()
    array([0., 6.])
    """

    rate: float = 0.5
    mask: ArrayField = ArrayField(None, optional=True)

    def __post_init__(self) -> None:
        """Check the rate."""
        if not 0 <= self.rate < 1:
            raise ShapeError(f"Dropout rate is {self.rate}, expected 0 <= rate < 1")

    __repr__ = summary


def output_shape(layer: Dropout, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape of the output, that of the input, or raise ShapeError if the mask does not fit it."""
    if layer.mask is not None:
        ones = (1,) * (4 - layer.mask.ndim) + layer.mask.shape
        if len(ones) > 4 or any(m not in (1, n) for m, n in zip(ones, shape, strict=True)):
            raise ShapeError(f"the Dropout mask has shape {layer.mask.shape}, expected that of the input, {shape}")
    return shape


def forward(layer: Dropout, x: Array) -> Array:
    """Return y (shape and dtype of x)."""
    array_module(x, layer.mask)
    return x if layer.mask is None else x * layer.mask.astype(x.dtype, copy=False)


def gradient(layer: Dropout, signal: Array, output: Array | None, x: Array) -> tuple[Array]:
    """Return (dx,) = (mask * signal,)."""
    return (forward(layer, signal),)


def draw_mask(layer: Dropout, shape: tuple[int, ...], random: Any, dtype: Any = "float32") -> Array:
    """Return a mask of `shape`: 1 / (1 - rate) with probability 1 - rate, else 0, from a numpy (or cupy) Generator."""
    kept = random.random(shape, dtype="float32") >= layer.rate
    return (kept * (1 / (1 - layer.rate))).astype(dtype)


def per_image(layer: Dropout) -> bool:
    """Return whether the mask is the same for all images of the batch."""
    return one_for_all(layer.mask)


def is_local(layer: Dropout) -> bool:
    """Return whether the mask is the same at all places of all images."""
    return one_for_all_places(layer.mask)


def from_fields(fields: Fields) -> Dropout:
    """Return the layer of a struct in a MatConvNet model."""
    return Dropout(fields.number("rate", 0.5))


def to_fields(layer: Dropout) -> Struct:
    """Return the fields of the struct in a MatConvNet model; raise ValueError for a layer with a mask."""
    if layer.mask is not None:
        raise ValueError("a MatConvNet model holds no mask: use dataclasses.replace(layer, mask=None)")
    return {"rate": float(layer.rate)}


OPERATOR = Operator(
    forward,
    gradient,
    output_shape,
    per_image=per_image,
    local=Locality(is_local),
    matconvnet=Block(from_fields, "dropout", "DropOut", to_fields),
)
