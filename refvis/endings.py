"""Endings of networks: losses, and softmax. The scores are what enters them."""

from refvis.layers import EuclideanLoss, Graph, L2Loss, LogSoftmax, Loss, Node, Softmax, SoftmaxLoss
from refvis.layers.graph.nodes import is_objective
from refvis.layers.loss import LOSSES as KINDS

LOSSES = (SoftmaxLoss, Loss, EuclideanLoss, L2Loss)
"""Layers that are losses, whatever they read; explanations start before them, and before softmax."""


def scores_of(graph: Graph) -> tuple[str, ...]:
    """Return the variables that enter the endings of a network, and its outputs without one.

    Endings are softmax, losses (`is_loss`), and what is computed from losses, such as their sum.
    """
    writers = {node.output: node for node in graph.nodes}
    behind = behind_losses(graph)
    scores: dict[str, None] = {}
    seen: set[str] = set()
    waiting = list(reversed(graph.outputs))
    while waiting:
        name = waiting.pop()
        node = writers.get(name)
        if name in seen:
            continue
        seen.add(name)
        if node is None:
            scores[name] = None
        elif is_loss(graph, node) or is_softmax(node):
            waiting.append(entering(graph, node))
        elif name in behind:
            waiting.extend(one for one in reversed(node.inputs) if one in behind)
        else:
            scores[name] = None
    return tuple(scores)


def behind_losses(graph: Graph) -> set[str]:
    """Return the variables that are computed from losses, and the losses."""
    behind: set[str] = set()
    for node in graph.nodes:
        if is_loss(graph, node) or not behind.isdisjoint(node.inputs):
            behind.add(node.output)
    return behind


def is_loss(graph: Graph, node: Node) -> bool:
    """Return whether the node is a loss, a distance from an input (labels), or an unknown ending.

    A distance of two layers of the network is none.
    """
    if isinstance(node.layer, LOSSES) or graph.is_unknown_ending(node):
        return True
    return is_objective(node.layer) and any(name in graph.inputs for name in node.inputs[1:])


def entering(graph: Graph, node: Node) -> str:
    """Return the variable that enters an ending: its first input, or the first that a layer writes if unknown."""
    computed = (name for name in node.inputs if name not in graph.inputs)
    return next(computed, node.inputs[0]) if graph.is_unknown_ending(node) else node.inputs[0]


def is_softmax(node: Node) -> bool:
    """Return whether the node is a softmax, or its logarithm."""
    return isinstance(node.layer, Softmax | LogSoftmax)


def reads_classes(node: Node) -> bool:
    """Return whether the node takes scores of classes: softmax, and losses of one class for each instance."""
    if isinstance(node.layer, Loss):
        return KINDS[node.layer.kind].categorical
    return isinstance(node.layer, Softmax | LogSoftmax | SoftmaxLoss)
