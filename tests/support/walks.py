"""Whole networks, small, and relevance going down them by dense matrices, node by node.

A composite is said here once more, in words of its own: which formula of `papers` a node goes back by.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from support import dense, papers, replicas

from refvis import layers
from refvis.layers import Node

Formula = Callable[..., papers.Received]


class Words(NamedTuple):
    """Formulas for filtered layers: local ones, full ones, the first (None: as all others); for sums and averages."""

    local: Formula
    full: Formula
    first: Formula | None = None
    rest: Formula = papers.epsilon


ZERO = partial(papers.epsilon, eps=0)
ALPHA2 = partial(papers.alpha_beta, alpha=2, beta=1)
DEEP = partial(papers.z_plus, bias="absent")

COMPOSITES = {
    "epsilon": Words(papers.epsilon, papers.epsilon),
    "lrp_0": Words(ZERO, ZERO, rest=ZERO),
    "z_plus": Words(papers.z_plus, papers.z_plus),
    "epsilon_plus": Words(papers.z_plus, papers.epsilon),
    "epsilon_plus_flat": Words(papers.z_plus, papers.epsilon, papers.flat),
    "epsilon_gamma_box": Words(papers.gamma, papers.epsilon, papers.box),
    "epsilon_alpha2_beta1": Words(ALPHA2, papers.epsilon),
    "epsilon_alpha2_beta1_flat": Words(ALPHA2, papers.epsilon, papers.flat),
    "deep_taylor": Words(DEEP, DEEP, papers.w_square),
    "deep_taylor_box": Words(DEEP, DEEP, papers.box),
    "excitation": Words(papers.excitation, papers.excitation, rest=papers.excitation),
}


def is_filtered(layer: Any) -> bool:
    """Whether the layer has weights of its own."""
    return isinstance(layer, layers.Conv | layers.ConvTranspose | layers.FullyConnected)


def below(graph: layers.Graph, node: Node) -> list[Node]:
    """Return all nodes that a node depends on."""
    own = [other for other in graph.nodes if other.output in node.inputs]
    return own + [deeper for one in own for deeper in below(graph, one)]


def formula(words: Words, graph: layers.Graph, node: Node, x: np.ndarray) -> Formula:
    """Return what a linear node goes back by."""
    layer = node.layer
    if not is_filtered(layer):
        return words.rest
    if words.first and not any(is_filtered(other.layer) for other in below(graph, node)):
        return words.first
    covers = isinstance(layer, layers.Conv) and layer.filters is not None and layer.filters.shape[1:] == x.shape[1:]
    return words.full if covers or isinstance(layer, layers.FullyConnected) else words.local


def down(words: Words, graph: layers.Graph, trace: Any, seeds: Mapping[str, np.ndarray]) -> list[dict[str, np.ndarray]]:
    """Return the relevance at every variable, and the sum of absolute paths to it, which rounding is measured by."""
    found: list[dict[str, np.ndarray]] = [dict(seeds), {name: np.abs(seed) for name, seed in seeds.items()}]
    for node in reversed(graph.nodes):
        inputs = [trace[name] for name in node.inputs]
        for kind, signals in enumerate(found):
            parts = _passed(words, graph, node, signals[node.output], inputs, kind)
            for name, part in zip(node.inputs, parts, strict=True):
                signals[name] = signals[name] + part if name in signals else part
    return found


def _passed(words: Words, graph: layers.Graph, node: Node, R: np.ndarray, inputs: list[Any], kind: int) -> Any:
    """Return what a node passes on: of relevance (kind 0), or of absolute sums (1)."""
    layer = node.layer
    if isinstance(layer, layers.Pool) and layer.method == "max":
        return [replicas.pool_gradient(layer, R, inputs[0])]
    if isinstance(layer, layers.Concat):
        return np.split(R, np.cumsum([x.shape[3] for x in inputs])[:-1], axis=3)
    if not (is_filtered(layer) or isinstance(layer, layers.Pool | layers.BatchNorm | layers.Sum | layers.Scale)):
        return [R]
    block = dense.block(layer, *inputs)
    return block.back(formula(words, graph, node, inputs[0])(block, R.reshape(len(R), -1))[kind])


def values(random: np.random.Generator, *shape: int) -> np.ndarray:
    """Return signed sixteenths, of which one in eight or so is zero."""
    return dense.rounded(random.normal(size=shape) * (random.random(shape) < 0.9))


def chain(random: np.random.Generator) -> layers.Graph:
    """Return a chain for 5 x 6 x 2 inputs, of every kind of layer that a classifier has."""
    sigma = np.stack([values(random, 4), 2.0 ** random.integers(-1, 2, 4)], axis=1)
    made = {
        "conv1": layers.Conv(values(random, 4, 2, 3, 2), values(random, 4), (1, 2), (1, 0, 2, 1)),
        "norm1": layers.BatchNorm(values(random, 4), values(random, 4), sigma),
        "relu1": layers.ReLU(),
        "lrn1": layers.LRN(3, 1.0, 0.25, 0.75),
        "pool1": layers.Pool((2, 2), 1, (0, 1, 0, 0)),
        "conv2": layers.Conv(values(random, 6, 2, 1, 2), values(random, 6), pad=(1, 0, 0, 0)),
        "relu2": layers.ReLU(),
        "pool2": layers.Pool((2, 1), (2, 1), (0, 1, 0, 0), "avg"),
        "full3": layers.Conv(values(random, 7, 3, 3, 6), values(random, 7)),
        "relu3": layers.ReLU(),
        "full4": layers.FullyConnected(values(random, 3, 7)),
    }
    return layers.Graph(layers.chain(made))


def branches(random: np.random.Generator) -> layers.Graph:
    """Return a network for 5 x 6 x 2 inputs that branches at its input, and joins in a sum and a concatenation."""
    left = layers.Conv(values(random, 4, 1, 2, 2), values(random, 4), pad=(0, 0, 0, 1))
    right = layers.ConvTranspose(values(random, 2, 1, 3, 4), values(random, 4), crop=(0, 0, 1, 1))
    nodes = [
        Node("left", left, "x0", "l"),
        Node("relu", layers.ReLU(), "l", "lr"),
        Node("right", right, "x0", "r"),
        Node("sum", layers.Sum(), ("lr", "r", "lr"), "s"),
        Node("mean", layers.Pool((3, 2), 1, (1, 1, 1, 0), "avg"), "x0", "a"),
        Node("both", layers.Concat(), ("s", "a"), "c"),
        Node("scale", layers.Scale(values(random, 6), values(random, 6)), "c", "d"),
        Node("max", layers.Pool((2, 3), (2, 3)), "d", "m"),
        Node("end", layers.Conv(values(random, 8, 2, 1, 3), values(random, 8)), "m", "y"),
    ]
    return layers.Graph(nodes)
