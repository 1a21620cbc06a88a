"""The border that a layer's pad puts around images: put on, and taken off again."""

from typing import Protocol

from refvis.layers.arrays import Array
from refvis.layers.geometry import Quad
from refvis.layers.memory import filled


class Padding(Protocol):
    """A layer with a `pad` of (top, bottom, left, right) pixels."""

    @property
    def pad(self) -> Quad:
        """The pad, with all four values."""


def padded(layer: Padding, x: Array, fill: float = 0) -> Array:
    """Return x (N x H x W x C) with its border filled with `fill`, x itself where there is none."""
    if not any(layer.pad):  # type: ignore[arg-type]
        return x
    wide = blank(layer, x, fill)
    cropped(layer, wide, x.shape)[...] = x
    return wide


def blank(layer: Padding, x: Array, fill: float = 0) -> Array:
    """Return `fill` everywhere, in the size of x with its border."""
    top, bottom, left, right = layer.pad  # type: ignore[misc]
    count, height, width, channels = x.shape
    return filled((count, height + top + bottom, width + left + right, channels), x, fill)


def cropped(layer: Padding, wide: Array, shape: tuple[int, ...]) -> Array:
    """Return what `padded` was given, of that shape: the inverse, and for zeros the adjoint, of padding."""
    top, _, left, _ = layer.pad  # type: ignore[misc]
    return wide[:, top : top + shape[1], left : left + shape[2]]
