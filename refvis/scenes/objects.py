"""The ten classes: each is drawn by a few signed distances in a square of about -1 to 1 (x to the right, y down).

A drawing has two parts, painted in two colours: `body`, and `accent` on top of it. Proportions vary a little at
random. Shapes that look the same upside down may turn freely; a house may only lean.
"""

import math
from collections.abc import Callable
from typing import NamedTuple, TypeAlias

from refvis.scenes.primitives import (
    Field,
    Point,
    box,
    capsule,
    disc,
    half_plane,
    intersect,
    lens,
    polygon,
    ring,
    subtract,
    union,
)
from refvis.scenes.rng import Rng, chance, integer, uniform


class Drawing(NamedTuple):
    """Signed distances of an object's two parts; the object is their union."""

    body: Field
    accent: Field


Draw: TypeAlias = Callable[[Rng, Field, Field], Drawing]


def fish(rng: Rng, x: Field, y: Field) -> Drawing:
    """A lens with a forked tail, a fin on its back and an eye."""
    tall, tail = uniform(rng, 0.40, 0.5), uniform(rng, 0.40, 0.5)
    body = lens(x, y, (-0.2, 0.0), (0.78, tall))
    rear = polygon(x, y, [(0.34, 0.0), (0.95, -tail), (0.78, 0.0), (0.95, tail)], rounding=0.03)
    fin = polygon(x, y, [(-0.35, -tall + 0.08), (0.0, -tall - 0.2), (0.15, -tall + 0.14)], rounding=0.03)
    eye = disc(x, y, (-0.58, -0.08), 0.085)
    return Drawing(body, union(rear, fin, eye))


def house(rng: Rng, x: Field, y: Field) -> Drawing:
    """Walls under a gable roof with a chimney; a door and a window."""
    wide, peak = uniform(rng, 0.58, 0.68), uniform(rng, -1.0, -0.85)
    walls = box(x, y, (0.0, 0.33), (wide, 0.5))
    roof = polygon(x, y, [(-wide - 0.2, -0.17), (wide + 0.2, -0.17), (0.0, peak)], rounding=0.02)
    chimney = box(x, y, (0.62 * wide, -0.62), (0.11, 0.26))
    door = box(x, y, (-0.45 * wide, 0.53), (0.16, 0.3))
    window = box(x, y, (0.45 * wide, 0.3), (0.16, 0.16))
    return Drawing(walls, union(roof, chimney, door, window))


def mushroom(rng: Rng, x: Field, y: Field) -> Drawing:
    """A spotted dome on a thick stem."""
    stem, foot = uniform(rng, 0.17, 0.24), uniform(rng, 0.26, 0.36)
    rim = uniform(rng, 0.0, 0.12)
    cap = intersect(disc(x, y, (0.0, 0.02), 0.85), half_plane(x, y, (0.0, rim), (0.0, 1.0)))
    stalk = polygon(x, y, [(-stem, rim - 0.02), (stem, rim - 0.02), (foot, 0.8), (-foot, 0.8)], rounding=0.05)
    spots = [disc(x, y, at, 0.13) for at in ((-0.45, -0.2), (0.02, -0.5), (0.45, -0.18))]
    return Drawing(cap, union(stalk, *spots))


def key(rng: Rng, x: Field, y: Field) -> Drawing:
    """A ring to hold, a shaft, two teeth."""
    grip, thick = uniform(rng, 0.28, 0.33), uniform(rng, 0.19, 0.23)
    shaft = box(x, y, (0.32, 0.0), (0.66, 0.1))
    long, short = uniform(rng, 0.36, 0.42), uniform(rng, 0.28, 0.34)
    teeth = [box(x, y, (at, drop / 2), (0.085, drop / 2)) for at, drop in ((0.895, long), (0.6, short))]
    return Drawing(union(shaft, *teeth), ring(x, y, (-0.62, 0.0), grip, thick))


def star(rng: Rng, x: Field, y: Field) -> Drawing:
    """Five points around a smaller star."""
    waist = uniform(rng, 0.42, 0.5)

    def corners(size: float) -> list[Point]:
        return [_polar(size * (waist if i % 2 else 1.0), -0.25 + i / 10) for i in range(10)]

    return Drawing(polygon(x, y, corners(0.97), rounding=0.03), polygon(x, y, corners(uniform(rng, 0.38, 0.5))))


