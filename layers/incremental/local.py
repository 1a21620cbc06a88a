"""Local layers: those whose output at a place depends on a window of the input around it, and on nothing else.

What is needed to compute a part of their output from a part of their input: whether a layer is local, its window, what
its padding stands for, and the layer applied to patches that already hold what lies beyond the border.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from refvis.layers import crop
from refvis.layers.base.arrays import Array, array_module
from refvis.layers.base.windows import POINT, Window
from refvis.layers.batch_norm import BatchNorm
from refvis.layers.calls import forward_of
from refvis.layers.concat import Concat
from refvis.layers.conv import Conv
from refvis.layers.conv_transpose import ConvTranspose
from refvis.layers.crop import Crop
from refvis.layers.dropout import Dropout
from refvis.layers.incremental.rectangles import Corner
from refvis.layers.lrn import LRN
from refvis.layers.norm_offset import NormOffset
from refvis.layers.normalize_lp import NormalizeLp, axes
from refvis.layers.operators import OPERATORS, Layer
from refvis.layers.pool import Pool
from refvis.layers.relu import ReLU
from refvis.layers.scale import Scale
from refvis.layers.sigmoid import Sigmoid
from refvis.layers.softmax import Softmax
from refvis.layers.sum import Sum


def _everywhere(*arrays: Array | None) -> bool:
    """Whether parameters that broadcast to N x H x W x C are the same for all images and places."""
    return all(array is None or max((1, *array.shape[:-1])) == 1 for array in arrays)


LOCAL: dict[type, Callable[[Any], bool]] = {
    BatchNorm: lambda layer: layer.moments is not None,
    Concat: lambda layer: layer.axis == 3,
    Dropout: lambda layer: _everywhere(layer.mask),
    NormalizeLp: lambda layer: tuple(axes(layer)) == (3,),
    Scale: lambda layer: layer.scale is not None and _everywhere(layer.scale, layer.offset),
    **dict.fromkeys(
        (Conv, ConvTranspose, Crop, LRN, NormOffset, Pool, ReLU, Sigmoid, Softmax, Sum), lambda layer: True
    ),
}
"""Layer type -> whether a layer of it is local. Types that are not here are taken as not local."""


def is_local(layer: Layer) -> bool:
    """Return whether the layer's output at a place depends only on its `window`, and so is the same for every image."""
    return LOCAL.get(type(layer), lambda _: False)(layer)


def window(layer: Layer, shapes: Sequence[tuple[int, ...]]) -> Window:
    """Return the window of a local layer on inputs of those shapes (N x H x W x C)."""
    if isinstance(layer, Crop):
        rows, columns = crop.window(layer, shapes[0], shapes[1])
        return (1, 1), (1, 1), (-rows.start, -columns.start)
    found = OPERATORS[type(layer)].window
    return (found(layer) if found else POINT) or POINT


def outside(layer: Layer) -> float:
    """Return what padding stands for: minus infinity where maxima are taken, else zero."""
    return float("-inf") if isinstance(layer, Pool) and layer.method == "max" else 0.0


@dataclass(frozen=True)
class Cut:
    """Where patches were cut out of the input, of that `extent`, and where the parts of the output stand they give.

    There is a corner for each of B patches; `size` is that of the parts. Patches may reach further than is needed.
    """

    seen: tuple[Corner, ...]
    written: tuple[Corner, ...]
    size: tuple[int, int]
    extent: tuple[int, int]


def on_patches(layer: Layer, patches: list[Array], cut: Cut) -> Array:
    """Return parts of the layer's output, B x h x w x K, from patches of its inputs, B x ... x C."""
    special = ON_PATCHES.get(type(layer))
    return special(layer, patches[0], cut) if special else forward_of(layer, *patches)


def _conv(layer: Conv, patch: Array, cut: Cut) -> Array:
    bare = replace(layer, pad=0)
    return forward_of(bare, patch)


def _cropped(layer: Crop, patch: Array, cut: Cut) -> Array:
    return patch


def _pool(layer: Pool, patch: Array, cut: Cut) -> Array:
    """Pooling without pad; an average over a window that looks beyond the border divides by the pixels inside."""
    bare = replace(layer, pad=0)
    y = forward_of(bare, patch)
    if layer.method == "avg" and layer.pad != (0, 0, 0, 0):
        y *= _share(layer, cut, 0, y)[:, :, None, None]
        y *= _share(layer, cut, 1, y)[:, None, :, None]
    return y


def _share(layer: Pool, cut: Cut, axis: int, y: Array) -> Array:
    """Return the window's size over how much of it lies inside, along one axis: B x positions, like y."""
    xp, length = array_module(y), layer.size[axis]  # type: ignore[index]
    corners = xp.asarray([one[axis] for one in cut.seen])[:, None]
    starts = corners + xp.arange(cut.size[axis]) * layer.stride[axis]  # type: ignore[index]
    inside = xp.minimum(starts + length, cut.extent[axis]) - xp.maximum(starts, 0)
    return (length / inside).astype(y.dtype)


def _conv_transpose(layer: ConvTranspose, patch: Array, cut: Cut) -> Array:
    """All stamps of a patch, of which each part is cut out where it stands."""
    bare = replace(layer, crop=0)
    whole = forward_of(bare, patch)
    (up, across), (top, _, left, _) = layer.upsample, layer.crop  # type: ignore[misc]
    y = array_module(whole).empty((len(whole), *cut.size, whole.shape[3]), whole.dtype)
    for i, ((row, column), (first, start)) in enumerate(zip(cut.written, cut.seen, strict=True)):
        a, b = row + top - first * up, column + left - start * across
        y[i] = whole[i, a : a + cut.size[0], b : b + cut.size[1]]
    return y


ON_PATCHES: dict[type, Callable[[Any, Array, Cut], Array]] = {
    Conv: _conv,
    ConvTranspose: _conv_transpose,
    Crop: _cropped,
    Pool: _pool,
}
"""Layers for which a patch is not simply a small image; all others are applied as they are."""
