"""What FeatureVis measures: which of its versions applies, which layer, which filters."""

from itertools import pairwise

from refvis.layers import Array, Node, ShapeError, Softmax, Trace, array_module
from refvis.layers.base.arrays import require_finite
from refvis.network import Network

VERSIONS = ("simplenn", "dagnn")


def version_of(net: Network, version: str | None) -> str:
    """Return which version of FeatureVis applies: the one asked for, or (None) the one for the kind of network.

    "dagnn" is for networks from a DagNN file, and for those that are no chain; "simplenn" for all others.
    Raises ValueError for another name.
    """
    if version is None:
        return "simplenn" if not net.stored and is_chain(net) else "dagnn"
    if version not in VERSIONS:
        raise ValueError(f"version is {version!r}, expected {' or '.join(map(repr, VERSIONS))}, or None")
    return version


def is_chain(net: Network) -> bool:
    """Whether each layer reads the one before it, and no other."""
    written = {node.output for node in net.nodes}
    return all(written.intersection(after.inputs) == {before.output} for before, after in pairwise(net.nodes))


def require_one_image(x: Array) -> None:
    """Raise ShapeError unless x is a single image, 1 x H x W x C, and ValueError for NaN and infinite values."""
    array_module(x)
    if x.ndim != 4 or len(x) != 1:
        raise ShapeError(f"FeatureVis takes one image, 1 x H x W x C, found shape {x.shape}: give x[i:i+1]")
    require_finite(x)


def output_node(net: Network) -> Node:
    """Return the layer that ends the network; of several, the one that comes last in the file."""
    return [node for node in net.stored_nodes if node.output in net.outputs][-1]


def measured_node(net: Network, measure_layer: str | None) -> Node:
    """Return the layer of that name; None: the network's last one, or, if that is a softmax, the one before it."""
    if measure_layer is not None:
        return net.node(measure_layer)
    last = output_node(net)
    before = next((node for node in net.nodes if node.output == last.inputs[0]), last)
    return before if isinstance(last.layer, Softmax) else last


def activation(trace: Trace, node: Node) -> Array:
    """Return the layer's output; ValueError if it was not computed, as that of a loss without labels."""
    if node.output not in trace:
        raise ValueError(f"layer {node.name!r} was not computed: name another with measure_layer=")
    return trace[node.output]


def measured_filters(net: Network, node: Node, values: Array, measure_filter: int | None) -> list[int]:
    """Return which filters of the layer's output `values` (1 x H x W x C) are measured, counted from 0.

    None: at the network's output, the largest score; elsewhere, the map with the largest spectral norm. The original
    looks for the score along the first axis of H x W x C that is longer than 1. So where the output has positions, it
    takes the numbers of rows (or columns) for those of filters: several, with repetitions.
    Raises ValueError for filters that do not exist.
    """
    if measure_filter is None and node.name == output_node(net).name:
        axis = next((axis for axis in (1, 2, 3) if values.shape[axis] > 1), 3)
        found = [int(place) for place in values.argmax(axis=axis).ravel()]
    elif measure_filter is None:
        found = [int(spectral_norm(values[0].transpose(2, 0, 1)).argmax())]
    elif isinstance(measure_filter, bool) or not hasattr(measure_filter, "__index__"):
        raise ValueError(f"measure_filter is {measure_filter!r}, expected a whole number, counted from 0, or None")
    else:
        found = [int(measure_filter)]
    if not 0 <= min(found) <= max(found) < values.shape[3]:
        raise ValueError(f"measure_filter {max(found)} of layer {node.name!r}: expected 0 ... {values.shape[3] - 1}")
    return found


def spectral_norm(matrices: Array) -> Array:
    """Return the largest singular value of each matrix (... x H x W), which is MATLAB's ``norm``."""
    return array_module(matrices).linalg.svd(matrices, compute_uv=False)[..., 0]
