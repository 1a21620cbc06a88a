"""Random masks of RISE: bilinearly enlarged grids of zeros and ones, shifted by a random part of a cell."""

from dataclasses import dataclass
from math import ceil

import numpy as np

from refvis.layers import Array, ShapeError, array_module
from refvis.results.upsampling import upsample_bilinear


@dataclass(frozen=True)
class RandomMasks:
    """Number of masks, cells of their grid (y, x), probability that a cell is kept, and seed."""

    count: int
    cells: tuple[int, int]
    keep: float
    seed: int

    def __post_init__(self) -> None:
        """Check the values."""
        if self.count < 1:
            raise ValueError(f"masks is {self.count}, expected 1 or more")
        if not 0 < self.keep <= 1:
            raise ValueError(f"keep is {self.keep}, expected a probability above 0, at most 1")

    def draw(self, numbers: range, like: Array) -> Array:
        """Return the masks of those numbers for images `like` (N x H x W x C): len(numbers) x H x W x 1.

        A mask depends on the seed and its number, not on other masks. A cell has ceil(extent / cells) pixels. The grid
        is enlarged to one cell more than it has, and a window of the image's size is cut out at a random place.
        """
        xp, extent = array_module(like), like.shape[1:3]
        if self.cells[0] > extent[0] or self.cells[1] > extent[1]:
            raise ShapeError(
                f"cells is {self.cells}, expected at most one for each of {extent[0]} x {extent[1]} pixels"
            )
        cell = [ceil(pixels / count) for pixels, count in zip(extent, self.cells, strict=True)]
        rngs = [np.random.default_rng([self.seed, number]) for number in numbers]
        grids = np.stack([rng.random(self.cells) < self.keep for rng in rngs])[..., None].astype(like.dtype)
        starts = [(int(rng.integers(cell[0])), int(rng.integers(cell[1]))) for rng in rngs]
        large = upsample_bilinear(
            xp.asarray(grids), tuple(size * (n + 1) for size, n in zip(cell, self.cells, strict=True))
        )
        windows = [mask[y : y + extent[0], z : z + extent[1]] for mask, (y, z) in zip(large, starts, strict=True)]
        return xp.stack(windows)
