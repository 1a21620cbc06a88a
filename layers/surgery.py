"""Graph surgery: networks are values, so each function returns a new network and leaves the one given as it was."""

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
    """Return the network with another layer at the node `name` (or at the node that writes the variable `name`)."""
    old = net.node(name)
    return replace(net, nodes=tuple(replace(node, layer=layer) if node is old else node for node in net.nodes))


def remove_layer(net: G, name: str) -> G:
    """Return the network without the node `name`: what read its output reads its input instead.

    Raises ValueError for a node with several inputs, and for one whose removal leaves nothing.
    """
    gone = net.node(name)
    if len(gone.inputs) != 1:
        raise ValueError(f"layer {gone.name!r} has {len(gone.inputs)} inputs: only a layer with one can be removed")
    names = {gone.output: gone.inputs[0]}
    kept = [replace(node, inputs=_mapped(node.inputs, names)) for node in net.nodes if node is not gone]
    return replace(net, nodes=tuple(kept))


def rename_variables(net: G, names: Mapping[str, str]) -> G:
    """Return the network with variables renamed, {old: new}; ValueError where an old name is unknown or names clash."""
    known = set(net.inputs) | {node.output for node in net.nodes}
    for old in names:
        if old not in known:
            raise ValueError(f"the network has no variable {old!r}")
    renamed = [names.get(name, name) for name in known]
    if len(set(renamed)) < len(renamed):
        raise ValueError(f"two variables would have one name after renaming {dict(names)}")
    nodes = tuple(
        replace(node, inputs=_mapped(node.inputs, names), outputs=_mapped(node.outputs, names)) for node in net.nodes
    )
    return replace(net, nodes=nodes)


def canonical_names(net: G) -> G:
    """Return a chain with the names that MatConvNet's ``DagNN.fromSimpleNN(net, 'canonicalNames', true)`` gives.

    The input becomes "input"; a last softmax reads "prediction" and writes "prob"; a last loss reads "prediction" and
    "label" and writes "objective". All other variables keep their names.
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
    sigma + offset, per output channel, computed in float64 and stored in the parameters' dtype. A batch normalisation
    that uses the batch's own moments, or does not follow a Conv, ConvTranspose or FullyConnected that nothing else
    reads, stays as it is. A merged layer keeps its name and writes the variable that the normalisation wrote.
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


def _mapped(variables: tuple[str, ...], names: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(names.get(name, name) for name in variables)
