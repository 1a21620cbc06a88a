"""How far the maps of captum and zennit agree, for rules of the same name on random networks and inputs."""

from dataclasses import dataclass, replace

import numpy as np
from support.peers import nets
from support.peers.pairs import Pair

from refvis.layers import Graph

RULES = {
    "epsilon": ("EpsilonRule()", "Epsilon()"),
    "z+": ("Alpha1_Beta0_Rule()", "ZPlus()"),
    "gamma": ("GammaRule(gamma=0.25)", "Gamma(gamma=0.25)"),
}
"""Rules on all layers with weights, as captum and as zennit write them."""
CHANNEL = 2


@dataclass(frozen=True)
class Agreement:
    """Of one network and image: correlation of the values, length of the difference over length of zennit's map,
    and each map's sum over the score.
    """

    correlation: float
    difference: float
    sums: tuple[float, float]


def agreement(rule: str, seed: int, biases: bool, signed: bool, positive: bool = True) -> Agreement:
    """Compare captum's map with zennit's on `nets.plain`, for a score that is positive or negative.

    The input is one image of signed values with zeros, or their absolute values.
    """
    x = nets.signed(seed)[:1]
    x = x if signed else np.abs(x)
    graph = nets.plain(seed, biases)
    if (_score(graph, x) > 0) != positive:
        graph = _opposite(graph)
    theirs = (Pair(library, text, "") for library, text in zip(("captum", "zennit"), RULES[rule], strict=True))
    one, other = (pair.their_map(graph, x, CHANNEL) for pair in theirs)
    return Agreement(
        float(np.corrcoef(one.ravel(), other.ravel())[0, 1]),
        float(np.linalg.norm(one - other) / np.linalg.norm(other)),
        (float(one.sum() / _score(graph, x)), float(other.sum() / _score(graph, x))),
    )


def _score(graph: Graph, x: np.ndarray) -> float:
    return float(graph.forward(x).output[0, 0, 0, CHANNEL])


def _opposite(graph: Graph) -> Graph:
    """Return the graph with all scores negated."""
    last = graph.nodes[-1]
    biases = None if last.layer.biases is None else -last.layer.biases
    layer = replace(last.layer, weights=-last.layer.weights, biases=biases)
    return Graph((*graph.nodes[:-1], replace(last, layer=layer)))
