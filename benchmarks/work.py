"""What is timed: graphs with an input and a seed, here and in PyTorch."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from typing import Any

import numpy as np

from benchmarks.timing import Function
from refvis.layers import Conv, FullyConnected, Graph, Node, chain


@dataclass(frozen=True)
class Work:
    """A graph, its input (N x H x W x C, float32), and the seed of the way back, in the output's shape."""

    graph: Graph
    x: np.ndarray
    seed: np.ndarray

    def forward(self) -> np.ndarray:
        """Return the output."""
        found: np.ndarray = self.graph.forward(self.x).output
        return found

    def gradient(self) -> np.ndarray:
        """Return the gradient to the input, the forward pass included."""
        return self.walked("gradient")

    def walked(self, mode: Any) -> np.ndarray:
        """Return the signal at the input, the forward pass included."""
        trace = self.graph.forward(self.x)
        found: np.ndarray = self.graph.backward(trace, {trace.ends[0]: self.seed}, mode)[self.graph.inputs[0]]
        return found

    @cached_property
    def peers(self) -> Mapping[str, Any]:
        """The same in PyTorch in both of its memory layouts, by name; none where it is not installed."""
        if find_spec("torch") is None:
            return {}
        from benchmarks.torch_work import LAYOUTS, TorchWork

        return {f"torch {name}": TorchWork(self.graph, self.x, self.seed, name) for name in LAYOUTS}

    def others(self, what: str) -> dict[str, Function]:
        """Return each peer's function of that name."""
        return {name: getattr(peer, what) for name, peer in self.peers.items()}


def of_layer(layer: Any, *shape: int) -> Work:
    """Return the work of one layer on an image of that shape (H x W x C), with signed values and a dense seed."""
    random = np.random.default_rng(0)
    graph = Graph(chain({"layer": layer}))
    x = random.standard_normal((1, *shape), "float32")
    return Work(graph, x, random.standard_normal(graph.forward(x).output.shape, "float32"))


def of_network(graph: Graph, x: np.ndarray) -> Work:
    """Return the work of a network on images, whose seed is 1 for one channel."""
    seed = np.zeros_like(graph.forward(x).output)
    seed[..., 3] = 1
    return Work(graph, x, seed)


def with_full_layers(graph: Graph, shape: tuple[int, ...]) -> Graph:
    """Return the graph with convolutions as big as their input as fully connected layers, as PyTorch has them."""
    shapes = graph.shapes(**{graph.inputs[0]: shape})
    return Graph(tuple(_full(node, shapes[node.inputs[0]]) for node in graph.nodes))


def _full(node: Node, shape: tuple[int, ...]) -> Node:
    layer = node.layer
    if not isinstance(layer, Conv) or layer.filters.shape[1:] != shape[1:]:  # type: ignore[union-attr]
        return node
    flat = FullyConnected(layer.filters.reshape(len(layer.filters), -1), layer.biases)  # type: ignore[union-attr, arg-type]
    return Node(node.name, flat, node.inputs, node.outputs)
