"""A chain of this project as a PyTorch module with the same weights, and its scores for images with boxes."""

from typing import Any

import numpy as np

from refvis.layers import LRN, Array, Conv, Graph, ReLU


def twin(graph: Graph) -> Any:
    """Return a chain of convolutions, ReLUs, LRN and maximum pooling, with symmetric pads, as a PyTorch module."""
    from torch import from_numpy, nn

    parts, depth = [], 3
    for node in graph.nodes:
        layer = node.layer
        if isinstance(layer, Conv):
            count, height, width, each = layer.filters.shape  # type: ignore[union-attr]
            pad = layer.pad[0], layer.pad[2]  # type: ignore[index,misc]
            part = nn.Conv2d(depth, count, (height, width), layer.stride, pad, groups=depth // each)
            part.weight.data = from_numpy(np.ascontiguousarray(layer.filters.transpose(0, 3, 1, 2)))  # type: ignore[union-attr]
            part.bias.data = from_numpy(layer.biases)
            depth = count
        elif isinstance(layer, LRN):
            part = nn.LocalResponseNorm(layer.size, layer.alpha * layer.size, layer.beta, layer.kappa)
        else:
            part = nn.ReLU(inplace=True) if isinstance(layer, ReLU) else nn.MaxPool2d(layer.size, layer.stride)
        parts.append(part)
    return nn.Sequential(*parts).eval()


def whole(module: Any, x: Array, places: list[Any], at_once: int, layout: Any) -> Array:
    """Return PyTorch's scores for each box of zeros, B x K, `at_once` in a batch."""
    import torch

    module, found = module.to(memory_format=layout), []
    image = torch.from_numpy(x).permute(0, 3, 1, 2)
    with torch.inference_mode():
        for first in range(0, len(places), at_once):
            part = places[first : first + at_once]
            batch = image.repeat(len(part), 1, 1, 1).contiguous(memory_format=layout)
            for one, ((top, bottom), (left, right)) in zip(batch, part, strict=True):
                one[:, top:bottom, left:right] = 0
            found.append(module(batch)[:, :, 0, 0].numpy())
    return np.concatenate(found)
