"""What a scene holds besides its object: thin strokes, specks and blobs, and distractors that belong to no class."""

import numpy as np

from refvis.scenes.dice import Dice, between, direction, pick
from refvis.scenes.primitives import Field, box, capsule, disc, ellipse, ring, union

GAP = 2.0
"""Pixels that stay free between a distractor and the object or another distractor."""


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


def distractor(dice: Dice, x: Field, y: Field, room: Field) -> Field | None:
    """Return the signed distance to an ellipse, bar, ring or slab that fits where `room` is free, or None if none fits.

    `room` is the distance of each pixel to whatever must not be touched. The distractor's centre may lie near the
    image's border, where only a fragment of it shows.
    """
    reach = between(dice, 4.0, 11.0)
    free = np.flatnonzero(room > reach + GAP)
    if free.size == 0:
        return None
    at = int(free[int(dice.random() * free.size)])
    across, down = direction(dice)
    u, v = x - float(x.flat[at]), y - float(y.flat[at])
    u, v = u * across + v * down, v * across - u * down
    kind = pick(dice, ("oval", "bar", "ring", "slab"))
    if kind == "oval":
        return ellipse(u, v, (0.0, 0.0), (0.95 * reach, reach * between(dice, 0.45, 0.9)))
    if kind == "bar":
        return box(u, v, (0.0, 0.0), (0.95 * reach, 0.2 * reach), rounding=0.2 * reach)
    if kind == "ring":
        return ring(u, v, (0.0, 0.0), 0.75 * reach, 0.4 * reach)
    return box(u, v, (0.0, 0.0), (0.75 * reach, 0.6 * reach), rounding=0.15 * reach)


def _spot(dice: Dice, x: Field) -> tuple[float, float]:
    return between(dice, 0.0, x.shape[1]), between(dice, 0.0, x.shape[0])
