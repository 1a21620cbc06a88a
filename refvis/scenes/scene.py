"""A scene: background, clutter, distractors, the object, a little clutter in front of it, light and noise."""

import operator
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from refvis.scenes import clutter
from refvis.scenes.colours import Colour, Palette, any_colour, distinct_colour, palette
from refvis.scenes.objects import OBJECTS
from refvis.scenes.placing import place
from refvis.scenes.primitives import Field, coverage, disc
from refvis.scenes.rng import Rng, chance, choice, integer, uniform
from refvis.scenes.textures import TEXTURES

SIDE = 64
"""Height and width of a scene in pixels."""
CLASSES: tuple[str, ...] = tuple(OBJECTS)
"""Names of the classes. A label is an index into it."""
TEST_SEEDS = range(0, 1_000_000)
"""Seeds of held-out scenes. No training seed is among them."""
TRAINING_SEEDS = range(1_000_000, 1_000_000_000)
"""Seeds of training scenes; they begin where the held-out ones end."""
MOST_HIDDEN = 0.1
"""Largest share of the object that clutter may hide."""

Bools: TypeAlias = npt.NDArray[np.bool_]
Bytes: TypeAlias = npt.NDArray[np.uint8]

_Y, _X = np.mgrid[:SIDE, :SIDE].astype(np.float32) + np.float32(0.5)


@dataclass(frozen=True, eq=False)
class Scene:
    """A picture with its ground truth.

    Fields:

        image   64 x 64 x 3 uint8
        label   index into CLASSES
        mask    64 x 64 bool, True where the object is visible
        seed    the seed that the scene was made from

    >>> from refvis.scenes import scene
    >>> one = scene(3, label=0)
    >>> one.image.shape, one.mask.shape, one.name
    ((64, 64, 3), (64, 64), 'fish')
    """

    image: Bytes
    label: int
    mask: Bools
    seed: int

    @property
    def name(self) -> str:
        """The name of the object's class."""
        return CLASSES[self.label]


def scene(seed: int, label: int | None = None) -> Scene:
    """Return the scene of `seed`; the same arguments give the same scene, bit for bit.

    Without a `label`, the seed chooses the class; all are equally likely. Raises ValueError for a negative seed or a
    label outside CLASSES, TypeError unless both are whole numbers.

    >>> from refvis import scenes
    >>> bool((scenes.scene(3).image == scenes.scene(3).image).all())
    True
    """
    seed, given = operator.index(seed), None if label is None else operator.index(label)
    if seed < 0:
        raise ValueError(f"the seed is {seed}, expected 0 or more")
    if given is not None and not 0 <= given < len(CLASSES):
        raise ValueError(f"the label is {given}, expected None or 0 to {len(CLASSES) - 1}: {', '.join(CLASSES)}")
    sequences = np.random.SeedSequence(seed).spawn(2)
    rng = np.random.default_rng(sequences[0])
    drawn = integer(rng, 0, len(CLASSES) - 1)
    image, mask = _compose(rng, sequences[1], drawn if given is None else given)
    return Scene(image, drawn if given is None else given, mask, seed)


def batch(seeds: Iterable[int]) -> tuple[Bytes, npt.NDArray[np.int64], Bools]:
    """Return images (N x 64 x 64 x 3 uint8), labels (N int64) and masks (N x 64 x 64 bool) of the seeds' scenes.

    >>> from refvis import scenes
    >>> images, labels, masks = scenes.batch(range(2))
    >>> images.shape, labels.shape, masks.shape
    ((2, 64, 64, 3), (2,), (2, 64, 64))
    """
    scenes = [scene(seed) for seed in seeds]
    images = np.array([one.image for one in scenes], np.uint8).reshape(-1, SIDE, SIDE, 3)
    masks = np.array([one.mask for one in scenes], bool).reshape(-1, SIDE, SIDE)
    return images, np.array([one.label for one in scenes], np.int64), masks


