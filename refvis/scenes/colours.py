"""Colours of a scene: drawn without a look at the class, far enough apart that the object can be seen."""

import math
from typing import NamedTuple, TypeAlias

from refvis.scenes.rng import Dice, between

Colour: TypeAlias = tuple[float, float, float]
"""Red, green, blue, each 0 to 1."""

BODY_CONTRAST = 0.5
ACCENT_CONTRAST = 0.36


class Palette(NamedTuple):
    """Two tones of the object's body, its accent, and two tones of the background."""

    body: tuple[Colour, Colour]
    accent: Colour
    ground: tuple[Colour, Colour]


def palette(dice: Dice) -> Palette:
    """Return colours in which the object stands out: every mixture of its tones is far from every one of the ground's.

    Body and ground are drawn in the same way, so neither is recognised by its colours.
    """
    while True:
        found = Palette(_tones(dice), any_colour(dice), _tones(dice))
        body, ground = _mixtures(found.body), _mixtures(found.ground)
        if (
            apart(body, ground) > BODY_CONTRAST
            and apart([found.accent], ground) > ACCENT_CONTRAST
            and apart([found.accent], body) > ACCENT_CONTRAST
        ):
            return found


def any_colour(dice: Dice) -> Colour:
    """Return a colour of any hue, from greyish to vivid, from dark to bright."""
    hue, vivid, bright = between(dice, 0.0, 6.0), between(dice, 0.15, 0.95), between(dice, 0.2, 1.0)
    red, green, blue = (min(max(abs((hue + turn) % 6 - 3) - 1, 0.0), 1.0) for turn in (0, 4, 2))
    return (
        bright * (1 - vivid * (1 - red)),
        bright * (1 - vivid * (1 - green)),
        bright * (1 - vivid * (1 - blue)),
    )


def colour_apart(dice: Dice, others: tuple[Colour, ...], least: float) -> Colour:
    """Return a colour at a distance of more than `least` from each of the `others`."""
    while True:
        colour = any_colour(dice)
        if apart([colour], others) > least:
            return colour


def apart(first: list[Colour], second: list[Colour] | tuple[Colour, ...]) -> float:
    """Return the least distance between a colour of `first` and one of `second`.

    Channels count by how bright they look, so that colours which differ in hue alone are not taken for far apart.
    """
    least = 3.0
    for r, g, b in first:
        for R, G, B in second:
            least = min(least, 0.9 * (r - R) * (r - R) + 1.6 * (g - G) * (g - G) + 0.5 * (b - B) * (b - B))
    return math.sqrt(least)


def _tones(dice: Dice) -> tuple[Colour, Colour]:
    """Return a colour and one near it."""
    first = any_colour(dice)
    while True:
        red, green, blue = (min(max(channel + between(dice, -0.22, 0.22), 0.0), 1.0) for channel in first)
        if apart([first], [(red, green, blue)]) > 0.14:
            return first, (red, green, blue)


def _mixtures(tones: tuple[Colour, Colour]) -> list[Colour]:
    (r, g, b), (R, G, B) = tones
    return [tones[0], ((r + R) / 2, (g + G) / 2, (b + B) / 2), tones[1]]
