"""Coalitions of segments: images that show some of their segments, and the levels of these images."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from tqdm import tqdm

from refvis.input_modification.masks.mask_objective import MaskObjective
from refvis.input_modification.masks.masks import blend, replacement_pyramids
from refvis.input_modification.segments.superpixels import label_segments, mean_colours
from refvis.layers import Array, array_module
from refvis.layers.base.arrays import to_host
from refvis.network import Network


@dataclass(frozen=True)
class SegmentedImage:
    """An image and its segments.

    x: 1 x H x W x C; segments: H x W, numbers 0 ... M - 1, on the host; description: a text that names them; pyramid:
    2 x H x W x C, the replacement and the image.
    """

    x: Array
    segments: Array
    description: str
    pyramid: Array

    @property
    def count(self) -> int:
        """The number of segments, M."""
        return int(self.segments.max()) + 1

    def levels(self, objective: MaskObjective, shown: Array, batch: int, title: str, progress: bool) -> Array:
        """Return the level of each unit for coalitions `shown` (B x M bool): B x units, float64 on the host."""
        levels = []
        with tqdm(total=len(shown), desc=title, unit="coalition", disable=None if progress else True) as bar:
            for first in range(0, len(shown), batch):
                m = shown[first : first + batch][:, self.segments, None].astype(self.x.dtype)
                inputs = blend(self.pyramid, array_module(self.x).asarray(m))
                levels.append(to_host(objective.levels(inputs)).astype("float64"))
                bar.update(len(m))
        return np.concatenate(levels)

    def paint(self, coefficients: Array) -> Array:
        """Return a map in which each segment has its coefficient (M x units): units x H x W x 1, like x."""
        maps = coefficients.T[:, self.segments, None].astype(self.x.dtype)
        return array_module(self.x).asarray(maps)


def segment_image(net: Network, x: Array, segments: Any, fill: Any, seed: int) -> SegmentedImage:
    """Return an image (1 x H x W x C) with its segments and their replacement.

    `segments` is that of `superpixels.label_segments`. `fill` is one of `fills`, drawn once, or "segment", the
    segment's mean colour.
    """
    labels, description = label_segments(segments, net.restore(x))
    replacement = mean_colours(x, labels) if isinstance(fill, str) and fill == "segment" else fill
    pyramids = replacement_pyramids(replacement, x, net.preparation, seed)
    return SegmentedImage(x, labels, description, pyramids(0))
