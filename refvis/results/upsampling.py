"""Bilinear upsampling of maps to the size of the input.

A map of h x w positions lies edge to edge over an image of H x W pixels. The centre of pixel i then lies at
(i + 1/2) h / H - 1/2 in units of positions, where the map is read bilinearly. Beyond the centres of the outermost
positions the map is constant. OpenCV, Pillow, and PyTorch with align_corners=False, do the same.
"""

from typing import Any

from refvis.layers import Array, array_module


def upsample_bilinear(maps: Array, size: tuple[int, ...]) -> Array:
    """Return `maps` (N x h x w x C) at `size` (H, W), N x H x W x C in their dtype."""
    xp = array_module(maps)
    down, across = (bilinear_weights(xp, maps.shape[axis], size[axis - 1]).astype(maps.dtype) for axis in (1, 2))
    return xp.einsum("jw,niwc->nijc", across, xp.einsum("ih,nhwc->niwc", down, maps))


def bilinear_weights(xp: Any, count: int, pixels: int) -> Array:
    """Return the weight of each of `count` positions at each pixel along an axis, pixels x count."""
    places = xp.clip((xp.arange(pixels) + 0.5) * count / pixels - 0.5, 0, count - 1)
    return xp.maximum(0, 1 - xp.abs(places[:, None] - xp.arange(count)))