def heart(rng: Rng, x: Field, y: Field) -> Drawing:
    """A square on its tip with two discs on its upper sides; a gleam or a smaller heart inside."""

    def shape(size: float, down: float) -> Field:
        square = polygon(x, y, [(0.0, down + size), (size, down), (0.0, down - size), (-size, down)])
        lobes = [disc(x, y, (side * size / 2, down - size / 2), size * math.sqrt(0.5)) for side in (-1.0, 1.0)]
        return union(square, *lobes)

    inner = shape(uniform(rng, 0.28, 0.36), 0.0)
    gleam = capsule(x, y, (-0.58, -0.3), (-0.4, -0.55), 0.09)
    return Drawing(shape(0.8, 0.08), gleam if chance(rng, 0.5) else inner)


def flower(rng: Rng, x: Field, y: Field) -> Drawing:
    """Five to seven round petals around a disc."""
    petals = integer(rng, 5, 7)
    wide = 1.02 * 0.66 * math.sin(math.pi / petals)
    leaves = [capsule(x, y, _polar(0.4, i / petals), _polar(0.64, i / petals), wide) for i in range(petals)]
    return Drawing(union(*leaves), disc(x, y, (0.0, 0.0), uniform(rng, 0.24, 0.32)))


def cup(rng: Rng, x: Field, y: Field) -> Drawing:
    """A mug: tapered walls, an open rim, a handle."""
    foot, deep = uniform(rng, 0.36, 0.46), uniform(rng, 0.55, 0.7)
    walls = polygon(x, y, [(-0.7, -0.5), (0.4, -0.5), (foot - 0.15, deep), (-0.15 - foot, deep)], rounding=0.05)
    handle = subtract(ring(x, y, (0.42, 0.0), 0.34, 0.16), walls)
    rim = lens(x, y, (-0.15, -0.5), (0.6, 0.17))
    return Drawing(walls, union(handle, rim))


def sailboat(rng: Rng, x: Field, y: Field) -> Drawing:
    """A hull, a mast, a large and a small sail."""
    front, back = uniform(rng, 0.62, 0.78), uniform(rng, 0.5, 0.66)
    main = polygon(x, y, [(0.1, -0.88), (0.1, 0.22), (front, 0.22)], rounding=0.02)
    jib = polygon(x, y, [(-0.1, -0.66), (-0.1, 0.22), (-back, 0.22)], rounding=0.02)
    hull = polygon(x, y, [(-0.88, 0.36), (0.88, 0.36), (0.56, 0.8), (-0.56, 0.8)], rounding=0.03)
    mast = box(x, y, (0.0, -0.25), (0.05, 0.68))
    return Drawing(union(main, jib), union(hull, mast))


def moon(rng: Rng, x: Field, y: Field) -> Drawing:
    """A crescent with three craters."""
    shift, bite = uniform(rng, 0.42, 0.52), uniform(rng, 0.70, 0.76)
    crescent = subtract(disc(x, y, (0.0, 0.0), 0.95), disc(x, y, (shift, 0.0), bite))
    middle = (shift - bite - 0.95) / 2
    craters = [
        disc(x, y, at, size) for at, size in (((middle, 0.05), 0.13), ((-0.5, 0.5), 0.1), ((-0.45, -0.55), 0.12))
    ]
    return Drawing(crescent, union(*craters))


def _polar(radius: float, turns: float) -> Point:
    return radius * math.cos(2 * math.pi * turns), radius * math.sin(2 * math.pi * turns)


OBJECTS: dict[str, tuple[Draw, float]] = {
    "fish": (fish, 60.0),
    "house": (house, 35.0),
    "mushroom": (mushroom, 35.0),
    "key": (key, 180.0),
    "star": (star, 180.0),
    "heart": (heart, 60.0),
    "flower": (flower, 180.0),
    "cup": (cup, 35.0),
    "sailboat": (sailboat, 35.0),
    "moon": (moon, 180.0),
}
"""Class name -> drawing function, and the largest turn to either side in degrees. The order is that of the labels."""
