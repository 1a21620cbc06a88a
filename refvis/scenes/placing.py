"""Placement of an object: rotation, mirroring, size and position, such that all of it lies inside the picture."""

import math
from typing import NamedTuple

import numpy as np

from refvis.scenes.objects import Draw
from refvis.scenes.primitives import Field
from refvis.scenes.rng import Rng, chance, uniform

LEAST_AREA, MOST_AREA = 0.12, 0.32
"""Share of the picture that an object covers; a slender one stops growing where it reaches the border."""
MARGIN = 1.5
"""Pixels between the object and the border."""

_STEP = 2.3 / 36
_PROBE_Y, _PROBE_X = ((np.mgrid[:36, :36] + 0.5) * _STEP - 1.15).astype(np.float32)


class Place(NamedTuple):
    """A rotation (cosine, sine), a mirror (a factor of 1 or -1 on x), pixels per unit, and the centre in pixels."""

    cosine: float
    sine: float
    mirror: float
    scale: float
    centre: tuple[float, float]

    def frame(self, x: Field, y: Field) -> tuple[Field, Field]:
        """Return the pixels' coordinates in the object's own frame, still in pixels."""
        right, down = x - self.centre[0], y - self.centre[1]
        return (right * self.cosine + down * self.sine) * self.mirror, down * self.cosine - right * self.sine


def place(rng: Rng, shape_rng: Rng, draw: Draw, freedom: float, side: int) -> Place:
    """Return a random place for the object that `draw` draws with `shape_rng`, turned by up to `freedom` degrees.

    The object is drawn once on a coarse grid to learn its area and, once turned, its extent.
    """
    angle = math.radians(uniform(rng, -freedom, freedom))
    cosine, sine = math.cos(angle), math.sin(angle)
    mirror = -1.0 if chance(rng, 0.5) else 1.0
    drawing = draw(shape_rng, _PROBE_X, _PROBE_Y)
    whole = np.minimum(drawing.body, drawing.accent)
    # Half a step more than what is inside, so that no thin end between two points of the grid is missed.
    near = whole < _STEP / 2
    right, down = _PROBE_X[near] * mirror, _PROBE_Y[near]
    columns, rows = right * cosine - down * sine, right * sine + down * cosine

    area = uniform(rng, LEAST_AREA, MOST_AREA) * side * side
    wide, tall = float(np.ptp(columns)), float(np.ptp(rows))
    drawn_area = float((whole < 0).sum()) * _STEP * _STEP
    scale = min(math.sqrt(area / drawn_area), (side - 2 * MARGIN) / max(wide, tall))
    centre = (
        _position(rng, float(columns.min()), wide, scale, side),
        _position(rng, float(rows.min()), tall, scale, side),
    )
    return Place(cosine, sine, mirror, scale, centre)


def _position(rng: Rng, low: float, extent: float, scale: float, side: int) -> float:
    """Return a centre such that low * scale .. (low + extent) * scale around it keeps the margin on both sides."""
    first = MARGIN - low * scale
    return uniform(rng, first, first + side - 2 * MARGIN - extent * scale)
