"""FeatureVis' deconvolution: the activations of one filter are sent back to the input."""

from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np

from refvis.featurevis import rules
from refvis.featurevis.measure import activation, measured_filters, measured_node, require_one_image, version_of
from refvis.layers import Array, BatchNorm, Conv, FullyConnected, ReLU, Rule, Trace, array_module, modes
from refvis.network import Network

RELU_PASSES: dict[str, Rule] = {
    "backpropagation": rules.backpropagation,
    "deconvnet": rules.deconvnet,
    "guided backpropagation": rules.guided,
}
CONVOLUTION_PASSES: dict[str, Rule] = {"standard": rules.convolution, "relevance propagation": rules.relevance}
BATCH_NORMS: dict[str, Rule] = {"simplenn": rules.batch_norm, "dagnn": rules.no_batch_norm}


def deconvolution(
    net: Network,
    x: Array,
    relu_pass: str = "guided backpropagation",
    convolution_pass: str = "standard",
    measure_layer: str | None = None,
    measure_filter: int | None = None,
    version: str | None = None,
) -> Array:
    """Return the heatmap of FeatureVis' ``*_deconvolution`` for input x (1 x H x W x C): H x W x C, dtype of x.

    `relu_pass` is "backpropagation", "deconvnet" or "guided backpropagation"; `convolution_pass` is "standard" or
    "relevance propagation", which is infinite or NaN where an output is 0. The signal starts as the activation map of
    filter `measure_filter` (from 0) of the layer `measure_layer`; None: the last layer, or the one before a softmax;
    the largest score of the network's output, elsewhere the map with the largest spectral norm. `version` is
    "simplenn", "dagnn", or None: by the network; the two differ in relevance and in batch normalisation.
    Raises ShapeError for several images, ValueError for names and filters that do not exist. Where the original ends in
    an error, so does this. Source: Gruen et al. 2016, `simplenn_deconvolution`, `dagnn_deconvolution`.
    """
    version = version_of(net, version)
    relu = known(RELU_PASSES, relu_pass, "relu_pass")
    convolution = known(CONVOLUTION_PASSES, convolution_pass, "convolution_pass")
    require_one_image(x)
    trace = net.forward(x)
    node = measured_node(net, measure_layer)
    values = activation(trace, node)
    filters = measured_filters(net, node, values, measure_filter)
    seed = array_module(values).zeros_like(values)
    seed[..., filters] = values[..., filters]
    mode = modes.GRADIENT | {
        ReLU: relu,
        Conv: convolution,
        FullyConnected: convolution,
        BatchNorm: BATCH_NORMS[version],
    }
    if version == "dagnn" and convolution is rules.relevance:
        mode |= relevance_as_stored(net, trace)
    with np.errstate(divide="ignore", invalid="ignore"):
        return net.backward(trace, {node.output: seed}, mode)[net.inputs[0]][0]


def known(table: dict[str, Rule], name: Any, what: str) -> Rule:
    """Return the rule of that name, in letters of either case; raise ValueError if there is none."""
    found = table.get(name.lower()) if isinstance(name, str) else None
    if found is None:
        raise ValueError(f"{what} is {name!r}, expected {' or '.join(map(repr, table))}")
    return found


def relevance_as_stored(net: Network, trace: Trace) -> dict[str, Rule]:
    """Return for each convolution the rule that divides by what the DagNN version takes for its output.

    That is the first input of the layer that comes next in the file: the output itself in a chain, but another variable
    where paths part. The file's last layer has its own output.
    """
    found: dict[str, Rule] = {}
    for node, after in pairwise(net.stored_nodes):
        if isinstance(node.layer, Conv | FullyConnected):
            if after.inputs[0] not in trace:
                raise ValueError(
                    f"FeatureVis divides relevance at {node.name!r} by {after.inputs[0]!r}, which was not computed"
                )
            found[node.name] = partial(rules.relevance, y=trace[after.inputs[0]])
    return found
