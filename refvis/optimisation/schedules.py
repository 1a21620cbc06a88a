"""Schedules: the factor of an optimiser's rate at each step, counted from 1."""

from dataclasses import dataclass
from math import cos, pi
from typing import Protocol


class Schedule(Protocol):
    """A schedule of the rate."""

    def factor(self, number: int, steps: int) -> float:
        """Return the factor of the rate at step `number` of `steps`."""
        ...


@dataclass(frozen=True)
class Constant:
    """The same rate at every step.

    >>> from refvis.optimisation.schedules import Constant
    >>> Constant().factor(number=3, steps=4)
    1.0
    """

    def factor(self, number: int, steps: int) -> float:
        """Return 1."""
        return 1.0


@dataclass(frozen=True)
class Cosine:
    """From the full rate to zero along half a cosine: (1 + cos(pi (number - 1) / steps)) / 2.

    >>> from refvis.optimisation.schedules import Cosine
    >>> [round(Cosine().factor(number, steps=4), 2) for number in (1, 2, 3, 4)]
    [1.0, 0.85, 0.5, 0.15]
    """

    def factor(self, number: int, steps: int) -> float:
        """Return the factor."""
        return (1 + cos(pi * (number - 1) / steps)) / 2


@dataclass(frozen=True)
class Dropped:
    """The full rate, then `factor_at_end` of it for the last `share` of the steps.

    The defaults are those of Mahendran & Vedaldi 2016: 300 steps, and 50 at a tenth.

    >>> from refvis.optimisation.schedules import Dropped
    >>> [Dropped(share=0.5).factor(number, 4) for number in (1, 2, 3, 4)]
    [1.0, 1.0, 0.1, 0.1]
    """

    share: float = 1 / 7
    factor_at_end: float = 0.1

    def factor(self, number: int, steps: int) -> float:
        """Return 1, or the factor at the end."""
        return 1.0 if number <= round(steps * (1 - self.share)) else self.factor_at_end
