"""Networks that peers can run, too: random float64 weights, signed inputs with zeros, sizes pairwise different."""

from typing import Any

import numpy as np

from refvis.layers import BatchNorm, Conv, FullyConnected, Graph, Node, Pool, ReLU, Sum, chain

SHAPE = (2, 13, 11, 4)
"""Images, height, width and channels of the input."""
CLASSES = 5


class Maker:
    """Makes layers with random weights, all with biases or all without."""

    def __init__(self, seed: int, biases: bool) -> None:
        self.random, self.biases = np.random.default_rng(seed), biases

    def conv(self, count: int, height: int, width: int, channels: int, **geometry: Any) -> Conv:
        return Conv(*self.weights(count, height, width, channels), **geometry)

    def full(self, size: int) -> FullyConnected:
        return FullyConnected(*self.weights(CLASSES, size))

    def weights(self, *shape: int) -> tuple[np.ndarray, np.ndarray | None]:
        values = self.random.standard_normal(shape) / np.sqrt(np.prod(shape[1:]))
        return values, self.random.normal(0, 0.3, shape[0]) if self.biases else None

    def norm(self, channels: int) -> BatchNorm:
        moments = np.stack([self.random.normal(0, 0.3, channels), self.random.uniform(0.5, 2, channels)], axis=1)
        return BatchNorm(self.random.uniform(0.5, 2, channels), self.random.normal(0, 0.3, channels), moments)


def plain(seed: int, biases: bool) -> Graph:
    """conv, relu, max pool, conv, relu, fc, with pads, strides and groups."""
    make = Maker(seed, biases)
    return Graph(
        chain(
            {
                "conv1": make.conv(6, 3, 2, 4, pad=(1, 1, 0, 0)),  # 13 x 10
                "relu1": ReLU(),
                "pool1": Pool(3, 2),  # 6 x 4
                "conv2": make.conv(8, 3, 3, 3, pad=1, stride=(2, 1)),  # 3 x 4, two groups
                "relu2": ReLU(),
                "fc": make.full(3 * 4 * 8),
            }
        )
    )


def averaged(seed: int, biases: bool) -> Graph:
    """The same with average pooling, padded, and a dilated convolution."""
    make = Maker(seed, biases)
    return Graph(
        chain(
            {
                "conv1": make.conv(6, 3, 2, 4, pad=(1, 1, 0, 0)),  # 13 x 10
                "relu1": ReLU(),
                "pool1": Pool(3, 2, 1, "avg"),  # 7 x 5
                "conv2": make.conv(8, 2, 3, 6, dilate=(3, 1)),  # 4 x 3
                "relu2": ReLU(),
                "fc": make.full(4 * 3 * 8),
            }
        )
    )


def residual(seed: int, biases: bool) -> Graph:
    """A sum of a convolution's output and of what it read."""
    make = Maker(seed, biases)
    return Graph(
        (
            Node("conv1", make.conv(6, 3, 2, 4, stride=2), "x", "a"),  # 6 x 5
            Node("relu1", ReLU(), "a", "b"),
            Node("conv2", make.conv(6, 3, 3, 6, pad=1), "b", "c"),
            Node("sum", Sum(), ("b", "c"), "d"),
            Node("relu2", ReLU(), "d", "e"),
            Node("fc", make.full(6 * 5 * 6), "e", "scores"),
        )
    )


def normalised(seed: int, biases: bool) -> Graph:
    """Batch normalisation, with given moments, between convolution and ReLU."""
    make = Maker(seed, biases)
    return Graph(
        chain(
            {
                "conv1": make.conv(6, 3, 2, 4, stride=2),  # 6 x 5
                "norm1": make.norm(6),
                "relu1": ReLU(),
                "conv2": make.conv(8, 3, 3, 6),  # 4 x 3
                "relu2": ReLU(),
                "fc": make.full(4 * 3 * 8),
            }
        )
    )


NETS = {"plain": plain, "averaged": averaged, "residual": residual, "normalised": normalised}


def signed(seed: int, zeros: float = 0.1) -> np.ndarray:
    """Return signed normal values (float64), a share of them exactly zero, as after subtracting an average image."""
    random = np.random.default_rng(1000 + seed)
    return random.standard_normal(SHAPE) * (random.random(SHAPE) >= zeros)
