"""The work that is timed: a graph with an input and a seed, here and in PyTorch."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from typing import Any

import numpy as np

from benchmarks.timing import Function
from refvis.layers import Graph, chain


@dataclass(frozen=True)
class Work:
    """A graph, its input (N x H x W x C, float32), and the seed of the backward pass, in the output's shape."""

    graph: Graph
    x: np.ndarray
    seed: np.ndarray

    def forward(self) -> np.ndarray:
        """Return the output."""
        y: np.ndarray = self.graph.forward(self.x).output
        return y

    def gradient(self) -> np.ndarray:
        """Return the gradient to the input, the forward pass included."""
        return self.backward("gradient")

    def backward(self, mode: Any) -> np.ndarray:
        """Return the signal at the input, the forward pass included."""
        trace = self.graph.forward(self.x)
        signal: np.ndarray = self.graph.backward(trace, {trace.ends[0]: self.seed}, mode)[self.graph.inputs[0]]
        return signal

    @cached_property
    def peers(self) -> Mapping[str, Any]:
        """The same work in PyTorch, by the name of its memory layout. Empty if PyTorch is not installed."""
        if find_spec("torch") is None:
            return {}
        from benchmarks.torch_work import LAYOUTS, TorchWork

        return {f"torch {name}": TorchWork(self.graph, self.x, self.seed, name) for name in LAYOUTS}

    def others(self, what: str) -> dict[str, Function]:
        """Return the peers' methods of that name, by peer."""
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
