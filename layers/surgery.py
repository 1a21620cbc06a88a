"""Graph surgery: functions that return a changed network, and leave the given one as it was."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TypeVar

from refvis.layers.base.arrays import Array
from refvis.layers.base.node import Node
from refvis.layers.batch_norm import BatchNorm
from refvis.layers.graph.network import Graph
from refvis.layers.loss import Loss, SoftmaxLoss
from refvis.layers.operators import OPERATORS, Layer
from refvis.layers.softmax import Softmax

G = TypeVar("G", bound=Graph)


def replace_layer(net: G, name: str, layer: Layer) -> G:
    """Return the network with another layer at the node `name` (or at the node that writes the variable `name`).

    Raises ValueError for an unknown name.

    >>> from refvis import layers
    >>> net = layers.Graph(layers.chain({"relu1": layers.ReLU(), "prob": layers.Softmax()}))
    >>> layers.replace_layer(net, "relu1", layers.ReLU(leak=0.1)).node("relu1").layer
    ReLU(leak=0.1)
    """
    old = net.node(name)
    return replace(net, nodes=tuple(replace(node, layer=layer) if node is old else node for node in net.nodes))


def remove_layer(net: G, name: str) -> G:
    """Return the network without the node `name`: nodes that read its output read its input instead.

    Raises ValueError for an unknown name, for a node with several inputs, and for the only node of a network.

    >>> from refvis import layers
    >>> net = layers.Graph(layers.chain({"relu1": layers.ReLU(), "prob": layers.Softmax()}))
    >>> [(node.name, node.inputs) for node in layers.remove_layer(net, "relu1").nodes]
    [('prob', ('x0',))]
    """
    gone = net.node(name)
    if len(gone.inputs) != 1:
        raise ValueError(f"layer {gone.name!r} has {len(gone.inputs)} inputs, expected one, which takes its place")
    names = {gone.output: gone.inputs[0]}
    kept = [replace(node, inputs=_rename(node.inputs, names)) for node in net.nodes if node is not gone]
    return replace(net, nodes=tuple(kept))


def rename_variables(net: G, names: Mapping[str, str]) -> G:
    """Return the network with variables renamed, {old: new}.

    Raises ValueError where an old name is unknown, or two variables would have one name.

    >>> from refvis import layers
    >>> net = layers.Graph(layers.chain({"relu1": layers.ReLU(), "prob": layers.Softmax()}))
    >>> layers.rename_variables(net, {"x0": "image"}).inputs
    ('image',)
    """
    known = set(net.inputs) | {node.output for node in net.nodes}
    for old in names:
        if old not in known:
            raise ValueError(f"the network has no variable {old!r}, expected one of {', '.join(sorted(known))}")
    renamed = [names.get(name, name) for name in known]
    if len(set(renamed)) < len(renamed):
        raise ValueError(f"two variables would have one name after renaming {dict(names)}: give each a name of its own")
    nodes = tuple(
        replace(node, inputs=_rename(node.inputs, names), outputs=_rename(node.outputs, names)) for node in net.nodes
    )
    return replace(net, nodes=nodes)


def canonical_names(net: G) -> G:
    """Return a chain with the names that MatConvNet's ``DagNN.fromSimpleNN(net, 'canonicalNames', true)`` gives.

    The input becomes "input"; a last softmax reads "prediction" and writes "prob"; a last loss reads "prediction" and
    "label" and writes "objective". All other variables keep their names.

    >>> from refvis import layers
    >>> net = layers.Graph(layers.chain({"relu1": layers.ReLU(), "prob": layers.Softmax()}))
    >>> [(node.inputs, node.output) for node in layers.canonical_names(net).nodes]
    [(('input',), 'prediction'), (('prediction',), 'prob')]
    """
    names = {net.inputs[0]: "input"}
    last = net.nodes[-1]
    endings = {Softmax: "prob", SoftmaxLoss: "objective", Loss: "objective"}
    if type(last.layer) in endings:
        names |= {last.output: endings[type(last.layer)], last.inputs[0]: "prediction"}
        names |= dict(zip(last.inputs[1:], ("label",), strict=False))
    return rename_variables(net, {old: new for old, new in names.items() if old != new})


def merge_batchnorm(net: G) -> G:
    """Return the network with each batch normalisation at given moments merged into the linear layer before it.

    With y = W x + b and z = (y - mean) / sigma * scale + offset:  W' = W * scale / sigma,  b' = (b - mean) * scale /
    sigma + offset, per output channel, computed in float64 and stored in the parameters' dtype.

    A batch normalisation stays as it is if it uses the batch's own moments, or if it does not follow a Conv,
    ConvTranspose or FullyConnected that nothing else reads. A merged layer keeps its name and writes the variable that
    the normalisation wrote.

    >>> import numpy as np
    >>> from refvis import layers
    >>> fc = layers.FullyConnected(np.array([[1.0]]))
    >>> norm = layers.BatchNorm(np.array([10.0]), np.array([1.0]), moments=np.array([[3.0, 2.0]]))
    >>> net = layers.merge_batchnorm(layers.Graph(layers.chain({"fc1": fc, "bn1": norm})))
    >>> [node.name for node in net.nodes], net.nodes[0].layer.weights, net.nodes[0].layer.biases  # 10 / 2, 1 - 15
    (['fc1'], array([[5.]]), array([-14.]))
    """
    writers = {node.output: node for node in net.nodes}
    readers: dict[str, int] = {}
    for name in (name for node in net.nodes for name in node.inputs):
        readers[name] = readers.get(name, 0) + 1
    merged: dict[str, Node] = {}
    gone: set[str] = set()
    for node in net.nodes:
        before = writers.get(node.inputs[0])
        alone = before is not None and readers[before.output] == 1
        if isinstance(node.layer, BatchNorm) and node.layer.moments is not None and before is not None and alone:
            row = OPERATORS.get(type(before.layer))
            if row is not None and row.scaled is not None:
                layer = row.scaled(before.layer, *_factors(node.layer), node.layer.scale)
                merged[before.name] = replace(before, layer=layer, outputs=node.outputs)
                gone.add(node.name)
    return replace(net, nodes=tuple(merged.get(node.name, node) for node in net.nodes if node.name not in gone))


def _factors(layer: BatchNorm) -> tuple[Array, Array]:
    """Return (a, c) of z = a * y + c, float64."""
    mean, sigma = layer.moments.astype("float64").T
    factor = layer.scale.astype("float64").reshape(-1) / sigma
    return factor, layer.offset.astype("float64").reshape(-1) - mean * factor


def _rename(variables: tuple[str, ...], names: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(names.get(name, name) for name in variables)
