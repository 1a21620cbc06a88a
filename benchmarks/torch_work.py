"""The same work in PyTorch, on the CPU in float32, in either of its memory layouts. This module needs PyTorch."""

import numpy as np
import torch
from support.peers.torch_nets import TorchNet, to_torch

from benchmarks.full_layers import with_full_layers
from refvis.layers import Graph

LAYOUTS = {"NCHW": torch.contiguous_format, "NHWC": torch.channels_last}


class Added(torch.nn.Module):
    """a + b."""

    def forward(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        """Return the sum."""
        return a + b


def model(graph: Graph, shape: tuple[int, ...], addition: type = Added) -> TorchNet:
    """Return the graph as a module whose parameters need no gradient."""
    return TorchNet(with_full_layers(graph, shape), shape, addition).requires_grad_(False)


class TorchWork:
    """The same work as `Work`, with results as N x H x W x C."""

    def __init__(self, graph: Graph, x: np.ndarray, seed: np.ndarray, layout: str) -> None:
        self.memory = LAYOUTS[layout]
        self.net = model(graph, x.shape).to(memory_format=self.memory)
        self.x = to_torch(x).detach().to(memory_format=self.memory).requires_grad_(True)
        self.shape = seed.shape
        self.seed = torch.tensor(seed.transpose(0, 3, 1, 2).copy())

    def forward(self) -> np.ndarray:
        """Return the output, without a graph for the backward pass."""
        with torch.inference_mode():
            return to_nhwc(self.net(self.x), self.shape)

    def scores(self, x: np.ndarray) -> np.ndarray:
        """Return the scores of other images, N x K."""
        with torch.inference_mode():
            return self.net(to_torch(x).contiguous(memory_format=self.memory)).flatten(1).numpy()

    def gradient(self) -> np.ndarray:
        """Return the gradient to the input, by torch.autograd."""
        y = self.net(self.x)
        (dx,) = torch.autograd.grad(y, self.x, self.seed.reshape(y.shape))
        return dx.numpy().transpose(0, 2, 3, 1)


def to_nhwc(y: torch.Tensor, shape: tuple[int, ...]) -> np.ndarray:
    """Return a tensor, N x K or N x K x H x W, as an array of `shape`, N x H x W x K."""
    n, height, width, channels = shape
    return y.numpy().reshape(n, channels, height, width).transpose(0, 2, 3, 1)
