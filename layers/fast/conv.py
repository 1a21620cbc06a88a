"""Convolution, fast: columns of the image (im2col) in tiles that fit the cache, then matrix products.

One row of the column matrix is the window of one output position, so ``columns @ filters.T`` is the convolution of
conv.py. The whole matrix would be FH*FW times as large as the image, and writing it would cost more than multiplying
it. Tiles of a few rows of the output stay in the cache. The same columns give the gradient to the filters. The gradient
to the input is, at stride 1, a convolution with turned filters; other strides are in conv_strided.py.
"""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from refvis.layers import conv
from refvis.layers.base.arrays import Array, array_module, pixels
from refvis.layers.base.exactness import twin_of
from refvis.layers.base.geometry import dilated_size, place, spans
from refvis.layers.conv import Conv, bias_gradient, filters_like, output_shape
from refvis.layers.fast import conv_winograd
from refvis.layers.fast.buffers import empty, filled, padded, scratch
from refvis.layers.fast.conv_products import by_maps, by_product
from refvis.layers.fast.conv_strided import FEW, by_phases, by_taps
from refvis.layers.fast.elementwise import add_biases
from refvis.layers.fast.fully_connected import by_columns

TILE_BYTES, DEVICE_TILE_BYTES = 2 << 20, 256 << 20
"""Bytes of columns in a tile: the size of a processor's cache; on a GPU much more, since every call costs time."""


class SlidingWindow(NamedTuple):
    """A window that slides over an already padded image: its taps, step and dilation, all (y, x)."""

    size: tuple[int, int]
    stride: tuple[int, int] = (1, 1)
    dilate: tuple[int, int] = (1, 1)


def sliding_window(layer: Conv) -> SlidingWindow:
    """Return the layer's window."""
    return SlidingWindow(layer.size, layer.stride, layer.dilate)


@twin_of(conv.forward)
def forward(layer: Conv, x: Array) -> Array:
    """Return what ``conv.forward`` returns, to rounding."""
    if layer.filters is None:
        return conv.forward(layer, x)
    array_module(x, layer.filters, layer.biases)
    y = empty(output_shape(layer, x.shape), x)
    f = filters_like(layer, x)
    for each, (inputs, outputs) in zip(f, group_slices(len(f), x.shape[3], y.shape[3]), strict=True):
        if not conv_winograd.forward(layer, x[..., inputs], each, y[..., outputs]):
            matrix = each.reshape(len(each), -1).T
            _correlate(sliding_window(layer), padded(x[..., inputs], layer.pad), matrix, y[..., outputs])
    add_biases(y, layer.biases)
    return y


