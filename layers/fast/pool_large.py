"""Pooling over large windows, fast: one axis after the other, pixel by pixel where a window is longer than the image.

A window of h x w taps is h taps down the columns, then w across, instead of h * w. Along an axis, a window that is
longer than the image meets each pixel at consecutive positions, which takes one step for each pixel. Other windows are
made of windows of 1, 2, 4, 8, ... pixels, each from two of half the length. So a window may have any length. A file of
a few bytes can ask for one of a thousand million pixels.

The winner of a maximum is the definition's: the first column that holds the largest value, and in it the first row.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from refvis.layers.base.arrays import Array, array_module
from refvis.layers.pool import Pool, nan_as_infinity, output_shape

LARGE = 100
"""Taps of a window above which each axis is pooled on its own."""

FEW = 4
"""Pixels along an axis above which windows are made by doubling, unless they are longer than the image."""

Span = tuple[slice, slice]
"""Positions of the output, and the pixels that they read: one each, or one for all."""


def suits(layer: Pool, x: Array) -> bool:
    """Return whether the window is large; on a GPU, where `pool_kernels` are faster, also longer than the image."""
    height, width = layer.size
    beyond = height > x.shape[1] or width > x.shape[2]
    return height * width > LARGE and (beyond or array_module(x) is np)


def forward(layer: Pool, x: Array) -> Array:
    """Return y (N x H' x W' x C, dtype of x)."""
    y = _pooled(layer, _pooled(layer, x, 1), 2)
    return y if layer.method == "max" else y / counts(layer, x)


def gradient(layer: Pool, signal: Array, x: Array) -> Array:
    """Return dx (shape and dtype of x)."""
    if layer.method == "avg":
        share = signal / counts(layer, x)
        return _spread(layer, _spread(layer, share, x.shape, 2), x.shape, 1)
    x = nan_as_infinity(x)
    columns = _pooled(layer, x, 1)
    return _to_winners(layer, _to_winners(layer, signal, columns, 2), x, 1)


def counts(layer: Pool, x: Array) -> Array:
    """Return how many pixels of the image each window holds (1 x H' x W' x 1, dtype of x)."""
    shape = output_shape(layer, x.shape)
    rows, columns = (_inside(layer, array_module(x), shape[axis], x.shape[axis], axis) for axis in (1, 2))
    return (rows[None, :, None, None] * columns[None, None, :, None]).astype(x.dtype)


def _inside(layer: Pool, xp: Any, count: int, extent: int, axis: int) -> Array:
    """Return how many pixels along an axis each of `count` positions sees, as float64."""
    first = xp.arange(count, dtype="float64") * layer.stride[axis - 1] - layer.pad[2 * axis - 2]
    return xp.minimum(first + layer.size[axis - 1], extent) - xp.maximum(first, 0)


def _pooled(layer: Pool, x: Array, axis: int) -> Array:
    """Return maxima or sums along one axis, of N x H x W x C."""
    xp, count = array_module(x), _count(layer, x.shape, axis)
    if FEW < layer.size[axis - 1] <= x.shape[axis]:
        return _doubled(layer, x, axis, count)
    shape = (*x.shape[:axis], count, *x.shape[axis + 1 :])
    y = xp.full(shape, -xp.inf if layer.method == "max" else 0, x.dtype)
    combine = xp.maximum if layer.method == "max" else xp.add
    for positions, pixels in _spans(layer, count, x.shape[axis], axis):
        part = _along(y, positions, axis)
        combine(part, _along(x, pixels, axis), out=part)
    return y


def _doubled(layer: Pool, x: Array, axis: int, count: int) -> Array:
    """Return what `_pooled` returns, in log2(size) steps over the padded axis."""
    xp, size, stride = array_module(x), layer.size[axis - 1], layer.stride[axis - 1]
    before, after = layer.pad[2 * axis - 2 : 2 * axis]
    pad = [(before, after) if one == axis else (0, 0) for one in range(4)]
    maxima, reach = layer.method == "max", (count - 1) * stride + 1
    level = xp.pad(x, pad, constant_values=-xp.inf if maxima else 0)
    combine, y, done, step = (xp.maximum if maxima else xp.add), None, 0, 1
    while step <= size:
        if size & step:  # of the binary digits of the size, the window has a part for each
            part = _along(level, slice(done, done + reach, stride), axis)
            y, done = part.copy() if y is None else combine(y, part, out=y), done + step
        if 2 * step <= size:
            level = combine(_along(level, slice(0, -step), axis), _along(level, slice(step, None), axis))
        step *= 2
    return y


def _spread(layer: Pool, signal: Array, shape: tuple[int, ...], axis: int) -> Array:
    """Return the adjoint of sums along one axis, whose length in the input is that of `shape`."""
    xp, extent = array_module(signal), shape[axis]
    back = xp.zeros((*signal.shape[:axis], extent, *signal.shape[axis + 1 :]), signal.dtype)
    for positions, pixels in _spans(layer, signal.shape[axis], extent, axis):
        _add(_along(back, pixels, axis), _along(signal, positions, axis), axis)
    return back


def _to_winners(layer: Pool, signal: Array, x: Array, axis: int) -> Array:
    """Return the signal at the first of the largest values along one axis of x."""
    xp, largest = array_module(signal), _pooled(layer, x, axis)
    back = xp.zeros(x.shape, x.dtype)
    free = xp.ones(largest.shape, bool)
    for positions, pixels in _spans(layer, largest.shape[axis], x.shape[axis], axis):
        left = _along(free, positions, axis)
        wins = (_along(x, pixels, axis) == _along(largest, positions, axis)) & left
        _add(_along(back, pixels, axis), xp.where(wins, _along(signal, positions, axis), signal.dtype.type(0)), axis)
        left ^= wins
    return back


def _add(target: Array, values: Array, axis: int) -> None:
    """Add values to a target, which may have a single pixel along the axis."""
    target += values if target.shape == values.shape else values.sum(axis=axis, keepdims=True)


def _count(layer: Pool, shape: tuple[int, ...], axis: int) -> int:
    """Return the number of positions along an axis of N x H x W x C."""
    size, stride, (before, after) = layer.size[axis - 1], layer.stride[axis - 1], layer.pad[2 * axis - 2 : 2 * axis]
    return (shape[axis] + before + after - size) // stride + 1


def _spans(layer: Pool, count: int, extent: int, axis: int) -> Iterator[Span]:
    """Yield positions with the pixels they read, so that each position meets its pixels in their order."""
    size, stride, before = layer.size[axis - 1], layer.stride[axis - 1], layer.pad[2 * axis - 2]
    if size > extent:
        for pixel in range(extent):
            first, last = -(-(pixel + before - size + 1) // stride), (pixel + before) // stride
            if max(first, 0) <= min(last, count - 1):
                yield slice(max(first, 0), min(last, count - 1) + 1), slice(pixel, pixel + 1)
        return
    for tap in range(size):
        first, last = max(0, -(-(before - tap) // stride)), min(count - 1, (extent - 1 + before - tap) // stride)
        if first <= last:
            start = first * stride + tap - before
            yield slice(first, last + 1), slice(start, start + (last - first) * stride + 1, stride)


def _along(values: Array, part: slice, axis: int) -> Array:
    """Return a part of an axis, a view."""
    return values[:, part] if axis == 1 else values[:, :, part]
