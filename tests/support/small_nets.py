"""Small networks made by hand, whose heights, widths, channels and filters are pairwise different."""

from typing import Any

import numpy as np

import refvis
from refvis.layers import LRN, Conv, Dropout, Pool, ReLU, Softmax

SIZE = (13, 11, 3)
"""Height, width and channels of the input."""
LABELS = ["ant", "bee", "cat", "dog", "elk", "fox", "gnu"]
AVERAGE = np.array([120.0, 110.0, 100.0], "float32")


def conv(random: np.random.Generator, shape: tuple[int, int, int, int], biases: bool = True, **geometry: Any) -> Conv:
    """Return a convolution with normal filters that keep the size of its input, float32."""
    filters = random.standard_normal(shape) / np.sqrt(np.prod(shape[1:]))
    return Conv(
        filters.astype("float32"), random.normal(0, 0.1, shape[0]).astype("float32") if biases else None, **geometry
    )


def meta(average: Any = AVERAGE, **normalization: Any) -> dict[str, Any]:
    """Return the meta data of the classifier."""
    return {
        "classes": {"name": list(LABELS), "description": list(LABELS)},
        "normalization": {"imageSize": SIZE, "averageImage": average, "interpolation": "bicubic", **normalization},
    }


def classifier(biases: bool = True, seed: int = 5, name: str = "small", norm: bool = True) -> refvis.Network:
    """Return a chain of conv, relu, lrn, pool, dropout and softmax for 13 x 11 x 3 images and 7 classes."""
    random = np.random.default_rng(seed)
    layers: dict[str, Any] = {
        "conv1": conv(random, (8, 3, 3, 3), biases, pad=1),
        "relu1": ReLU(),
        "norm1": LRN(5, 1, 0.05, 0.75),
        "pool1": Pool(3, 2, (0, 1, 0, 1)),
        "conv2": conv(random, (10, 3, 3, 4), biases),
        "relu2": ReLU(),
        "drop2": Dropout(0.5),
        "fc3": conv(random, (7, 4, 3, 10), biases),
        "prob": Softmax(),
    }
    if not norm:
        del layers["norm1"]
    return refvis.chain(layers, meta(), name)


def linear(seed: int = 3, dtype: str = "float64") -> refvis.Network:
    """Return one layer without biases that sees the whole 13 x 11 x 3 image: 5 weighted sums."""
    weights = np.random.default_rng(seed).standard_normal((5, *SIZE)).astype(dtype)
    return refvis.chain({"sum": Conv(weights)})


def inputs(count: int = 1, dtype: str = "float32", seed: int = 0, size: tuple[int, int, int] = SIZE) -> np.ndarray:
    """Return prepared images of values about -100 ... 100."""
    return np.random.default_rng(seed).normal(0, 40, (count, *size)).astype(dtype)