@twin_of(conv.gradient)
def gradient(layer: Conv, signal: Array, output: Array | None, x: Array) -> tuple[Array]:
    """Return what ``conv.gradient`` returns, to rounding."""
    if layer.filters is None:
        return conv.gradient(layer, signal, output, x)
    array_module(signal, x, layer.filters)
    f = filters_like(layer, x)
    dx = empty(x.shape, x)
    write_gradient = _gradient_method(layer, signal.shape, x.shape, x.shape[3] // len(f))
    for g, (inputs, outputs) in enumerate(group_slices(len(f), x.shape[3], signal.shape[3])):
        write_gradient(layer, signal[..., outputs], f[g], dx[..., inputs])
    return (dx,)


@twin_of(conv.parameter_gradients)
def parameter_gradients(layer: Conv, signal: Array, output: Array | None, x: Array) -> dict[str, Any]:
    """Return what ``conv.parameter_gradients`` returns, to rounding."""
    if layer.filters is None:
        return conv.parameter_gradients(layer, signal, output, x)
    xp = array_module(signal, x, layer.filters)
    df = xp.zeros(filters_like(layer, x).shape, x.dtype)  # in C order, whatever that of the filters: it is reshaped
    for g, (inputs, outputs) in enumerate(group_slices(len(df), x.shape[3], signal.shape[3])):
        total, dy = df[g].reshape(df.shape[1], -1), xp.ascontiguousarray(signal[..., outputs])
        for n, rows, columns in _tiles(sliding_window(layer), padded(x[..., inputs], layer.pad), dy.shape[1:3]):
            total += dy[n, rows].reshape(len(columns), -1).T @ columns
    gradients = {"filters": df.reshape(layer.filters.shape)}
    if layer.biases is not None:
        gradients["biases"] = bias_gradient(layer.biases, signal)
    return gradients


def group_slices(groups: int, inputs: int, outputs: int) -> list[tuple[slice, slice]]:
    """Return for each group its slice of the input channels and its slice of the output channels."""
    c, k = inputs // groups, outputs // groups
    return [(slice(g * c, g * c + c), slice(g * k, g * k + k)) for g in range(groups)]


def _correlate(window: SlidingWindow, wide: Array, matrix: Array, y: Array) -> None:
    """Write into y the correlation of the padded input with one group's filters, a matrix of FH*FW*C x K."""
    if y.shape[1:3] == (1, 1) and wide.shape[1:3] == window.size:
        y[:, 0, 0] = by_columns(wide.reshape(len(wide), -1), matrix.T)
        return
    for images, rows, columns in _tiles(window, wide, y.shape[1:3]):
        array_module(y).matmul(columns, matrix, out=pixels(y[images, rows]))


def _windows(window: SlidingWindow, wide: Array, size: tuple[int, int]) -> Array:
    """Return the view N x H' x W' x FH x FW x C of all windows of the padded input, without a copy."""
    xp = array_module(wide)
    (sy, sx), (dy, dx) = window.stride, window.dilate
    n, h, w, c = wide.strides
    shape = (len(wide), *size, *window.size, wide.shape[3])
    return xp.lib.stride_tricks.as_strided(wide, shape, (n, h * sy, w * sx, h * dy, w * dx, c))


def _tiles(window: SlidingWindow, wide: Array, size: tuple[int, int]) -> Iterator[tuple[slice, slice, Array]]:
    """Yield (images, output rows, columns) for all tiles. The columns of the next tile overwrite those of the last."""
    if window.size == window.stride == (1, 1) and wide.flags.c_contiguous:  # each pixel is a row of columns already
        yield slice(0, len(wide)), slice(0, size[0]), wide.reshape(-1, wide.shape[3])
        return
    windows = _windows(window, wide, size)
    length = windows[0, 0, 0].size
    for images, rows in _rows_of_tiles(windows, length):
        view = windows[images, rows]
        tile = scratch(wide)("columns", *view.shape)
        array_module(wide).copyto(tile, view)
        yield images, rows, tile.reshape(-1, length)


def _rows_of_tiles(like: Array, values: int) -> list[tuple[slice, slice]]:
    """Return (images, rows) that cover N x H x W positions in tiles, with `values` values for each position.

    The tiles of an image have nearly equal sizes: a small last one would be a slow matrix product.
    """
    count, rows, columns = like.shape[:3]
    size = TILE_BYTES if array_module(like) is np else DEVICE_TILE_BYTES
    at_once = max(1, size // (columns * values * like.itemsize))
    return spans(count, rows, at_once if at_once >= rows else -(-rows // -(-rows // at_once)))


GradientMethod = Callable[[Conv, Array, Array, Array], None]
"""``(layer, signal, filters K x FH x FW x C, dx)``: write dx for one group."""


def _gradient_method(layer: Conv, signal: tuple[int, ...], x: tuple[int, ...], channels: int) -> GradientMethod:
    """Return the fastest method to write dx for this layer and these shapes of signal and input."""
    whole = layer.size == x[1:3] and signal[1:3] == (1, 1)
    if layer.pad == (0, 0, 0, 0) and (whole or layer.size == layer.stride == (1, 1)):
        return by_product
    if signal[0] * signal[1] * signal[2] < signal[3]:
        return by_maps
    if channels <= FEW or (layer.stride != (1, 1) and layer.dilate != (1, 1)):
        return _by_taps
    return _by_flipped_filters if layer.stride == (1, 1) else _by_phases


def _by_taps(layer: Conv, signal: Array, f: Array, dx: Array) -> None:
    by_taps(layer, signal, f, dx, _rows_of_tiles(signal, f[0].size))


def _by_phases(layer: Conv, signal: Array, f: Array, dx: Array) -> None:
    def correlate(wide: Array, taps: Array, y: Array) -> None:
        _correlate(SlidingWindow(taps.shape[1:3]), wide, turn_filters(taps), y)

    by_phases(layer, signal, f, dx, correlate)


def _by_flipped_filters(layer: Conv, signal: Array, f: Array, dx: Array) -> None:
    """Write dx for stride 1: the signal, padded to full overlap, correlated with the filters turned by 180 degrees."""
    if conv_winograd.gradient(layer, signal, f, dx):
        return
    covered = dilated_size(layer.size[0], layer.dilate[0]), dilated_size(layer.size[1], layer.dilate[1])
    top, _, left, _ = layer.pad
    before = covered[0] - 1 - top, covered[1] - 1 - left
    need = dx.shape[1] + covered[0] - 1, dx.shape[2] + covered[1] - 1
    wide = filled((len(signal), *need, signal.shape[3]), signal, 0)
    for source, target in zip(signal, wide, strict=True):
        place(source, target, before)
    _correlate(sliding_window(layer), wide, turn_filters(f), dx)


def turn_filters(f: Array) -> Array:
    """Return filters K x FH x FW x C turned by 180 degrees and transposed, as a matrix of FH*FW*K x C."""
    count, height, width, depth = f.shape
    matrix = scratch(f)("turned", height, width, count, depth)
    matrix[...] = f[:, ::-1, ::-1].transpose(1, 2, 0, 3)
    return matrix.reshape(-1, depth)
