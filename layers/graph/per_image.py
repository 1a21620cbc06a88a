"""Which layers treat each image by itself, so that results for one image may be computed in any company."""

from collections.abc import Callable
from typing import Any

from refvis.layers.batch_norm import BatchNorm
from refvis.layers.bilinear_sampler import BilinearSampler
from refvis.layers.concat import Concat
from refvis.layers.conv import Conv
from refvis.layers.conv_transpose import ConvTranspose
from refvis.layers.crop import Crop
from refvis.layers.dropout import Dropout
from refvis.layers.fully_connected import FullyConnected
from refvis.layers.graph.network import Graph
from refvis.layers.graph.nodes import Trace
from refvis.layers.lrn import LRN
from refvis.layers.norm_offset import NormOffset
from refvis.layers.normalize_lp import NormalizeLp, axes
from refvis.layers.operators import Layer
from refvis.layers.pool import Pool
from refvis.layers.relu import ReLU
from refvis.layers.scale import Scale
from refvis.layers.sigmoid import Sigmoid
from refvis.layers.softmax import Softmax
from refvis.layers.spatial_norm import SpatialNorm
from refvis.layers.sum import Sum


def _always(layer: Any) -> bool:
    return True


def _one_for_all(*arrays: Any) -> bool:
    """Whether parameters that broadcast to N x H x W x C have no values of their own for each image."""
    return all(array is None or array.ndim < 4 or len(array) == 1 for array in arrays)


APART: dict[type, Callable[[Any], bool]] = {
    Conv: _always,
    ConvTranspose: _always,
    FullyConnected: _always,
    Pool: _always,
    ReLU: _always,
    Sigmoid: _always,
    Softmax: _always,
    LRN: _always,
    SpatialNorm: _always,
    NormOffset: _always,
    BilinearSampler: _always,
    Sum: _always,
    Crop: _always,
    BatchNorm: lambda layer: layer.moments is not None,
    NormalizeLp: lambda layer: 0 not in axes(layer),
    Concat: lambda layer: layer.axis != 0,
    Dropout: lambda layer: _one_for_all(layer.mask),
    Scale: lambda layer: _one_for_all(layer.scale, layer.offset),
}
"""Layer type -> whether a layer of it treats each image by itself. Of types that are not here it is not known."""


def is_apart(layer: Layer) -> bool:
    """Return whether each image of the layer's output is known to depend on that image of its inputs only."""
    return APART.get(type(layer), lambda _: False)(layer)


def apart(net: Graph, trace: Trace) -> bool:
    """Return whether every row of every variable in the trace depends on its own image only."""
    rows = {len(values) for values in trace.values()}
    return len(rows) == 1 and all(is_apart(node.layer) for node in net.nodes)
