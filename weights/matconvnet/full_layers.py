"""Fully connected layers as the convolutions that they are: MatConvNet's files hold no other form of them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from refvis.layers import OPERATORS, Conv, FullyConnected, Node, output_shape, title
from refvis.weights.matconvnet.save_dag import errors_naming

Shape = tuple[int, ...]


def with_convolutions(nodes: Sequence[Node], shapes: Mapping[str, Shape]) -> tuple[Node, ...]:
    """Return the nodes, with each FullyConnected as a Conv whose filters are as big as the layer's input.

    Parameters:

        nodes    the layers in order of execution
        shapes   the shape N x H x W x C of each input of the network whose size is known

    Weights K x HWC become filters K x H x W x C, the same numbers in the same order. Layers that share weights, and
    read inputs of one size, share them again. Raises ValueError that names the layer, for an input whose size is not
    known, and for sizes that do not fit.

    >>> import numpy as np
    >>> from refvis import layers
    >>> from refvis.weights.matconvnet.full_layers import with_convolutions
    >>> nodes = layers.chain({"fc": layers.FullyConnected(np.ones((5, 24)))})
    >>> with_convolutions(nodes, {"x0": (1, 2, 3, 4)})[0].layer.filters.shape
    (5, 2, 3, 4)
    """
    if not any(isinstance(node.layer, FullyConnected) for node in nodes):
        return tuple(nodes)
    known, made = dict(shapes), []
    for node in nodes:
        made.append(with_convolution(node, known.get(node.inputs[0])))
        if isinstance(node.layer, FullyConnected):
            known[node.output] = (1, 1, 1, len(node.layer.weights))
        elif type(node.layer) in OPERATORS and all(name in known for name in node.inputs):
            with errors_naming(node):
                known[node.output] = output_shape(node.layer, *(known[name] for name in node.inputs))
    return tuple(made)


def with_convolution(node: Node, shape: Shape | None) -> Node:
    """Return the node, with a FullyConnected that reads an input of that shape as a Conv."""
    layer = node.layer
    if not isinstance(layer, FullyConnected):
        return node
    if shape is None:
        raise ValueError(
            f"layer {node.name!r} ({title(layer)}) is written as a convolution with filters as big as its input, "
            "but the size of that input is not known: give the size of the network's input with "
            "net.with_images(size=(height, width)); if a layer before it has no implementation, register one"
        )
    with errors_naming(node):
        output_shape(layer, shape)
    return replace(node, layer=Conv(layer.weights.reshape(-1, *shape[1:]), layer.biases))
