"""Signed distances of plain shapes: negative inside, zero on the edge, positive outside.

Points are given as two arrays of one shape, x to the right and y down; every function returns an array of that
shape and type. Outside a shape no distance is too large: where it exceeds r, a disc of radius r fits beside the shape.
Only + - * / and square roots of arrays are used: IEEE 754 fixes their last bit, so the pictures repeat everywhere.
"""

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np

from refvis.layers.base.arrays import Array

Field: TypeAlias = Array
"""One number per pixel: float32 in scenes; float64 works as well and stays float64."""
Point: TypeAlias = tuple[float, float]


def length(x: Field, y: Field) -> Field:
    """Euclidean length of (x, y); unlike numpy.hypot the same in the last bit on every machine."""
    return np.sqrt(x * x + y * y)


def disc(x: Field, y: Field, centre: Point, radius: float) -> Field:
    """Signed distance to a disc."""
    return length(x - centre[0], y - centre[1]) - radius


def ring(x: Field, y: Field, centre: Point, radius: float, thickness: float) -> Field:
    """Signed distance to a ring whose middle line is a circle of `radius`."""
    return np.abs(disc(x, y, centre, radius)) - thickness / 2


def box(x: Field, y: Field, centre: Point, half: Point, rounding: float = 0.0) -> Field:
    """Signed distance to an upright box of half-sizes `half`, its corners rounded by the radius `rounding`."""
    over_x = np.abs(x - centre[0]) - (half[0] - rounding)
    over_y = np.abs(y - centre[1]) - (half[1] - rounding)
    outside = length(np.maximum(over_x, 0.0), np.maximum(over_y, 0.0))
    return outside + np.minimum(np.maximum(over_x, over_y), 0.0) - rounding


def capsule(x: Field, y: Field, start: Point, end: Point, radius: float) -> Field:
    """Signed distance to a thick line from `start` to `end` with round ends."""
    run_x, run_y = end[0] - start[0], end[1] - start[1]
    off_x, off_y = x - start[0], y - start[1]
    square = run_x * run_x + run_y * run_y
    along = np.minimum(np.maximum(off_x * (run_x / square) + off_y * (run_y / square), 0.0), 1.0)
    return length(off_x - along * run_x, off_y - along * run_y) - radius


def ellipse(x: Field, y: Field, centre: Point, half: Point) -> Field:
    """Signed distance (a lower bound of it outside, at most too soft along the long axis) to an upright ellipse."""
    return (length((x - centre[0]) / half[0], (y - centre[1]) / half[1]) - 1.0) * min(half)


def lens(x: Field, y: Field, centre: Point, half: Point) -> Field:
    """Signed distance (a lower bound of it outside) to a lens, the overlap of two discs; half-width > half-height."""
    radius = (half[0] * half[0] / half[1] + half[1]) / 2
    shift = radius - half[1]
    return intersect(
        disc(x, y, (centre[0], centre[1] - shift), radius), disc(x, y, (centre[0], centre[1] + shift), radius)
    )


def polygon(x: Field, y: Field, corners: Sequence[Point], rounding: float = 0.0) -> Field:
    """Signed distance to a simple polygon, grown by `rounding` with round corners."""
    nearest = np.full_like(x, np.inf)
    inside = np.zeros(x.shape, bool)
    for (ax, ay), (bx, by) in zip(corners, [*corners[1:], corners[0]], strict=True):
        run_x, run_y = bx - ax, by - ay
        off_x, off_y = x - ax, y - ay
        square = run_x * run_x + run_y * run_y
        along = np.minimum(np.maximum(off_x * (run_x / square) + off_y * (run_y / square), 0.0), 1.0)
        rest_x, rest_y = off_x - along * run_x, off_y - along * run_y
        nearest = np.minimum(nearest, rest_x * rest_x + rest_y * rest_y)
        # A ray to the right crosses this edge where the edge spans y and the point lies on its left.
        left = off_x * run_y < off_y * run_x if run_y > 0 else off_x * run_y > off_y * run_x
        inside ^= ((y >= ay) != (y >= by)) & left
    distance = np.sqrt(nearest)
    return np.where(inside, -distance, distance) - rounding


def half_plane(x: Field, y: Field, point: Point, normal: Point) -> Field:
    """Signed distance to the half-plane behind `point`; `normal` has length 1 and points out of it."""
    return (x - point[0]) * normal[0] + (y - point[1]) * normal[1]


def union(first: Field, *others: Field) -> Field:
    """Signed distance to all of the shapes together."""
    for other in others:
        first = np.minimum(first, other)
    return first


def intersect(first: Field, *others: Field) -> Field:
    """Signed distance (a lower bound of it outside) to what the shapes have in common."""
    for other in others:
        first = np.maximum(first, other)
    return first


def subtract(first: Field, *others: Field) -> Field:
    """Signed distance (a lower bound of it outside) to the first shape with the others cut away."""
    return intersect(first, *(-other for other in others))


def coverage(distance: Field) -> Field:
    """Share of each pixel that a shape covers, 0 to 1, from the distance in pixels at the pixel's centre."""
    return np.minimum(np.maximum(0.5 - distance, 0.0), 1.0)
