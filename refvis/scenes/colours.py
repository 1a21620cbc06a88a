"""Colours of a scene: independent of the class, and far enough apart that the object can be seen."""

import math
from typing import NamedTuple, TypeAlias

from refvis.scenes.rng import Rng, uniform

Colour: TypeAlias = tuple[float, float, float]
"""Red, green, blue, each 0 to 1."""

BODY_CONTRAST = 0.5
ACCENT_CONTRAST = 0.36


class Palette(NamedTuple):
    """Two tones of the object's body, its accent, and two tones of the background."""

    body: tuple[Colour, Colour]
    accent: Colour
    ground: tuple[Colour, Colour]


def palette(rng: Rng) -> Palette:
    """Return colours in which the object stands out: each mixture of its tones is far from each of the background's.

    Body and background are drawn from the same distribution, so colours do not give either away.
    """
    while True:
        candidate = Palette(_tones(rng), any_colour(rng), _tones(rng))
        body, ground = _mixtures(candidate.body), _mixtures(candidate.ground)
        if (
            colour_distance(body, ground) > BODY_CONTRAST
            and colour_distance([candidate.accent], ground) > ACCENT_CONTRAST
            and colour_distance([candidate.accent], body) > ACCENT_CONTRAST
        ):
            return candidate


def any_colour(rng: Rng) -> Colour:
    """Return a colour of any hue, from greyish to vivid, from dark to bright."""
    hue, vivid, bright = uniform(rng, 0.0, 6.0), uniform(rng, 0.15, 0.95), uniform(rng, 0.2, 1.0)
    red, green, blue = (min(max(abs((hue + turn) % 6 - 3) - 1, 0.0), 1.0) for turn in (0, 4, 2))
    return (
        bright * (1 - vivid * (1 - red)),
        bright * (1 - vivid * (1 - green)),
        bright * (1 - vivid * (1 - blue)),
    )


def distinct_colour(rng: Rng, others: tuple[Colour, ...], least: float) -> Colour:
    """Return a colour at a distance of more than `least` from each of the `others`."""
    while True:
        colour = any_colour(rng)
        if colour_distance([colour], others) > least:
            return colour


def colour_distance(first: list[Colour], second: list[Colour] | tuple[Colour, ...]) -> float:
    """Return the least distance between a colour of `first` and one of `second`.

    Channels are weighted by their perceived brightness, so colours that differ in hue alone do not count as distant.
    """
    least = 3.0
    for r, g, b in first:
        for R, G, B in second:
            least = min(least, 0.9 * (r - R) * (r - R) + 1.6 * (g - G) * (g - G) + 0.5 * (b - B) * (b - B))
    return math.sqrt(least)


def _tones(rng: Rng) -> tuple[Colour, Colour]:
    """Return a colour and one near it."""
    first = any_colour(rng)
    while True:
        red, green, blue = (min(max(channel + uniform(rng, -0.22, 0.22), 0.0), 1.0) for channel in first)
        if colour_distance([first], [(red, green, blue)]) > 0.14:
            return first, (red, green, blue)


def _mixtures(tones: tuple[Colour, Colour]) -> list[Colour]:
    (r, g, b), (R, G, B) = tones
    return [tones[0], ((r + R) / 2, (g + G) / 2, (b + B) / 2), tones[1]]
