"""The border that a pad puts around images: put on, and taken off again. A pad is (top, bottom, left, right) pixels."""

from refvis.layers.arrays import Array
from refvis.layers.geometry import Quad
from refvis.layers.memory import filled


def padded(x: Array, pad: Quad, fill: float = 0) -> Array:
    """Return x (N x H x W x C) with its border filled with `fill`, x itself where there is none."""
    if not any(pad):  # type: ignore[arg-type]
        return x
    wide = blank(x, pad, fill)
    cropped(wide, pad, x.shape)[...] = x
    return wide


def blank(x: Array, pad: Quad, fill: float = 0) -> Array:
    """Return `fill` everywhere, in the size of x with its border."""
    top, bottom, left, right = pad  # type: ignore[misc]
    count, height, width, channels = x.shape
    return filled((count, height + top + bottom, width + left + right, channels), x, fill)


def cropped(wide: Array, pad: Quad, shape: tuple[int, ...]) -> Array:
    """Return what `padded` was given, of that shape: the inverse, and for zeros the adjoint, of padding."""
    top, _, left, _ = pad  # type: ignore[misc]
    return wide[:, top : top + shape[1], left : left + shape[2]]
