"""Coalitions of segments: which of an image's segments are shown, and the levels of the images that they make."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from tqdm import tqdm

from refvis.input_modification.masks.mask_objective import Watched
from refvis.input_modification.masks.masks import mixed, replacements
from refvis.input_modification.segments.superpixels import means, segmented
from refvis.layers import Array, array_module
from refvis.layers.base.arrays import moved
from refvis.network import Network


@dataclass(frozen=True)
class Pieces:
    """An image (1 x H x W x C) in pieces: `segments` (H x W, 0 ... M - 1, on the host), what they are, the levels."""

    x: Array
    segments: Array
    words: str
    levels: Array

    @property
    def count(self) -> int:
        """How many segments there are."""
        return int(self.segments.max()) + 1

    def played(self, seen: Watched, shown: Array, batch: int, title: str, progress: bool) -> Array:
        """Return the level of each unit for coalitions `shown` (B x M bool): B x units, float64 on the host."""
        found = []
        with tqdm(total=len(shown), desc=title, unit="coalition", disable=None if progress else True) as bar:
            for first in range(0, len(shown), batch):
                m = shown[first : first + batch][:, self.segments, None].astype(self.x.dtype)
                inputs = mixed(self.levels, array_module(self.x).asarray(m))
                found.append(moved(seen.levels(inputs), "numpy").astype("float64"))
                bar.update(len(m))
        return np.concatenate(found)

    def painted(self, coefficients: Array) -> Array:
        """Return a map in which each segment has its coefficient (M x units): units x H x W x 1, like x."""
        maps = coefficients.T[:, self.segments, None].astype(self.x.dtype)
        return array_module(self.x).asarray(maps)


def pieces(net: Network, x: Array, segments: Any, fill: Any, seed: int) -> Pieces:
    """Return an image (1 x H x W x C) in pieces, with what a hidden one becomes.

    `segments` as in `superpixels.segmented`; `fill` is one of `fills`, drawn once, or "segment": its mean colour.
    """
    labels, words = segmented(segments, net.restore(x))
    other = means(x, labels) if isinstance(fill, str) and fill == "segment" else fill
    return Pieces(x, labels, words, replacements(other, x, net.normalization.get("averageImage"), seed)(0))
