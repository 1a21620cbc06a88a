"""A graph of this project as a PyTorch module with the same weights, and arrays back and forth."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from refvis.layers import LRN, BatchNorm, Concat, Conv, FullyConnected, Graph, Pool, ReLU, Sum


class TorchNet(torch.nn.Module):
    """The graph, one module for each node by its name; `addition` makes the module that adds two values.

    It computes in the dtype of the graph's parameters.
    """

    def __init__(self, graph: Graph, shape: tuple[int, ...], addition: Callable[[], torch.nn.Module]) -> None:
        super().__init__()
        self.graph, shapes = graph, graph.shapes(**{graph.inputs[0]: shape})
        made = {n.name: _module(n.layer, shapes[n.inputs[0]], addition) for n in graph.nodes}
        self.steps = torch.nn.ModuleDict(made)
        self.eval()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the scores (N x K) for x (N x C x H x W)."""
        values = {self.graph.inputs[0]: x}
        for node in self.graph.nodes:
            inputs = [values[name] for name in node.inputs]
            if isinstance(node.layer, FullyConnected):
                inputs = [inputs[0].flatten(1)]
            values[node.output] = self.steps[node.name](*inputs)
        return values[self.graph.outputs[0]]


class Concatenated(torch.nn.Module):
    """All channels of several values, one after the other."""

    def forward(self, *values: torch.Tensor) -> torch.Tensor:
        return torch.cat(values, dim=1)


def to_torch(x: np.ndarray) -> torch.Tensor:
    """Return N x H x W x C as a tensor N x C x H x W of its own, which asks for its gradient."""
    return torch.tensor(x.transpose(0, 3, 1, 2).copy(), requires_grad=True)


def from_torch(x: torch.Tensor) -> np.ndarray:
    """Return a tensor N x C x H x W as N x H x W x C."""
    return x.detach().numpy().transpose(0, 2, 3, 1)


def _module(layer: Any, shape: tuple[int, ...], addition: Callable[[], torch.nn.Module]) -> torch.nn.Module:
    """Return the module for a layer that reads N x H x W x C of that shape; pads as PyTorch has them."""
    if isinstance(layer, Conv):
        return _conv(layer, shape[3])
    if isinstance(layer, FullyConnected):
        return _full(layer, shape)
    if isinstance(layer, BatchNorm):
        return _norm(layer)
    if isinstance(layer, Pool):
        return _pool(layer)
    if isinstance(layer, LRN):
        return torch.nn.LocalResponseNorm(layer.size, layer.size * layer.alpha, layer.beta, layer.kappa)
    return {ReLU: torch.nn.ReLU, Sum: addition, Concat: Concatenated}[type(layer)]()


def _conv(layer: Conv, channels: int) -> torch.nn.Module:
    count, height, width, depth = layer.filters.shape
    made = torch.nn.Conv2d(
        channels,
        count,
        (height, width),
        layer.stride,
        _symmetric(layer.pad),
        layer.dilate,
        channels // depth,
        bias=layer.biases is not None,
    )
    return _filled(made, layer.filters.transpose(0, 3, 1, 2), layer.biases)


def _full(layer: FullyConnected, shape: tuple[int, ...]) -> torch.nn.Module:
    """PyTorch flattens C x H x W, this project H x W x C."""
    count, size = layer.weights.shape
    weights = layer.weights.reshape(count, *shape[1:]).transpose(0, 3, 1, 2).reshape(count, size)
    return _filled(torch.nn.Linear(size, count, bias=layer.biases is not None), weights, layer.biases)


def _pool(layer: Pool) -> torch.nn.Module:
    """A row and a column more at the end, in steps of two, are the rounding up that models from Caffe come with."""
    top, bottom, left, right = layer.pad
    up = (bottom - top, right - left) == (1, 1) and layer.stride == (2, 2)
    geometry = layer.size, layer.stride, (top, left) if up else _symmetric(layer.pad)
    if layer.method == "max":
        return torch.nn.MaxPool2d(*geometry, ceil_mode=up)
    return torch.nn.AvgPool2d(*geometry, ceil_mode=up, count_include_pad=False)


def _norm(layer: BatchNorm) -> torch.nn.Module:
    made = torch.nn.BatchNorm2d(len(layer.scale), layer.epsilon)
    mean, sigma = layer.moments.T
    made.running_mean, made.running_var = torch.tensor(mean.copy()), torch.tensor(sigma**2 - layer.epsilon)
    return _filled(made, layer.scale, layer.offset)


def _filled(module: torch.nn.Module, weights: np.ndarray, biases: np.ndarray | None) -> torch.nn.Module:
    module.weight.data = torch.tensor(weights.copy())
    if biases is not None:
        module.bias.data = torch.tensor(biases.copy())
    return module


def _symmetric(pad: Any) -> tuple[int, int]:
    top, bottom, left, right = pad
    if (top, left) != (bottom, right):
        raise ValueError(f"pad is {pad}, expected top = bottom and left = right: PyTorch has no other")
    return top, left
