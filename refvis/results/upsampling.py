"""Upsampling of maps to the size of the input.

A map of h x w positions is laid over an image of H x W pixels edge to edge. The centre of pixel i then lies at
(i + 1/2) h / H - 1/2 in units of positions, where it is read bilinearly; beyond the centres of the outermost positions
the map is constant. (OpenCV, Pillow, and PyTorch with align_corners=False, agree.)
"""

from typing import Any

from refvis.layers import Array, array_module


def upsampled(maps: Array, size: tuple[int, ...]) -> Array:
    """Return `maps` (N x h x w x C) at `size` (H, W), N x H x W x C in their dtype."""
    xp = array_module(maps)
    down, across = (weights(xp, maps.shape[axis], size[axis - 1]).astype(maps.dtype) for axis in (1, 2))
    return xp.einsum("jw,niwc->nijc", across, xp.einsum("ih,nhwc->niwc", down, maps))


def weights(xp: Any, count: int, pixels: int) -> Array:
    """Return how much each of `count` positions counts at each pixel along an axis, pixels x count."""
    places = xp.clip((xp.arange(pixels) + 0.5) * count / pixels - 0.5, 0, count - 1)
    return xp.maximum(0, 1 - xp.abs(places[:, None] - xp.arange(count)))
