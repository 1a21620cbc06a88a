"""Noisy copies of an image, and what is made of the signals at them."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from refvis.layers import Array, array_module


@dataclass(frozen=True)
class Noise:
    """How noisy copies are drawn: sigma as a share of the image's range, how many, the seed; how many at once."""

    share: float
    samples: int
    seed: int
    batch: int | None

    def __post_init__(self) -> None:
        """Check the values."""
        if not (np.isfinite(self.share) and self.share >= 0):
            raise ValueError(f"noise is {self.share}, expected a share of the image's range, 0 or more")
        if self.samples < 1:
            raise ValueError(f"samples is {self.samples}, expected 1 or more")

    def copy(self, x: Array, number: int) -> Array:
        """Return noisy copy `number` of one image; it depends on the seed and the number, not on other copies."""
        drawn = np.random.default_rng([self.seed, number]).standard_normal(x.shape)
        return x + array_module(x).asarray(drawn.astype(x.dtype)) * (self.share * float(x.max() - x.min()))


def mean(found: Iterator[Array]) -> Array:
    """Return the mean of arrays that come one by one."""
    total, count = next(found), 1
    for one in found:
        total, count = total + one, count + 1
    return total / count


def mean_square(found: Iterator[Array]) -> Array:
    """Return the mean of the squares."""
    return mean(one * one for one in found)


def variance(found: Iterator[Array]) -> Array:
    """Return the mean squared distance from the mean, updated value by value (Welford 1962), so that it is never < 0.

    The difference q - m^2 of two large numbers would lose the digits that matter where the variance is small.
    """
    first = next(found)
    middle, spread, count = first, first * 0, 1
    for one in found:
        count += 1
        away = one - middle
        middle = middle + away / count
        spread = spread + away * (one - middle)
    return spread / count
