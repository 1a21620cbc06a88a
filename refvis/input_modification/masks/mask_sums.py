"""Sums of masks and of levels times masks, and the mean level where a mask shows a pixel that they estimate."""

import math
from dataclasses import dataclass
from typing import Self

import numpy as np

from refvis.layers import Array, array_module

NORMALISATIONS = ("centred", "sampled", "expected")
"""Divided by the masks' own sum, less the mean level ("centred") or not ("sampled"), or by the sum that is expected."""


@dataclass(frozen=True)
class MaskSums:
    """How many masks are done, and sums over those with an even and over those with an odd number, in float64.

    levels: the sum of f, 2 x rows; shown: the sum of f M, 2 x rows x H x W; masks: the sum of M, 2 x H x W.
    """

    done: int
    levels: Array
    shown: Array
    masks: Array

    @classmethod
    def empty(cls, rows: int, like: Array) -> Self:
        """Return the sums over no masks for images `like` (N x H x W x C)."""
        xp, extent = array_module(like), like.shape[1:3]
        return cls(0, xp.zeros((2, rows)), xp.zeros((2, rows, *extent)), xp.zeros((2, *extent)))

    def added(self, levels: Array, m: Array) -> Self:
        """Return the sums with those of the next masks m (B x H x W x 1) and their `levels` (B x rows)."""
        xp = array_module(levels, m)
        levels, m = levels.astype("float64"), m[..., 0].astype("float64")
        halves = [slice((half - self.done) % 2, None, 2) for half in (0, 1)]
        return type(self)(
            self.done + len(m),
            self.levels + xp.stack([levels[half].sum(axis=0) for half in halves]),
            self.shown + xp.stack([xp.tensordot(levels[half].T, m[half], 1) for half in halves]),
            self.masks + xp.stack([m[half].sum(axis=0) for half in halves]),
        )

    def maps(self, normalise: str, keep: float) -> Array:
        """Return the mean level where each pixel is shown, rows x H x W, by one of `NORMALISATIONS`."""
        levels, shown, masks = (part.sum(axis=0) for part in (self.levels, self.shown, self.masks))
        return _divided(levels, shown, masks, self.done, normalise, keep)

    def measures(self, normalise: str, keep: float) -> dict[str, Array]:
        """Return for each row the mean level, and the correlation of the even masks' map with the odd masks' one."""
        counts = self.done - self.done // 2, max(self.done // 2, 1)
        each = zip(self.levels, self.shown, self.masks, counts, strict=True)
        even, odd = (_host(_divided(*half, normalise, keep)) for half in each)
        agreement = [_correlation(*pair) for pair in zip(even, odd, strict=True)]
        return {"mean": _host(self.levels.sum(axis=0)) / self.done, "agreement": np.array(agreement)}


def _divided(levels: Array, shown: Array, masks: Array, count: int, normalise: str, keep: float) -> Array:
    """Return the map of sums over `count` masks; where it divides by their sum, a pixel that none shows has 0."""
    if normalise == "expected":
        return shown / (keep * count)
    xp = array_module(levels, shown, masks)
    constant = levels[:, None, None] / count if normalise == "centred" else 0
    return xp.where(masks > 0, shown / xp.where(masks > 0, masks, 1) - constant, 0)


def _host(values: Array) -> Array:
    return values.get() if hasattr(values, "get") else values


def _correlation(first: Array, second: Array) -> float:
    """Return the correlation of two maps; NaN where one of them is constant."""
    first, second = first - first.mean(), second - second.mean()
    size = math.sqrt(float((first * first).sum()) * float((second * second).sum()))
    return float((first * second).sum()) / size if size else math.nan
