"""Random numbers for scenes, all from ``Generator.random``: the one method whose stream is simplest to keep stable."""

import math
from collections.abc import Sequence
from typing import TypeAlias, TypeVar

import numpy as np

Dice: TypeAlias = np.random.Generator
Item = TypeVar("Item")


def between(dice: Dice, low: float, high: float) -> float:
    """Return a uniform number from `low` to `high`."""
    return low + (high - low) * float(dice.random())


def count(dice: Dice, low: int, high: int) -> int:
    """Return a uniform whole number from `low` to `high`, both included."""
    return low + int((high - low + 1) * float(dice.random()))


def chance(dice: Dice, probability: float) -> bool:
    """Return True with this `probability`."""
    return float(dice.random()) < probability


def pick(dice: Dice, items: Sequence[Item]) -> Item:
    """Return one of the `items`, all equally likely."""
    return items[count(dice, 0, len(items) - 1)]


def direction(dice: Dice) -> tuple[float, float]:
    """Return a unit vector (x, y) of uniform angle."""
    angle = between(dice, 0.0, 2 * math.pi)
    return math.cos(angle), math.sin(angle)
