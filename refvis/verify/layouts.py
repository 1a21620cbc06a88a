"""Orders of axes: this project's N x H x W x C, and those of others.

A layout is the order of the axes of an array in row-major order: "NHWC", "NCHW" (PyTorch, Caffe, ONNX), "HWCN"
(MatConvNet's order of indices), ... The same order holds for filters, with the filter's number K in the place of N:
"NCHW" has filters K x C x FH x FW. Weights of fully connected layers have their columns in the order of the layout.
"""

from collections.abc import Mapping
from dataclasses import replace
from types import MethodType
from typing import Any

import numpy as np

from refvis.layers import Array, FullyConnected
from refvis.layers.operators import Layer
from refvis.verify.case import arrays_of

OURS = "NHWC"


def require_layout(layout: str) -> str:
    """Return the layout, or raise ValueError unless it names each of N, H, W, C once."""
    if sorted(layout) != sorted(OURS):
        raise ValueError(f"layout is {layout!r}, expected an order of the letters N, H, W, C such as 'NCHW'")
    return layout


def to_layout(array: Array, layout: str) -> Array:
    """Return an array of four axes in the other order, in C order; other arrays as they are."""
    if array.ndim != 4 or layout == OURS:
        return array
    return np.ascontiguousarray(array.transpose([OURS.index(axis) for axis in layout]))


def from_layout(array: Array, layout: str) -> Array:
    """Return an array of four axes in this project's order; other arrays as they are."""
    return array if array.ndim != 4 or layout == OURS else array.transpose([layout.index(axis) for axis in OURS])


class LayerInLayout:
    """A layer whose arrays are in another layout. All other attributes are the layer's own.

    Its class is not the layer's: this project's functions would misread its arrays, and refuse it.
    """

    def __init__(self, layer: Layer, arrays: Mapping[str, Array]) -> None:
        """Take the layer, and its arrays in the other layout."""
        self.layer = layer
        vars(self).update(arrays)

    def __getattr__(self, name: str) -> Any:
        """Return the layer's attribute; a method computes with the arrays in the other layout."""
        value = getattr(self.layer, name)
        return MethodType(value.__func__, self) if isinstance(value, MethodType) else value

    def __repr__(self) -> str:
        """Return the layer's text."""
        return repr(self.layer)


def layer_in(layer: Layer, layout: str, shape: tuple[int, ...], convert: Any = None) -> Any:
    """Return the layer with its arrays in the layout, converted by `convert`; `shape` is its input's, N x H x W x C."""
    own = arrays_of(layer)
    if (layout == OURS and convert is None) or not own:
        return layer
    if isinstance(layer, FullyConnected):
        own["weights"] = columns_in(layer.weights, layout, shape)
    moved = {name: to_layout(array, layout) for name, array in own.items()}
    return LayerInLayout(layer, {name: convert(a) if convert else a for name, a in moved.items()})


def columns_in(weights: Array, layout: str, shape: tuple[int, ...]) -> Array:
    """Return weights (K x HWC) with their columns in the order of the layout; `shape` is the input's."""
    cube = weights.reshape(len(weights), *shape[1:])
    return to_layout(cube, _with_first_axis(layout)).reshape(len(weights), -1)


def columns_from(weights: Array, layout: str, shape: tuple[int, ...]) -> Array:
    """Return weights whose columns are in the order of the layout as K x HWC; `shape` is the input's."""
    order = _with_first_axis(layout)
    sizes = dict(zip(OURS, (len(weights), *shape[1:]), strict=True))
    return from_layout(weights.reshape([sizes[axis] for axis in order]), order).reshape(len(weights), -1)


def _with_first_axis(layout: str) -> str:
    """Return the layout with N in front: the order in which one image's values are laid out in a row."""
    return "N" + layout.replace("N", "")


def layer_as(layer: Layer, dtype: str) -> Layer:
    """Return the layer with its arrays in that dtype."""
    own = {name: array.astype(dtype) for name, array in arrays_of(layer).items()}
    return replace(layer, **own) if own else layer
