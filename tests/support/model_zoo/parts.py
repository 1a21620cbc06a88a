"""What all models are made of: layers with random weights, and meta data."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from refvis.layers import BatchNorm, Conv, ConvTranspose

Weights = Callable[[tuple[int, ...], float, float], Any]
"""``(shape, mean, deviation) -> array``, float32."""

KEPT = (3, 21, 84, 1000, 2622)
"""Channels that stay as they are at any width: colours, classes, boxes."""
CEIL = (0, 1, 0, 1)
"""Caffe rounds the size of a pooled map up: models that come from there have a row and a column more at the end."""


def drawn(seed: int = 0) -> Weights:
    """Return normal weights."""
    random = np.random.default_rng(seed)

    def draw(shape: tuple[int, ...], mean: float, deviation: float) -> Any:
        array = random.standard_normal(shape, "float32")
        array *= deviation
        array += mean
        return array

    return draw


def shapes_only() -> Weights:
    """Return arrays that take no memory: one number, read again and again."""
    return lambda shape, mean, deviation: np.broadcast_to(np.zeros(1, "float32"), shape)


@dataclass(frozen=True)
class Maker:
    """Makes layers from `weights`, with all channels divided by `width`."""

    weights: Weights
    width: int = 1

    def channels(self, count: int) -> int:
        """Return how many of `count` channels there are at this width."""
        return count if count in KEPT else max(count // self.width, 1)

    def conv(self, count: int, size: int, depth: int, stride: int = 1, pad: Any = 0, biases: bool = True) -> Conv:
        """Return `count` filters of size x size x depth, which keep the size of what goes through."""
        k, c = self.channels(count), self.channels(depth)
        filters = self.weights((k, size, size, c), 0, (2 / (size * size * c)) ** 0.5)
        return Conv(filters, self.weights((k,), 0, 0.1) if biases else None, stride, pad)

    def upsampling(self, size: int, stride: int, channels: int) -> ConvTranspose:
        """Return a transposed convolution without biases that keeps the number of channels."""
        c = self.channels(channels)
        filters = self.weights((c, size, size, c), 0, stride / size / c**0.5)
        return ConvTranspose(filters, None, stride)

    def batch_norm(self, channels: int) -> BatchNorm:
        """Return a batch normalisation at given moments."""
        c = self.channels(channels)
        return BatchNorm(self.weights((c,), 1, 0.1), self.weights((c,), 0, 0.1), np.abs(self.weights((c, 2), 0, 1)) + 1)

    def meta(self, size: int, classes: int, average: str = "colour", border: int | None = None) -> dict[str, Any]:
        """Return meta data with `classes` names; the average is one "colour", or an "image" of the input's size."""
        shape = (3,) if average == "colour" else (size, size, 3)
        normalization: dict[str, Any] = {
            "imageSize": (size, size, 3),
            "averageImage": self.weights(shape, 117, 6),
            "interpolation": "bicubic",
            "keepAspect": True,
        }
        if border is not None:
            share = size / (size + border)
            normalization |= {"border": (border, border), "cropSize": (share, share)}
        names = {
            "name": [f"n{number:08}" for number in range(classes)],
            "description": [f"class {number}, of {classes}" for number in range(classes)],
        }
        return {"normalization": normalization, "classes": names}
