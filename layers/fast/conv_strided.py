"""The gradient of a convolution to its input, fast, at strides above 1 or to few channels.

Filters with several input channels go by phases: padded pixel s m + p gets, along each axis,

    dx[s m + p] = sum_j g[m - j] f[p + s j]

For each of the s * s phases p this is a convolution of stride 1 with every s-th tap, turned by 180 degrees. So no
product is wasted on the zeros of an upsampled signal. Filters with few input channels (a first layer) would have thin
matrix products and short inner loops that way. For these, one product gives the contributions of all taps, channels and
taps first, and the map of each tap is added in its place, whole rows at a time. A test compares both with conv.py.
"""

from collections.abc import Callable, Iterable

import numpy as np

from refvis.layers.base.arrays import Array, array_module
from refvis.layers.base.border import cropped
from refvis.layers.base.geometry import place, tap
from refvis.layers.conv import Conv
from refvis.layers.fast import conv_kernels
from refvis.layers.fast.buffers import blank, scratch

FEW = 8
"""Input channels (of a group) up to which contributions are added tap by tap."""

Correlate = Callable[[Array, Array, Array], None]
"""``(padded signal, taps K x FH x FW x C, output)``: write the adjoint of these taps, at stride 1, into the output."""

Spans = Iterable[tuple[slice, slice]]


def by_phases(layer: Conv, signal: Array, f: Array, dx: Array, correlate: Correlate) -> None:
    """Write dx (N x H x W x C) for one group's filters K x FH x FW x C, phase by phase; the layer has no dilation."""
    xp, (sy, sx) = array_module(signal), layer.stride
    wide = blank(dx, layer.pad)
    for p, q in np.ndindex(min(sy, f.shape[1]), min(sx, f.shape[2])):  # no tap reads the pixels of other phases
        taps, target = f[:, p::sy, q::sx], wide[:, p::sy, q::sx]
        if not target.size:
            continue
        down, across = taps.shape[1] - 1, taps.shape[2] - 1
        padded = xp.zeros(
            (len(signal), target.shape[1] + down, target.shape[2] + across, signal.shape[3]), signal.dtype
        )
        for source, room in zip(signal, padded, strict=True):
            place(source, room, (down, across))
        phase = xp.empty(target.shape, dx.dtype)
        correlate(padded, taps, phase)
        target[...] = phase
    dx[...] = cropped(wide, layer.pad, dx.shape)


def by_taps(layer: Conv, signal: Array, f: Array, dx: Array, spans: Spans) -> None:
    """Write dx for filters with few input channels: one product gives the maps of all taps, which are then added up."""
    xp = array_module(signal)
    add = add_maps if xp is np else conv_kernels.add_maps
    top, bottom, left, right = layer.pad
    planes = xp.zeros((dx.shape[3], len(dx), dx.shape[1] + top + bottom, dx.shape[2] + left + right), dx.dtype)
    matrix = f.reshape(len(f), -1).T
    for n, rows in spans:
        part = signal[n, rows]
        maps = scratch(dx)("columns", len(matrix), part[..., 0].size)
        xp.matmul(matrix, part.reshape(-1, len(f)).T, out=maps)
        maps = maps.reshape(*f.shape[1:], *part.shape[:3])
        add(layer, maps, planes[:, n, rows.start * layer.stride[0] :])
    dx[...] = cropped(planes.transpose(1, 2, 3, 0), layer.pad, dx.shape)


def add_maps(layer: Conv, maps: Array, planes: Array) -> None:
    """Add maps (FH x FW x C x N x H' x W') to the planes (C x N x rows x columns) that their taps read."""
    (sy, sx), (down, across) = layer.stride, layer.dilate
    for u, v in np.ndindex(*maps.shape[:2]):
        planes[:, :, tap(u, down, sy, maps.shape[4]), tap(v, across, sx, maps.shape[5])] += maps[u, v]
