"""Class activation maps (Zhou et al. 2016): the classifier's weights, applied where its input still has positions.

For maps A_k that are averaged over their positions and then weighted, y_c = sum_k w_ck mean(A_k) + b_c,

    map_c = sum_k w_ck A_k

whose mean is y_c minus the bias. Where the fully connected layer reads the maps themselves, it has a weight for each
position, w_ck(i, j), and the map's sum is y_c minus the bias.
"""

from refvis.deconvolutional.maps import heatmap_of_maps
from refvis.layers import (
    Array,
    Conv,
    Dropout,
    FullyConnected,
    GlobalPool,
    Graph,
    Node,
    Pool,
    Trace,
    array_module,
    title,
)
from refvis.network import Network
from refvis.results import Heatmap, record
from refvis.targets import target
from refvis.units import Against, Channel, Selection


def cam(
    net: Network,
    x: Array,
    at: str | None = None,
    channel: Channel = None,
    *,
    upsample: bool = True,
    position: tuple[int, int] | None = None,
    against: Against = None,
) -> Heatmap:
    """Return the class activation map, sum_k w_ck A_k, of each target c (Zhou et al. 2016).

    Parameters:

        net       the network
        x         images as its input, N x H x W x C, float32 or float64: see `Network.preprocess`
        at        the layer or variable explained. Default: the scores before softmax
        channel   its channel, by number or class name; a sequence of them; or "all". Default: the strongest
        upsample  whether maps are upsampled bilinearly to the size of `x`. Default: yes
        position  one position (y, x) of the channel's map. Default: all positions
        against   a channel whose map is subtracted, or one for each channel. Default: nothing is subtracted

    The heatmap's `values` are signed, a row for each target: N x H x W x 1, or N x h x w x 1 at the size of the
    classifier's maps. `measures` has each row's "score".
    Raises ValueError unless the target is written by a fully connected layer (or a convolution with filters as large
    as its input) that reads maps, or maps behind global average pooling; and for names and numbers that the network
    lacks, and for NaN.

    >>> import refvis
    >>> net = refvis.load("scenes")
    >>> x = net.preprocess(refvis.scenes.scene(7).image)
    >>> refvis.cam(net, x, at="fc6", channel=0, upsample=False).values.shape
    (1, 4, 4, 1)
    """
    goal, trace = target(net, x, Selection(at, channel, position, against))
    variable, weights = _classifier(goal.net, trace, goal.net.node(goal.variable))
    signs = goal.weights(trace[goal.variable][:1])[:, 0, 0]
    coefficients = array_module(x, weights).tensordot(signs, weights.astype(x.dtype, copy=False), 1)
    maps = (goal.per_row(trace[variable]) * coefficients).sum(axis=3, keepdims=True)
    provenance = record("cam", net, x, **goal.choices(len(x)), layer=variable, upsample=upsample)
    return heatmap_of_maps(net, x, maps, True, provenance, upsample, goal.measures(trace))


def _classifier(net: Graph, trace: Trace, node: Node) -> tuple[str, Array]:
    """Return the variable of the maps, and the weights of them, K x h x w x C (h = w = 1: after an average)."""
    weights = _full_weights(node, trace[node.inputs[0]].shape[1:])
    writers = {node.output: node for node in net.nodes}
    variable = node.inputs[0]
    while variable in writers and _is_identity(writers[variable]):
        variable = writers[variable].inputs[0]
    if variable in writers and _is_global_average(writers[variable], trace):
        variable = writers[variable].inputs[0]
    if trace[variable].shape[1:3] == (1, 1):
        raise ValueError(
            f"layer {node.name!r} reads {variable!r}, which has one position and is no global average: there are no "
            "maps to weight; use grad_cam, which finds maps in any network"
        )
    return variable, weights


def _full_weights(node: Node, shape: tuple[int, ...]) -> Array:
    layer = node.layer
    if isinstance(layer, FullyConnected):
        return layer.weights.reshape(-1, *shape)
    filters = layer.filters if isinstance(layer, Conv) and layer.pad == (0, 0, 0, 0) else None
    if filters is not None and filters.shape[1:] == shape:
        return filters
    raise ValueError(
        f"layer {node.name!r} ({title(layer)}) is not fully connected, as class activation maps need it: explain the "
        "scores, or use grad_cam"
    )


def _is_identity(node: Node) -> bool:
    """Whether a node returns its input unchanged: dropout without a mask."""
    return isinstance(node.layer, Dropout) and node.layer.mask is None


def _is_global_average(node: Node, trace: Trace) -> bool:
    """Whether a node is average pooling with a single window over all positions."""
    layer, (height, width) = node.layer, trace[node.inputs[0]].shape[1:3]
    if isinstance(layer, GlobalPool):
        return layer.method == "avg"
    if not isinstance(layer, Pool) or layer.method != "avg" or trace[node.output].shape[1:3] != (1, 1):
        return False
    (down, across), (top, _, left, _) = layer.size, layer.pad
    return bool(down - top >= height and across - left >= width)
