"""Single layers in sizes of known networks: forward, and forward with the gradient to the input."""

from typing import Any

import numpy as np

from benchmarks.rows import Row, compare
from benchmarks.work import of_layer
from refvis.layers import LRN, OPERATORS, Conv, FullyConnected, Pool, ReLU
from refvis.layers.base.exactness import TWINS


def cases() -> dict[str, tuple[Any, tuple[int, int, int], float | None, float | None]]:
    """Return by title: the layer, its input's H x W x C, and the goals for forward and for forward with gradient."""
    return {
        "conv 3 × 3, 56 × 56 × 256 to 256": (_conv(256, 3, 256, pad=1), (56, 56, 256), None, None),
        "conv 1 × 1, 28 × 28 × 512 to 128": (_conv(128, 1, 512), (28, 28, 512), 0.6, 0.6),
        "conv 11 × 11 / 4, 227 × 227 × 3 to 96": (_conv(96, 11, 3, stride=4), (227, 227, 3), None, None),
        "fully connected, 25088 to 4096": (FullyConnected(_normal(4096, 25088)), (7, 7, 512), 0.95, 0.95),
        "LRN 5, 27 × 27 × 256": (LRN(5, 1, 2e-5, 0.75), (27, 27, 256), None, 0.25),
        "max pool 3 × 3 / 2, 55 × 55 × 96": (Pool(3, 2), (55, 55, 96), None, None),
        "max pool 2 × 2 / 2, 224 × 224 × 64": (Pool(2, 2), (224, 224, 64), None, None),
        "ReLU, 112 × 112 × 128": (ReLU(), (112, 112, 128), None, None),
    }


def measure(rounds: int, quick: bool) -> list[Row]:
    """Return two rows for each layer."""
    rows = []
    for name, (layer, shape, *goals) in cases().items():
        work, operator = of_layer(layer, *shape), OPERATORS[type(layer)]
        has_twin = operator.forward in TWINS or operator.gradient in TWINS
        slow = (1 if quick else 3) if has_twin else 0  # without a twin both are the same
        for what, goal in zip(("forward", "gradient"), goals, strict=True):
            title = f"{name}: {'forward' if what == 'forward' else 'forward + gradient'}"
            rows.append(compare(title, getattr(work, what), work.others(what), rounds, goal, slow))
    return rows


def _normal(*shape: int) -> np.ndarray:
    return np.random.default_rng(1).standard_normal(shape, "float32") / np.float32(np.prod(shape[1:]) ** 0.5)


def _conv(count: int, size: int, depth: int, **geometry: Any) -> Conv:
    return Conv(_normal(count, size, size, depth), _normal(count, 1).ravel(), **geometry)
