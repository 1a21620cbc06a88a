"""Sources of the numbers of a case: a seeded generator, or hypothesis, which also shrinks them.

A kind draws its geometry through a `Chooser` and does not know which of the two it is. Arrays are drawn whole from a
seed: hypothesis refuses arrays of more than some thousand values, and shrinks integers well.
"""

import random
from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar

Item = TypeVar("Item")


class Chooser(Protocol):
    """Draws whole numbers and items. Smaller numbers and earlier items are simpler."""

    def integer(self, low: int, high: int) -> int:
        """Return a whole number of low ... high."""
        ...

    def choice(self, items: Sequence[Item]) -> Item:
        """Return one of the items."""
        ...


class Seeded:
    """Draws from a seeded generator: same seed, same numbers."""

    def __init__(self, seed: int) -> None:
        """Take the seed."""
        self._random = random.Random(seed)

    def integer(self, low: int, high: int) -> int:
        """Return a whole number of low ... high, all equally likely."""
        return self._random.randint(low, high)

    def choice(self, items: Sequence[Item]) -> Item:
        """Return one of the items, all equally likely."""
        return items[self.integer(0, len(items) - 1)]


class Small(Seeded):
    """Draws as `Seeded`, but three times out of five the smallest number."""

    def integer(self, low: int, high: int) -> int:
        """Return a whole number of low ... high, most often low."""
        return low if self._random.random() < 0.6 else self._random.randint(low, high)


class Drawn:
    """Draws by hypothesis: `draw` is what a composite strategy gets."""

    def __init__(self, draw: Callable[[Any], Any]) -> None:
        """Take hypothesis' function."""
        from hypothesis import strategies

        self._draw, self._strategies = draw, strategies

    def integer(self, low: int, high: int) -> int:
        """Return a whole number of low ... high; it shrinks towards low."""
        return int(self._draw(self._strategies.integers(low, high)))

    def choice(self, items: Sequence[Item]) -> Item:
        """Return one of the items; it shrinks towards the first."""
        return items[self.integer(0, len(items) - 1)]
