"""Which layers treat each image by itself, so that several signals may walk back together as if they were images."""

from collections.abc import Callable
from typing import Any

from refvis import layers
from refvis.layers import Graph, Trace
from refvis.layers.normalize_lp import axes


def _always(layer: Any) -> bool:
    return True


def _one_for_all(*arrays: Any) -> bool:
    """Whether parameters that broadcast to N x H x W x C have no values of their own for each image."""
    return all(array is None or array.ndim < 4 or len(array) == 1 for array in arrays)


APART: dict[type, Callable[[Any], bool]] = {
    layers.Conv: _always,
    layers.ConvTranspose: _always,
    layers.FullyConnected: _always,
    layers.Pool: _always,
    layers.ReLU: _always,
    layers.Sigmoid: _always,
    layers.Softmax: _always,
    layers.LRN: _always,
    layers.SpatialNorm: _always,
    layers.NormOffset: _always,
    layers.BilinearSampler: _always,
    layers.Sum: _always,
    layers.Crop: _always,
    layers.BatchNorm: lambda layer: layer.moments is not None,
    layers.NormalizeLp: lambda layer: 0 not in axes(layer),
    layers.Concat: lambda layer: layer.axis != 0,
    layers.Dropout: lambda layer: _one_for_all(layer.mask),
    layers.Scale: lambda layer: _one_for_all(layer.scale, layer.offset),
}
"""Layer type -> whether a layer of it treats each image by itself. Of types that are not here it is not known."""


def apart(net: Graph, trace: Trace) -> bool:
    """Return whether every row of every variable in the trace depends on its own image only."""
    rows = {len(values) for values in trace.values()}
    return len(rows) == 1 and all(APART.get(type(node.layer), lambda _: False)(node.layer) for node in net.nodes)
