"""Local layers: those whose output at a place depends on a window of the input around it, and on nothing else.

What is needed to compute a part of their output from a part of their input: whether a layer is local, what its padding
stands for, and the layer applied to patches that already hold what lies beyond the border.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from refvis.layers.arrays import Array, array_module
from refvis.layers.batch_norm import BatchNorm
from refvis.layers.concat import Concat
from refvis.layers.conv import Conv
from refvis.layers.conv_transpose import ConvTranspose
from refvis.layers.crop import Crop
from refvis.layers.dropout import Dropout
from refvis.layers.lrn import LRN
from refvis.layers.normalize_lp import NormalizeLp, axes
from refvis.layers.operators import Layer, operator
from refvis.layers.pool import Pool
from refvis.layers.relu import ReLU
from refvis.layers.scale import Scale
from refvis.layers.sigmoid import Sigmoid
from refvis.layers.softmax import Softmax
from refvis.layers.sum import Sum

Corner = tuple[int, int]


def _everywhere(*arrays: Array | None) -> bool:
    """Whether parameters that broadcast to N x H x W x C are the same for all images and places."""
    return all(array is None or max((1, *array.shape[:-1])) == 1 for array in arrays)


LOCAL: dict[type, Callable[[Any], bool]] = {
    BatchNorm: lambda layer: layer.moments is not None,
    Concat: lambda layer: layer.axis == 3,
    Dropout: lambda layer: _everywhere(layer.mask),
    NormalizeLp: lambda layer: tuple(axes(layer)) == (3,),
    Scale: lambda layer: layer.scale is not None and _everywhere(layer.scale, layer.offset),
    **dict.fromkeys((Conv, ConvTranspose, Crop, LRN, Pool, ReLU, Sigmoid, Softmax, Sum), lambda layer: True),
}
"""Layer type -> whether a layer of it is local. Types that are not here are taken as not local."""


def is_local(layer: Layer) -> bool:
    """Return whether the layer's output at a place depends only on the window that its operator names."""
    return LOCAL.get(type(layer), lambda _: False)(layer)


def outside(layer: Layer) -> float:
    """Return what padding stands for: minus infinity where maxima are taken, else zero."""
    return float("-inf") if isinstance(layer, Pool) and layer.method == "max" else 0.0


def on_patches(
    layer: Layer,
    patches: list[Array],
    seen: tuple[Corner, ...],
    written: tuple[Corner, ...],
    size: tuple[int, int],
    extent: tuple[int, int],
) -> Array:
    """Return parts of the layer's output, B x h x w x K, `size` = (h, w), from patches of its inputs, B x ... x C.

    `seen` are the patches' corners in the input of that `extent`, `written` those of the parts in the output.
    """
    special = ON_PATCHES.get(type(layer))
    if special is None:
        return operator(layer).forward(layer, *patches)
    return special(layer, patches[0], seen, written, size, extent)


def _conv(layer: Conv, patch: Array, *_: Any) -> Array:
    bare = replace(layer, pad=0)
    return operator(bare).forward(bare, patch)


def _cropped(layer: Crop, patch: Array, *_: Any) -> Array:
    return patch


def _pool(
    layer: Pool, patch: Array, seen: tuple[Corner, ...], written: Any, size: tuple[int, int], extent: tuple[int, int]
) -> Array:
    """Pooling without pad; an average over a window that looks beyond the border divides by the pixels inside."""
    bare = replace(layer, pad=0)
    y = operator(bare).forward(bare, patch)
    if layer.method == "max" or layer.pad == (0, 0, 0, 0):
        return y
    for i, corner in enumerate(seen):
        for axis in (0, 1):
            inside = [
                sum(0 <= corner[axis] + k * layer.stride[axis] + tap < extent[axis] for tap in range(layer.size[axis]))  # type: ignore[index]
                for k in range(size[axis])
            ]
            share = layer.size[axis] / array_module(y).asarray(inside, y.dtype)  # type: ignore[index]
            y[i] *= share.reshape((-1, 1, 1) if axis == 0 else (1, -1, 1))
    return y


def _conv_transpose(
    layer: ConvTranspose,
    patch: Array,
    seen: tuple[Corner, ...],
    written: tuple[Corner, ...],
    size: tuple[int, int],
    extent: Any,
) -> Array:
    """All stamps of a patch, of which each part is cut out where it stands."""
    bare = replace(layer, crop=0)
    whole = operator(bare).forward(bare, patch)
    (up, across), (top, _, left, _) = layer.upsample, layer.crop  # type: ignore[misc]
    y = array_module(whole).empty((len(whole), *size, whole.shape[3]), whole.dtype)
    for i, ((row, column), (first, start)) in enumerate(zip(written, seen, strict=True)):
        a, b = row + top - first * up, column + left - start * across
        y[i] = whole[i, a : a + size[0], b : b + size[1]]
    return y


ON_PATCHES: dict[type, Callable[..., Array]] = {
    Conv: _conv,
    ConvTranspose: _conv_transpose,
    Crop: _cropped,
    Pool: _pool,
}
"""Layers for which a patch is not simply a small image; all others are applied as they are."""
