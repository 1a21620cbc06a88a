"""FeatureVis' deconvolution: the activation map of one filter is backpropagated to the input."""

from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np

from refvis.featurevis import rules
from refvis.featurevis.measure import activation, measured_filters, measured_node, require_one_image, version_of
from refvis.layers import Array, BatchNorm, Conv, FullyConnected, ReLU, Rule, Trace, array_module, modes
from refvis.layers.graph.not_finite import finite_trace
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

    Source: Gruen et al. 2016, `simplenn_deconvolution`, `dagnn_deconvolution`. The signal starts as the activation map
    of one filter.

    Parameters:

        net               the network
        x                 one image, 1 x H x W x C, float32 or float64
        relu_pass         "backpropagation", "deconvnet" or "guided backpropagation"
        convolution_pass  "standard" or "relevance propagation"; relevance is infinite or NaN where an output is 0
        measure_layer     name of the layer. Default: the last layer, or the one before a softmax
        measure_filter    number of the filter, from 0. Default: at the network's output, the largest score;
                          elsewhere the map with the largest spectral norm
        version           "simplenn" or "dagnn", which differ in relevance and batch normalisation.
                          Default: the one for this kind of network

    Raises ShapeError for several images, ValueError for names and filters that do not exist, and an error wherever the
    original ends in one.

    >>> import numpy as np
    >>> from refvis import chain, featurevis, layers
    >>> net = chain({"fc": layers.FullyConnected(np.array([[2.0, -1.0], [1.0, 1.0]]))})
    >>> featurevis.deconvolution(net, np.array([1.0, 2.0]).reshape(1, 1, 1, 2)).ravel()
    array([3., 3.])
    """
    version = version_of(net, version)
    relu = find_rule(RELU_PASSES, relu_pass, "relu_pass")
    convolution = find_rule(CONVOLUTION_PASSES, convolution_pass, "convolution_pass")
    require_one_image(x)
    trace = finite_trace(net, x)
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
        mode |= dagnn_relevance_rules(net, trace)
    with np.errstate(divide="ignore", invalid="ignore"):
        return net.backward(trace, {node.output: seed}, mode)[net.inputs[0]][0]


def find_rule(table: dict[str, Rule], name: Any, parameter: str) -> Rule:
    """Return the rule of this name, ignoring case; raise ValueError if there is none."""
    rule = table.get(name.lower()) if isinstance(name, str) else None
    if rule is None:
        raise ValueError(f"{parameter} is {name!r}, expected {' or '.join(map(repr, table))}")
    return rule


def dagnn_relevance_rules(net: Network, trace: Trace) -> dict[str, Rule]:
    """Return for each convolution the relevance rule with the divisor of the DagNN version.

    The divisor is the first input of the next layer in the file. In a chain that is the convolution's own output; where
    paths branch it can be another variable. For the file's last layer it is its own output.
    """
    rules_by_name: dict[str, Rule] = {}
    for node, after in pairwise(net.stored_nodes):
        if isinstance(node.layer, Conv | FullyConnected):
            if after.inputs[0] not in trace:
                raise ValueError(
                    f"FeatureVis divides relevance at {node.name!r} by {after.inputs[0]!r}, which was not computed"
                )
            rules_by_name[node.name] = partial(rules.relevance, y=trace[after.inputs[0]])
    return rules_by_name
