"""Sums over random masks, and the map of RISE that they give: the mean level of the masks that show a pixel."""

import math
from dataclasses import dataclass
from typing import Self

import numpy as np

from refvis.layers import Array, array_module
from refvis.layers.base.arrays import to_host

NORMALISATIONS = ("centred", "sampled", "expected")
"""Divide by each pixel's own sum of masks, and subtract the mean level ("centred") or not ("sampled"), or divide by
the expected sum of masks ("expected")."""


@dataclass(frozen=True)
class MaskSums:
    """The number of masks that are done, and sums over the even and over the odd masks, in float64.

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

    def plus(self, levels: Array, m: Array) -> Self:
        """Return the sums with the next masks m (B x H x W x 1) and their `levels` (B x rows) added."""
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
        """Return the mean level of the masks that show each pixel, rows x H x W, by one of `NORMALISATIONS`."""
        levels, shown, masks = (part.sum(axis=0) for part in (self.levels, self.shown, self.masks))
        return _normalise(levels, shown, masks, self.done, normalise, keep)

    def measures(self, normalise: str, keep: float) -> dict[str, Array]:
        """Return for each row the mean level, and the correlation of the even masks' map with the odd masks' map."""
        counts = self.done - self.done // 2, max(self.done // 2, 1)
        halves = zip(self.levels, self.shown, self.masks, counts, strict=True)
        even, odd = (to_host(_normalise(*half, normalise, keep)) for half in halves)
        agreement = [_correlation(*pair) for pair in zip(even, odd, strict=True)]
        return {"mean": to_host(self.levels.sum(axis=0)) / self.done, "agreement": np.array(agreement)}


def _normalise(levels: Array, shown: Array, masks: Array, count: int, normalise: str, keep: float) -> Array:
    """Return the map from sums over `count` masks. Divided by its own sum of masks, a pixel that no mask shows is 0."""
    if normalise == "expected":
        return shown / (keep * count)
    xp = array_module(levels, shown, masks)
    constant = levels[:, None, None] / count if normalise == "centred" else 0
    return xp.where(masks > 0, shown / xp.where(masks > 0, masks, 1) - constant, 0)


def _correlation(first: Array, second: Array) -> float:
    """Return the correlation of two maps; NaN if one of them is constant."""
    first, second = first - first.mean(), second - second.mean()
    size = math.sqrt(float((first * first).sum()) * float((second * second).sum()))
    return float((first * second).sum()) / size if size else math.nan
