"""Convolutions as big as their input, written as fully connected layers, as PyTorch's models have them."""

from refvis.layers import Conv, FullyConnected, Graph, Node


def with_full_layers(graph: Graph, shape: tuple[int, ...]) -> Graph:
    """Return the graph with each convolution as big as its input replaced by a fully connected layer.

    `shape` is that of the graph's input, N x H x W x C.
    """
    shapes = graph.shapes(**{graph.inputs[0]: shape})
    return Graph(tuple(_full(node, shapes[node.inputs[0]]) for node in graph.nodes))


def _full(node: Node, shape: tuple[int, ...]) -> Node:
    layer = node.layer
    if not isinstance(layer, Conv) or layer.filters.shape[1:] != shape[1:]:  # type: ignore[union-attr]
        return node
    flat = FullyConnected(layer.filters.reshape(len(layer.filters), -1), layer.biases)  # type: ignore[union-attr, arg-type]
    return Node(node.name, flat, node.inputs, node.outputs)
