"""Choice of FeatureVis' version, and of the layer and filters that it measures."""

from itertools import pairwise

from refvis.layers import Array, Node, ShapeError, Softmax, Trace, array_module
from refvis.layers.base.arrays import require_finite
from refvis.network import Network, require_network

VERSIONS = ("simplenn", "dagnn")


def version_of(net: Network, version: str | None) -> str:
    """Return the version of FeatureVis: `version`, or, if it is None, the one for this kind of network.

    "dagnn" is for networks from a DagNN file and for networks that are not chains, "simplenn" for all others.
    Raises ValueError for any other name.
    """
    require_network(net)
    if version is None:
        return "simplenn" if not net.stored and is_chain(net) else "dagnn"
    if version not in VERSIONS:
        raise ValueError(f"version is {version!r}, expected {' or '.join(map(repr, VERSIONS))}, or None")
    return version


def is_chain(net: Network) -> bool:
    """Return whether each layer reads the previous layer and no other."""
    written = {node.output for node in net.nodes}
    return all(written.intersection(after.inputs) == {before.output} for before, after in pairwise(net.nodes))


def require_one_image(x: Array) -> None:
    """Raise ShapeError unless x is a single image, 1 x H x W x C, and ValueError for NaN and infinite values."""
    array_module(x)
    if x.ndim != 4 or len(x) != 1:
        raise ShapeError(f"FeatureVis takes one image, 1 x H x W x C, found shape {x.shape}: give x[i:i+1]")
    require_finite(x)


def output_node(net: Network) -> Node:
    """Return the layer that ends the network; if several do, the last of them in the file."""
    return [node for node in net.stored_nodes if node.output in net.outputs][-1]


def measured_node(net: Network, measure_layer: str | None) -> Node:
    """Return the layer of this name; for None the last layer, or the one before it if the last is a softmax."""
    if measure_layer is not None:
        return net.node(measure_layer)
    last = output_node(net)
    before = next((node for node in net.nodes if node.output == last.inputs[0]), last)
    return before if isinstance(last.layer, Softmax) else last


def activation(trace: Trace, node: Node) -> Array:
    """Return the layer's output; ValueError if it was not computed (a loss without labels, for example)."""
    if node.output not in trace:
        raise ValueError(f"layer {node.name!r} was not computed: name another with measure_layer=")
    return trace[node.output]


def measured_filters(net: Network, node: Node, values: Array, measure_filter: int | None) -> list[int]:
    """Return the measured filters of the layer's output `values` (1 x H x W x C), counted from 0.

    The default is the largest score at the network's output, and elsewhere the map with the largest spectral norm.
    The original searches the score along the first axis of H x W x C that is longer than 1. If the output has several
    positions, it therefore takes row (or column) numbers for filter numbers: several, with repetitions.
    Raises ValueError for filters that do not exist.
    """
    if measure_filter is None and node.name == output_node(net).name:
        axis = next((axis for axis in (1, 2, 3) if values.shape[axis] > 1), 3)
        filters = [int(place) for place in values.argmax(axis=axis).ravel()]
    elif measure_filter is None:
        filters = [int(spectral_norm(values[0].transpose(2, 0, 1)).argmax())]
    elif isinstance(measure_filter, bool) or not hasattr(measure_filter, "__index__"):
        raise ValueError(f"measure_filter is {measure_filter!r}, expected a whole number, counted from 0, or None")
    else:
        filters = [int(measure_filter)]
    if not 0 <= min(filters) <= max(filters) < values.shape[3]:
        raise ValueError(f"measure_filter {max(filters)} of layer {node.name!r}: expected 0 ... {values.shape[3] - 1}")
    return filters


def spectral_norm(matrices: Array) -> Array:
    """Return the largest singular value of each matrix (... x H x W), which is MATLAB's ``norm``."""
    return array_module(matrices).linalg.svd(matrices, compute_uv=False)[..., 0]
