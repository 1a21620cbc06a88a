"""The gradient of a convolution to its input as one matrix product, where shapes allow.

One product is enough for filters of one pixel, and for outputs that see all of the input. A deep layer has more filters
than positions: one product gives the maps of all taps, which are then added in their places. A test compares both with
conv.py.
"""

from refvis.layers.base.arrays import Array, array_module
from refvis.layers.base.border import cropped
from refvis.layers.conv import Conv, taps
from refvis.layers.fast.buffers import blank, scratch
from refvis.layers.fast.fully_connected import by_rows


def by_product(layer: Conv, signal: Array, f: Array, dx: Array) -> None:
    """Write dx where each output sees all of the input, or a single pixel: signal times filters."""
    vectors, matrix = signal.reshape(-1, len(f)), f.reshape(len(f), -1)
    if dx.flags.c_contiguous:
        by_rows(vectors, matrix, dx.reshape(len(vectors), -1))
    else:
        dx[...] = by_rows(vectors, matrix).reshape(dx.shape)


def by_maps(layer: Conv, signal: Array, f: Array, dx: Array) -> None:
    """Write dx where there are more filters than positions: one product for all taps, whose maps are then added up.

    Turning the filters would take longer than adding the maps.
    """
    maps = scratch(dx)("columns", signal[..., 0].size, f[0].size)
    array_module(signal).matmul(signal.reshape(-1, len(f)), f.reshape(len(f), -1), out=maps)
    maps = maps.reshape(*signal.shape[:3], *f.shape[1:])
    wide = blank(dx, layer.pad)
    for u, v, rows, columns in taps(layer, *signal.shape[1:3]):
        wide[:, rows, columns] += maps[:, :, :, u, v]
    dx[...] = cropped(wide, layer.pad, dx.shape)
