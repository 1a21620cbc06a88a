"""Borders: padding around images, and its removal. A pad is (top, bottom, left, right) pixels."""

from refvis.layers.base.arrays import Array, array_module

Pad = tuple[int, int, int, int]


def padded(x: Array, pad: Pad, fill: float = 0) -> Array:
    """Return x (N x H x W x C) with a border of `fill` around each image; x itself where the pad is 0."""
    if not any(pad):
        return x
    wide = blank(x, pad, fill)
    cropped(wide, pad, x.shape)[...] = x
    return wide


def blank(x: Array, pad: Pad, fill: float = 0) -> Array:
    """Return an array of `fill` in the dtype of x, with the size of x and its border."""
    return array_module(x).full(bordered_shape(x.shape, pad), fill, x.dtype)


def bordered_shape(shape: tuple[int, ...], pad: Pad) -> tuple[int, ...]:
    """Return the shape N x H x W x C with the border added to H and W."""
    top, bottom, left, right = pad
    count, height, width, channels = shape
    return count, height + top + bottom, width + left + right, channels


def cropped(wide: Array, pad: Pad, shape: tuple[int, ...]) -> Array:
    """Return the view of `wide` inside the border: the inverse of `padded`, and for a border of zeros its adjoint.

    `shape` is that of the images without their border.
    """
    top, _, left, _ = pad
    return wide[:, top : top + shape[1], left : left + shape[2]]
