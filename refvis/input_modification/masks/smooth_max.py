"""Smooth max-convolution (Fong, Patrick & Vedaldi 2019): masks that are smooth whatever their parameters are.

    m(u) = smax_i f_i(u),    f_i(u) = k(|u - u_i| / sigma) p_i,    smax_i f_i = sum_i f_i w_i,    w = softmax(f / T)

The parameters p_i in [0, 1] belong to the centres u_i of a grid's cells. The kernel k(z) = exp(-2 max(0, z - 1/2)^2) is
flat and then falls. For each pixel, i runs over the cells at most `radius` cells away from its own; beyond the image
p = 0. For T -> 0 this is the maximum, so a single p_i = 1 makes a disc. A sum would leave [0, 1]. The gradient:

    d m / d p_i = k_i w_i (1 + (f_i - m) / T)
"""

from dataclasses import dataclass
from math import ceil
from typing import Any

from refvis.input_modification.masks.masks import along_axes
from refvis.layers import Array, array_module


@dataclass(frozen=True, eq=False)
class SmoothMax:
    """For A offsets between cells along each axis: the cell at that offset from each pixel, and its weight.

    rows: (A H) x h, and columns: (A W) x w, have a 1 at the pixel's cell; kernel: A x H x A x W; temperature: T.
    """

    rows: Array
    columns: Array
    kernel: Array
    temperature: float


def smooth_max(like: Array, step: float, sigma: float, temperature: float) -> SmoothMax:
    """Return the operator for images `like` (N x H x W x C), with a cell about every `step` pixels; sigma in pixels."""
    xp, extent = array_module(like), like.shape[1:3]
    counts = [max(1, round(pixels / step)) for pixels in extent]
    radius = 1 + ceil(sigma / min(pixels / count for pixels, count in zip(extent, counts, strict=True)))
    axes = [_axis(xp, pixels, count, radius) for pixels, count in zip(extent, counts, strict=True)]
    (rows, down), (columns, across) = axes
    distance = xp.sqrt(down[:, :, None, None] ** 2 + across**2) / sigma
    kernel = xp.exp(-2 * xp.maximum(0, distance - 0.5) ** 2)
    dtype = like.dtype
    return SmoothMax(rows.astype(dtype), columns.astype(dtype), kernel.astype(dtype), temperature)


def _axis(xp: Any, pixels: int, count: int, radius: int) -> tuple[Array, Array]:
    """Return for each offset the pixels' cells ((A pixels) x count) and the distances to them (A x pixels)."""
    size, places = pixels / count, xp.arange(pixels)
    cells = xp.floor((places + 0.5) / size) + xp.arange(-radius, radius + 1)[:, None]
    return cells.reshape(-1, 1) == xp.arange(count), places - ((cells + 0.5) * size - 0.5)


def forward(layer: SmoothMax, p: Array) -> Array:
    """Return the masks m (N x H x W x 1) of parameters p (N x h x w x 1)."""
    f, w = _terms(layer, p)
    return (f * w).sum(axis=(1, 3))[..., None]


def gradient(layer: SmoothMax, signal: Array, p: Array) -> Array:
    """Return the gradient at p (N x h x w x 1) for the `signal` at m (N x H x W x 1)."""
    f, w = _terms(layer, p)
    m = (f * w).sum(axis=(1, 3), keepdims=True)
    to_p = layer.kernel * w * (1 + (f - m) / layer.temperature) * signal[:, None, :, None, :, 0]
    flat = to_p.reshape(len(p), len(layer.rows), len(layer.columns), 1)
    return along_axes(flat, layer.rows.T, layer.columns.T)


def _terms(layer: SmoothMax, p: Array) -> tuple[Array, Array]:
    """Return f and w, N x A x H x A x W."""
    xp = array_module(p)
    f = layer.kernel * along_axes(p, layer.rows, layer.columns).reshape(len(p), *layer.kernel.shape)
    powers = xp.exp((f - f.max(axis=(1, 3), keepdims=True)) / layer.temperature)
    return f, powers / powers.sum(axis=(1, 3), keepdims=True)
