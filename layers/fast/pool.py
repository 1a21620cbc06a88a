"""Pooling, fast: maxima first down the columns of a window and then across, and their gradient tap by tap in buffers.

A maximum over a rectangle is one over its rows and one over its columns. That takes size_y - 1 + size_x - 1 comparisons
instead of size_y * size_x - 1, the first of them along whole rows of memory. The gradient goes tap by tap as its
definition does, in arrays that all taps share. Windows that do not overlap give each pixel at most one signal, which is
then written instead of added. Both are the definition's values, bit for bit. For CuPy's arrays, `pool_kernels` computes
the gradient. Large windows are in `pool_large.py`.
"""

import numpy as np

from refvis.layers import pool
from refvis.layers.base.arrays import Array, array_module
from refvis.layers.base.border import cropped
from refvis.layers.base.exactness import twin_of
from refvis.layers.base.geometry import tap
from refvis.layers.fast import pool_kernels, pool_large
from refvis.layers.fast.bit_masks import write_selected
from refvis.layers.fast.buffers import empty, filled, padded
from refvis.layers.fast.threads import in_pieces
from refvis.layers.pool import Pool, output_shape, taps


@twin_of(pool.forward)
def forward(layer: Pool, x: Array) -> Array:
    """Return what ``pool.forward`` returns; averages over large windows, to rounding."""
    if pool_large.suits(layer, x):
        return pool_large.forward(layer, x)
    if layer.method != "max":
        return pool.forward(layer, x)
    (size_y, size_x), (sy, sx) = layer.size, layer.stride
    _, height, width, _ = output_shape(layer, x.shape)
    wide = padded(x, layer.pad, -array_module(x).inf)
    columns = _largest([wide[:, tap(u, 1, sy, height)] for u in range(size_y)])
    return _largest([columns[:, :, tap(v, 1, sx, width)] for v in range(size_x)])


def _largest(parts: list[Array]) -> Array:
    """Return the maximum of equally shaped arrays, value by value, as a new array."""
    maximum, y = array_module(parts[0]).maximum, empty(parts[0].shape, parts[0])

    def largest(out: Array, first: Array, *rest: Array) -> None:
        if not rest:
            out[...] = first
        for part in rest:
            first = maximum(first, part, out=out)

    in_pieces(largest, y, *parts)
    return y


@twin_of(pool.gradient)
def gradient(layer: Pool, signal: Array, output: Array, x: Array) -> tuple[Array]:
    """Return what ``pool.gradient`` returns; for large windows, to rounding."""
    if pool_large.suits(layer, x):
        return (pool_large.gradient(layer, signal, x),)
    xp = array_module(signal, output, x)
    if xp is not np and layer.method == "max":
        return (pool_kernels.gradient(layer, signal, output, x),)
    if layer.method != "max" or xp.isnan(output).any():
        return pool.gradient(layer, signal, output, x)
    wide = padded(x, layer.pad, xp.nan)  # NaN, the border, is equal to nothing
    back, share = filled(wide.shape, wide, 0), empty(signal.shape, signal)
    free, wins = filled(signal.shape, signal, True, bool), empty(signal.shape, signal, bool)
    disjoint = all(size <= step for size, step in zip(layer.size, layer.stride, strict=True))
    if disjoint:
        signal = xp.add(signal, 0, out=share)  # -0 becomes +0, as it does in a sum
    for rows, columns in taps(layer, x.shape):
        xp.equal(wide[:, rows, columns], output, out=wins)
        wins &= free
        free ^= wins
        write_selected(signal, wins, back[:, rows, columns] if disjoint else share)
        if not disjoint:
            back[:, rows, columns] += share
    return (cropped(back, layer.pad, x.shape),)
