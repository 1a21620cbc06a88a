"""Gaussian blur as one matrix along each axis."""

from typing import Any

from refvis.layers import Array, array_module

SHARE = 0.1
"""Default standard deviation of the blur, as a share of the image's shorter side."""


def gaussian(xp: Any, pixels: int, sigma: float) -> Array:
    """Return the matrix (pixels x pixels, float64) that blurs along an axis: row i weighs j by exp(-(i-j)^2/2 sigma^2).

    Each row is divided by its sum, so a constant stays the same, at the borders too. `sigma` is in pixels; 0 gives the
    identity.
    """
    if abs(sigma) < 0.02:  # a neighbour's weight, exp(-1250) or less, is 0 in float64; its exponent may overflow
        return xp.eye(pixels)
    distance = xp.arange(pixels)[:, None] - xp.arange(pixels)
    weights = xp.exp(-0.5 * (distance / sigma) ** 2)
    return weights / weights.sum(axis=1, keepdims=True)


def blurred_part(image: Array, rows: slice, columns: slice, sigma: float | None = None) -> Array:
    """Return a part of the blurred image (H x W x C, in its dtype); `sigma` in pixels, default `SHARE` of a side."""
    xp, (height, width) = array_module(image), image.shape[:2]
    deviation = SHARE * min(height, width) if sigma is None else sigma
    down, across = gaussian(xp, height, deviation)[rows], gaussian(xp, width, deviation)[columns]
    tall = xp.tensordot(down.astype(image.dtype), image, 1)
    return xp.tensordot(across.astype(image.dtype), tall, (1, 1)).transpose(1, 0, 2)