def _compose(rng: Rng, shape_seed: np.random.SeedSequence, label: int) -> tuple[Bytes, Bools]:
    colours = palette(rng)
    draw, freedom = OBJECTS[CLASSES[label]]
    # Proportions have a generator of their own, because the object is drawn twice: once to measure it.
    where = place(rng, np.random.default_rng(shape_seed), draw, freedom, SIDE)
    u, v = where.frame(_X, _Y)
    drawing = draw(np.random.default_rng(shape_seed), u / where.scale, v / where.scale)
    body, accent = drawing.body * where.scale, drawing.accent * where.scale
    whole = np.minimum(body, accent)

    canvas = _background(rng, colours)
    _distract(rng, canvas, colours, whole)
    tones = _blend(colours.body, choice(rng, TEXTURES)(rng, u, v, uniform(rng, 4.0, 9.0)))
    _paint(canvas, coverage(whole), tones)
    _paint(canvas, coverage(accent), _plane(colours.accent))
    mask = _foreground(rng, canvas, coverage(whole) >= 0.5)
    return _expose(rng, canvas), mask


def _background(rng: Rng, colours: Palette) -> Field:
    """Return a canvas (3 x 64 x 64): a textured ground, and clutter in colours far from the object's."""
    canvas = _blend(colours.ground, choice(rng, TEXTURES)(rng, _X, _Y, uniform(rng, 6.0, 20.0)))
    for _ in range(integer(rng, 1, 5)):
        shape = choice(rng, (clutter.stroke, clutter.speck, clutter.blob))(rng, _X, _Y)
        _paint(canvas, coverage(shape), _plane(distinct_colour(rng, (*colours.body, colours.accent), 0.3)))
    return canvas


def _distract(rng: Rng, canvas: Field, colours: Palette, whole: Field) -> None:
    """Paint distractors away from the object: textured, two-toned, in its colours or others."""
    room = whole
    for _ in range(integer(rng, 1, 3)):
        spot = clutter.free_spot(rng, room)
        if spot is None:
            continue
        room = np.minimum(room, disc(_X, _Y, (spot.x, spot.y), spot.radius))
        rows, columns = spot.window()
        patch, x, y = canvas[:, rows, columns], _X[rows, columns], _Y[rows, columns]
        shape = clutter.distractor(rng, x, y, spot)
        tones = colours.body if chance(rng, 0.6) else (any_colour(rng), any_colour(rng))
        _paint(patch, coverage(shape), _blend(tones, choice(rng, TEXTURES)(rng, x, y, uniform(rng, 4.0, 9.0))))
        if chance(rng, 0.5):
            core = shape - uniform(rng, 0.4, 0.7) * float(shape.min())
            _paint(patch, coverage(core), _plane(colours.accent))


def _foreground(rng: Rng, canvas: Field, mask: Bools) -> Bools:
    """Paint strokes and specks in front; return the mask without the pixels that they hide, at most a tenth of it."""
    seen, least = mask, (1 - MOST_HIDDEN) * float(mask.sum())
    for _ in range(integer(rng, 0, 3)):
        hidden = coverage(choice(rng, (clutter.stroke, clutter.speck))(rng, _X, _Y))
        left = seen & (hidden < 0.5)
        if left.sum() >= least:
            _paint(canvas, hidden, _plane(any_colour(rng)))
            seen = left
    return seen


def _expose(rng: Rng, canvas: Field) -> Bytes:
    """Return the canvas under a random contrast, brightness and sensor noise, as 64 x 64 x 3 uint8."""
    contrast, brightness = uniform(rng, 0.75, 1.1), uniform(rng, -0.08, 0.08)
    grain = (rng.random(canvas.shape, np.float32) - rng.random(canvas.shape, np.float32)) * uniform(rng, 0.0, 0.08)
    exposed = (canvas - 0.5) * contrast + 0.5 + brightness + grain
    levels = np.rint(np.minimum(np.maximum(exposed, 0.0), 1.0) * 255).astype(np.uint8)
    return np.ascontiguousarray(levels.transpose(1, 2, 0))


def _blend(tones: tuple[Colour, Colour], share: Field) -> Field:
    """Return two tones mixed, 3 x H x W, with `share` (H x W) of the second."""
    first, second = _plane(tones[0]), _plane(tones[1])
    return first + share * (second - first)


def _paint(canvas: Field, share: Field, colour: Field) -> None:
    """Mix `colour` (3 x 1 x 1 or 3 x H x W) into the canvas (3 x H x W), in place, by `share` (H x W, 0 to 1)."""
    rows = np.flatnonzero(share.any(axis=1))  # most shapes are small
    if rows.size:
        touched = slice(int(rows[0]), int(rows[-1]) + 1)
        whole = np.broadcast_to(colour, canvas.shape)
        canvas[:, touched] += share[touched] * (whole[:, touched] - canvas[:, touched])


def _plane(colour: Colour) -> Field:
    return np.array(colour, np.float32).reshape(3, 1, 1)
