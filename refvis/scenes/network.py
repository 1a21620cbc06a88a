"""The bundled network: a small AlexNet for 64 x 64 scenes."""

from dataclasses import replace
from typing import Any

import numpy as np

from refvis.layers import LRN, Conv, Dropout, Graph, Layer, Pool, ReLU, Softmax, chain
from refvis.scenes.scene import CLASSES, SIDE

INPUT_SCALE = 64.0
"""Typical size of an input value (0 ... 255 minus its mean). Training inputs are divided by it."""


def new_network(random: np.random.Generator) -> Graph:
    """Return the untrained network: filters normal as in He et al. (2015), biases 0, float32.

    A small version of Krizhevsky et al. 2012: five convolutions (the second, fourth and fifth in two groups),
    overlapping max pooling, local response normalisation twice (after pooling, as in CaffeNet: a quarter of the work),
    two hidden fully connected layers with dropout.
    """
    halving = Pool(3, stride=2, pad=(0, 1, 0, 1))
    norm = LRN(size=5, kappa=1, alpha=0.05, beta=0.75)
    layers: dict[str, Layer] = {
        "conv1": _conv(random, (32, 7, 7, 3), stride=2, pad=3),
        "relu1": ReLU(),
        "pool1": halving,
        "norm1": norm,
        "conv2": _conv(random, (64, 5, 5, 16), pad=2),
        "relu2": ReLU(),
        "pool2": halving,
        "norm2": norm,
        "conv3": _conv(random, (96, 3, 3, 64), pad=1),
        "relu3": ReLU(),
        "conv4": _conv(random, (96, 3, 3, 48), pad=1),
        "relu4": ReLU(),
        "conv5": _conv(random, (64, 3, 3, 48), pad=1),
        "relu5": ReLU(),
        "pool5": halving,
        "fc6": _conv(random, (192, SIDE // 16, SIDE // 16, 64)),
        "relu6": ReLU(),
        "drop6": Dropout(0.5),
        "fc7": _conv(random, (128, 1, 1, 192)),
        "relu7": ReLU(),
        "drop7": Dropout(0.5),
        "fc8": _conv(random, (len(CLASSES), 1, 1, 128)),
        "prob": Softmax(),
    }
    return Graph(chain(layers))


def fold_input_scale(graph: Graph) -> Graph:
    """Return a network for unscaled inputs, from one trained on inputs / INPUT_SCALE: its first filters are divided."""
    first = graph.nodes[0]
    return Graph(
        (replace(first, layer=replace(first.layer, filters=first.layer.filters / INPUT_SCALE)), *graph.nodes[1:])
    )


def meta(average: Any) -> dict[str, Any]:
    """Return the model's meta data; `average` is the mean colour of the training scenes (3 values, 0 ... 255)."""
    return {
        "inputs": {"name": "data", "size": (SIDE, SIDE, 3, 1)},
        "classes": {"name": list(CLASSES), "description": list(CLASSES)},
        "normalization": {
            "imageSize": (SIDE, SIDE, 3, 1),
            "averageImage": np.asarray(average, "float32").reshape(1, 1, 3),
            "interpolation": "bicubic",
            "border": (0, 0),
            "cropSize": (1.0, 1.0),
            "keepAspect": False,
        },
    }


def _conv(random: np.random.Generator, shape: tuple[int, int, int, int], stride: int = 1, pad: int = 0) -> Conv:
    spread = np.sqrt(2 / np.prod(shape[1:]))
    filters = (random.standard_normal(shape) * spread).astype("float32")
    return Conv(filters, np.zeros(shape[0], "float32"), stride, pad)
