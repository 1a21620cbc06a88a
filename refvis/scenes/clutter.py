"""What a scene holds besides its object: thin strokes, specks and blobs, and distractors that belong to no class."""

from typing import NamedTuple

import numpy as np

from refvis.scenes.primitives import Field, box, capsule, disc, ellipse, ring, union
from refvis.scenes.rng import Dice, between, count, direction, pick

GAP = 2.0
"""Pixels that stay free between a distractor and the object or another distractor."""


class Spot(NamedTuple):
    """A disc: its centre and radius in pixels."""

    x: float
    y: float
    reach: float

    def window(self) -> tuple[slice, slice]:
        """Return the rows and columns that hold the disc; what lies beyond the picture's end is cut off by slicing."""
        first_row, first_column = max(0, int(self.y - self.reach) - 1), max(0, int(self.x - self.reach) - 1)
        return slice(first_row, int(self.y + self.reach) + 2), slice(first_column, int(self.x + self.reach) + 2)


def stroke(dice: Dice, x: Field, y: Field) -> Field:
    """Signed distance to a thin straight line."""
    start, (across, down), run = _spot(dice, x), direction(dice), between(dice, 8.0, 34.0)
    return capsule(x, y, start, (start[0] + run * across, start[1] + run * down), between(dice, 0.4, 0.9))


def speck(dice: Dice, x: Field, y: Field) -> Field:
    """Signed distance to a tiny disc."""
    return disc(x, y, _spot(dice, x), between(dice, 0.6, 1.6))


def blob(dice: Dice, x: Field, y: Field) -> Field:
    """Signed distance to two discs that overlap."""
    at, radius, (across, down) = _spot(dice, x), between(dice, 2.5, 6.0), direction(dice)
    return union(disc(x, y, at, radius), disc(x, y, (at[0] + radius * across, at[1] + radius * down), 0.7 * radius))


def free_spot(dice: Dice, room: Field) -> Spot | None:
    """Return a disc that keeps its distance from everything, or None where the picture is too full.

    `room` is the distance of each pixel to whatever must not be touched. The centre may lie near the border, where
    only a fragment of a distractor shows.
    """
    reach = between(dice, 4.0, 11.0)
    free = np.flatnonzero(room > reach + GAP)
    if free.size == 0:
        return None
    row, column = divmod(int(free[count(dice, 0, free.size - 1)]), room.shape[1])
    return Spot(column + 0.5, row + 0.5, reach)


def distractor(dice: Dice, x: Field, y: Field, spot: Spot) -> Field:
    """Signed distance to an ellipse, bar, ring or slab of any direction that fills the disc `spot`."""
    across, down = direction(dice)
    right, below, reach = x - spot.x, y - spot.y, spot.reach
    u, v = right * across + below * down, below * across - right * down
    kind = pick(dice, ("ellipse", "bar", "ring", "slab"))
    if kind == "ellipse":
        return ellipse(u, v, (0.0, 0.0), (0.95 * reach, reach * between(dice, 0.45, 0.9)))
    if kind == "bar":
        return box(u, v, (0.0, 0.0), (0.95 * reach, 0.2 * reach), rounding=0.2 * reach)
    if kind == "ring":
        return ring(u, v, (0.0, 0.0), 0.75 * reach, 0.4 * reach)
    return box(u, v, (0.0, 0.0), (0.75 * reach, 0.6 * reach), rounding=0.15 * reach)


def _spot(dice: Dice, x: Field) -> tuple[float, float]:
    return between(dice, 0.0, x.shape[1]), between(dice, 0.0, x.shape[0])
