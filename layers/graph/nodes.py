"""Nodes in order: chains, the variables that nodes write, labels for people, and checks of the order."""

from collections.abc import Iterable, Mapping

from refvis.layers.base.node import Node
from refvis.layers.operators import OPERATORS, Layer


def chain(layers: Mapping[str, Layer]) -> tuple[Node, ...]:
    """Return named layers as the nodes of a chain with MatConvNet's variables x0 (input), x1, x2, ...

    A loss takes a second input, "label". Raises ValueError for layers without names.

    >>> from refvis import layers
    >>> nodes = layers.chain({"relu1": layers.ReLU(), "prob": layers.Softmax()})
    >>> [(node.name, node.inputs, node.output) for node in nodes]
    [('relu1', ('x0',), 'x1'), ('prob', ('x1',), 'x2')]
    """
    if not isinstance(layers, Mapping):
        given = type(layers).__name__
        raise ValueError(f'the layers are a {given}, expected a mapping of names to layers, {{"conv1": layer, ...}}')
    return tuple(
        Node(name, layer, (f"x{i}", "label") if is_objective(layer) else (f"x{i}",), (f"x{i + 1}",))
        for i, (name, layer) in enumerate(layers.items())
    )


def writers(nodes: Iterable[Node]) -> dict[str, str]:
    """Return layer -> the variable that it writes, for layers whose name is not the name of another variable."""
    nodes = tuple(nodes)
    variables = {name for node in nodes for name in (*node.inputs, node.output)}
    return {node.name: node.output for node in nodes if node.name == node.output or node.name not in variables}


def label(variable: str, layer: str) -> str:
    """Return the name of a variable for a person: "fc8 (x22)", its layer and itself; one name where both are equal."""
    return variable if layer == variable else f"{layer} ({variable})"


def label_of(nodes: Iterable[Node], variable: str) -> str:
    """Return the name of a variable for a person: "fc8 (x22)", or one name where its layer has the same."""
    return label(variable, next((node.name for node in nodes if node.output == variable), variable))


def is_objective(layer: Layer) -> bool:
    """Return whether the layer compares with labels, its last input. Without them, a forward pass leaves it out."""
    return type(layer) in OPERATORS and OPERATORS[type(layer)].objective


def written_by(nodes: tuple[Node, ...]) -> dict[str, Node]:
    """Return variable -> node that writes it, or raise ValueError where names repeat or the order is wrong."""
    names: set[str] = set()
    written: dict[str, Node] = {}
    later = {node.output for node in nodes}
    for node in nodes:
        if node.output not in written:
            later.discard(node.output)
        waiting = [name for name in node.inputs if name in later or name == node.output]
        if waiting:
            raise ValueError(f"node {node.name!r} reads {waiting[0]!r} before it is computed: reorder the nodes")
        if node.name in names:
            raise ValueError(f"two nodes are named {node.name!r}: give each a name of its own")
        if node.output in written:
            raise ValueError(f"variable {node.output!r} is written by {written[node.output].name!r} and {node.name!r}")
        names.add(node.name)
        written[node.output] = node
    return written
