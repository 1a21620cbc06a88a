"""The share of a map's positive values inside the object, and whether its largest value is inside."""

import time
from collections.abc import Callable, Iterable
from itertools import islice
from typing import NamedTuple

import numpy as np

from refvis import Network
from refvis.layers import Array
from refvis.scenes import TEST_SEEDS, Scene, scene

NEARLY = 1e-3
"""Share of the largest value by which another may be smaller and still count as largest."""


def share_inside(relevance: Array, mask: Array) -> float:
    """Return the share of a map's positive values inside the mask (both H x W); NaN if no value is positive."""
    positive = np.maximum(relevance.astype("float64"), 0)
    total = positive.sum()
    return float(positive[mask].sum() / total) if total > 0 else float("nan")


def points_inside(relevance: Array, mask: Array) -> float:
    """Return whether the map's largest value is inside the mask (1 or 0): the pointing game.

    Of several that are nearly as large (a mask's plateau), the share inside: rounding decides which is the largest.
    """
    return float(mask[relevance >= relevance.max() - NEARLY * abs(relevance.max())].mean())


def classified_rightly(net: Network, seeds: Iterable[int] = TEST_SEEDS) -> Iterable[tuple[Scene, Array]]:
    """Yield the held-out scenes that the network classifies rightly, with their inputs."""
    for seed in seeds:
        made = scene(seed)
        x = net.preprocess(made.image)
        if int(net.forward(x)[net.scores].argmax()) == made.label:
            yield made, x


class Measures(NamedTuple):
    """For each scene: the share inside, whether the largest value is inside, and seconds of processor time."""

    shares: Array
    points: Array
    seconds: Array


def measure(
    net: Network, explain: Callable[[Network, Array, int], Array], scenes: Iterable[tuple[Scene, Array]], count: int
) -> Measures:
    """Explain the right class of the first `count` scenes, one at a time."""
    rows = []
    for made, x in islice(scenes, count):
        start = time.process_time()
        relevance = explain(net, x, made.label)
        seconds = time.process_time() - start
        rows.append((share_inside(relevance, made.mask), points_inside(relevance, made.mask), seconds))
    return Measures(*np.array(rows, float).T)


def mean(values: Array) -> tuple[float, float]:
    """Return mean and standard error of the values that are numbers."""
    kept = values[np.isfinite(values)]
    return float(kept.mean()), float(kept.std(ddof=1) / np.sqrt(kept.size))
