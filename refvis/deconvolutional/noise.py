"""Noisy copies of an image, and the mean, mean square and variance of the signals at them."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from refvis.layers import Array, array_module


@dataclass(frozen=True)
class Noise:
    """Noisy copies: sigma as a share of the image's range, their number, the seed; the number computed at once."""

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


def mean(arrays: Iterator[Array]) -> Array:
    """Return the mean of arrays that come one by one."""
    total, count = next(arrays), 1
    for one in arrays:
        total, count = total + one, count + 1
    return total / count


def mean_square(arrays: Iterator[Array]) -> Array:
    """Return the mean of the squares."""
    return mean(one * one for one in arrays)


def variance(arrays: Iterator[Array]) -> Array:
    """Return the mean squared distance from the mean, updated array by array (Welford 1962). It is never negative.

    The difference q - m^2 of two large numbers would lose the digits that matter where the variance is small.
    """
    center = next(arrays)
    spread, count = center * 0, 1
    for one in arrays:
        count += 1
        away = one - center
        center = center + away / count
        spread = spread + away * (one - center)
    return spread / count
