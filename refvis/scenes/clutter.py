"""Clutter of a scene: thin strokes, specks and blobs, and distractors that belong to no class."""

from typing import NamedTuple

import numpy as np

from refvis.scenes.primitives import Field, box, capsule, disc, ellipse, ring, union
from refvis.scenes.rng import Rng, choice, direction, integer, uniform

GAP = 2.0
"""Pixels that stay free between a distractor and the object or another distractor."""


class Spot(NamedTuple):
    """A disc: its centre and radius in pixels."""

    x: float
    y: float
    radius: float

    def window(self) -> tuple[slice, slice]:
        """Return the rows and columns that hold the disc; they may end beyond the picture, where slicing cuts them."""
        first_row, first_column = max(0, int(self.y - self.radius) - 1), max(0, int(self.x - self.radius) - 1)
        return slice(first_row, int(self.y + self.radius) + 2), slice(first_column, int(self.x + self.radius) + 2)


def stroke(rng: Rng, x: Field, y: Field) -> Field:
    """Signed distance to a thin straight line."""
    start, (across, down), run = _spot(rng, x), direction(rng), uniform(rng, 8.0, 34.0)
    return capsule(x, y, start, (start[0] + run * across, start[1] + run * down), uniform(rng, 0.4, 0.9))


def speck(rng: Rng, x: Field, y: Field) -> Field:
    """Signed distance to a tiny disc."""
    return disc(x, y, _spot(rng, x), uniform(rng, 0.6, 1.6))


def blob(rng: Rng, x: Field, y: Field) -> Field:
    """Signed distance to two discs that overlap."""
    at, radius, (across, down) = _spot(rng, x), uniform(rng, 2.5, 6.0), direction(rng)
    return union(disc(x, y, at, radius), disc(x, y, (at[0] + radius * across, at[1] + radius * down), 0.7 * radius))


def free_spot(rng: Rng, room: Field) -> Spot | None:
    """Return a disc that keeps its distance from everything, or None if the picture is too full.

    `room` is the distance of each pixel to whatever must not be touched. The centre may lie near the border; then only
    a part of the distractor is in the picture.
    """
    radius = uniform(rng, 4.0, 11.0)
    free = np.flatnonzero(room > radius + GAP)
    if free.size == 0:
        return None
    row, column = divmod(int(free[integer(rng, 0, free.size - 1)]), room.shape[1])
    return Spot(column + 0.5, row + 0.5, radius)


def distractor(rng: Rng, x: Field, y: Field, spot: Spot) -> Field:
    """Signed distance to an ellipse, bar, ring or slab of any direction that fills the disc `spot`."""
    across, down = direction(rng)
    right, below, radius = x - spot.x, y - spot.y, spot.radius
    u, v = right * across + below * down, below * across - right * down
    kind = choice(rng, ("ellipse", "bar", "ring", "slab"))
    if kind == "ellipse":
        return ellipse(u, v, (0.0, 0.0), (0.95 * radius, radius * uniform(rng, 0.45, 0.9)))
    if kind == "bar":
        return box(u, v, (0.0, 0.0), (0.95 * radius, 0.2 * radius), rounding=0.2 * radius)
    if kind == "ring":
        return ring(u, v, (0.0, 0.0), 0.75 * radius, 0.4 * radius)
    return box(u, v, (0.0, 0.0), (0.75 * radius, 0.6 * radius), rounding=0.15 * radius)


def _spot(rng: Rng, x: Field) -> tuple[float, float]:
    return uniform(rng, 0.0, x.shape[1]), uniform(rng, 0.0, x.shape[0])
