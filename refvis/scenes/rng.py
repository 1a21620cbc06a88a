"""Random numbers for scenes, all from ``Generator.random``, the method whose stream is easiest to keep stable."""

import math
from collections.abc import Sequence
from typing import TypeAlias, TypeVar

import numpy as np

Rng: TypeAlias = np.random.Generator
Item = TypeVar("Item")


def uniform(rng: Rng, low: float, high: float) -> float:
    """Return a uniformly distributed number from `low` to `high`."""
    return low + (high - low) * float(rng.random())


def integer(rng: Rng, low: int, high: int) -> int:
    """Return a uniformly distributed integer from `low` to `high`, both included."""
    return low + int((high - low + 1) * float(rng.random()))


def chance(rng: Rng, probability: float) -> bool:
    """Return True with this `probability`."""
    return float(rng.random()) < probability


def choice(rng: Rng, items: Sequence[Item]) -> Item:
    """Return one of the `items`, all equally likely."""
    return items[integer(rng, 0, len(items) - 1)]


def direction(rng: Rng) -> tuple[float, float]:
    """Return a unit vector (x, y) with a uniformly distributed angle."""
    angle = uniform(rng, 0.0, 2 * math.pi)
    return math.cos(angle), math.sin(angle)
