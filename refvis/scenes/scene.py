"""One scene: a background, clutter, distractors, the object, a little clutter before it, light and noise."""

import operator
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from refvis.scenes import clutter
from refvis.scenes.colours import Colour, Palette, any_colour, colour_apart, palette
from refvis.scenes.objects import OBJECTS
from refvis.scenes.placing import place
from refvis.scenes.primitives import Field, coverage, disc
from refvis.scenes.rng import Dice, between, chance, count, pick
from refvis.scenes.textures import TEXTURES

SIDE = 64
"""Height and width of a scene in pixels."""
CLASSES: tuple[str, ...] = tuple(OBJECTS)
"""Names of the classes; a label is an index into it."""
TEST_SEEDS = range(0, 1_000_000)
"""Seeds of held-out scenes. No training seed is among them."""
TRAINING_SEEDS = range(1_000_000, 1_000_000_000)
"""Seeds of training scenes; they begin where the held-out ones end."""
MOST_HIDDEN = 0.1
"""Share of the object that clutter may hide."""

Bools: TypeAlias = npt.NDArray[np.bool_]
Bytes: TypeAlias = npt.NDArray[np.uint8]

_Y, _X = np.mgrid[:SIDE, :SIDE].astype(np.float32) + np.float32(0.5)


@dataclass(frozen=True, eq=False)
class Scene:
    """A picture and its truth.

    image: uint8, 64 x 64 x 3; label: index into CLASSES; mask: bool, 64 x 64, True where the object is seen;
    seed: what the scene was made from.
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

    `label` None: the seed chooses the class, each equally likely. Raises ValueError for a negative seed or a label
    that is no index into CLASSES, TypeError for one that is no whole number.
    """
    seed, given = operator.index(seed), None if label is None else operator.index(label)
    if seed < 0:
        raise ValueError(f"the seed is {seed}, expected 0 or more")
    if given is not None and not 0 <= given < len(CLASSES):
        raise ValueError(f"the label is {given}, expected None or 0 to {len(CLASSES) - 1}: {', '.join(CLASSES)}")
    sequences = np.random.SeedSequence(seed).spawn(2)
    dice = np.random.default_rng(sequences[0])
    drawn = count(dice, 0, len(CLASSES) - 1)
    image, mask = _compose(dice, sequences[1], drawn if given is None else given)
    return Scene(image, drawn if given is None else given, mask, seed)


def batch(seeds: Iterable[int]) -> tuple[Bytes, npt.NDArray[np.int64], Bools]:
    """Return (images N x 64 x 64 x 3 uint8, labels N int64, masks N x 64 x 64 bool) of the `seeds`' scenes."""
    scenes = [scene(seed) for seed in seeds]
    images = np.array([one.image for one in scenes], np.uint8).reshape(-1, SIDE, SIDE, 3)
    masks = np.array([one.mask for one in scenes], bool).reshape(-1, SIDE, SIDE)
    return images, np.array([one.label for one in scenes], np.int64), masks


def _compose(dice: Dice, shape_seed: np.random.SeedSequence, label: int) -> tuple[Bytes, Bools]:
    colours = palette(dice)
    draw, freedom = OBJECTS[CLASSES[label]]
    # The proportions have dice of their own: the object is drawn twice, once to measure it.
    where = place(dice, np.random.default_rng(shape_seed), draw, freedom, SIDE)
    u, v = where.frame(_X, _Y)
    drawing = draw(np.random.default_rng(shape_seed), u / where.scale, v / where.scale)
    body, accent = drawing.body * where.scale, drawing.accent * where.scale
    whole = np.minimum(body, accent)

    canvas = _background(dice, colours)
    _distract(dice, canvas, colours, whole)
    tones = _blend(colours.body, pick(dice, TEXTURES)(dice, u, v, between(dice, 4.0, 9.0)))
    _paint(canvas, coverage(whole), tones)
    _paint(canvas, coverage(accent), _plane(colours.accent))
    mask = _foreground(dice, canvas, coverage(whole) >= 0.5)
    return _expose(dice, canvas), mask


def _background(dice: Dice, colours: Palette) -> Field:
    """Return a canvas (3 x 64 x 64) with a textured ground and clutter in colours that the object stands out from."""
    canvas = _blend(colours.ground, pick(dice, TEXTURES)(dice, _X, _Y, between(dice, 6.0, 20.0)))
    for _ in range(count(dice, 1, 5)):
        shape = pick(dice, (clutter.stroke, clutter.speck, clutter.blob))(dice, _X, _Y)
        _paint(canvas, coverage(shape), _plane(colour_apart(dice, (*colours.body, colours.accent), 0.3)))
    return canvas


def _distract(dice: Dice, canvas: Field, colours: Palette, whole: Field) -> None:
    """Paint distractors in the object's colours or others, textured and two-toned as objects are, away from it."""
    room = whole
    for _ in range(count(dice, 1, 3)):
        spot = clutter.free_spot(dice, room)
        if spot is None:
            continue
        room = np.minimum(room, disc(_X, _Y, (spot.x, spot.y), spot.reach))
        rows, columns = spot.window()
        patch, x, y = canvas[:, rows, columns], _X[rows, columns], _Y[rows, columns]
        shape = clutter.distractor(dice, x, y, spot)
        tones = colours.body if chance(dice, 0.6) else (any_colour(dice), any_colour(dice))
        _paint(patch, coverage(shape), _blend(tones, pick(dice, TEXTURES)(dice, x, y, between(dice, 4.0, 9.0))))
        if chance(dice, 0.5):
            core = shape - between(dice, 0.4, 0.7) * float(shape.min())
            _paint(patch, coverage(core), _plane(colours.accent))


def _foreground(dice: Dice, canvas: Field, mask: Bools) -> Bools:
    """Paint strokes and specks before everything; return the mask less what they hide, at most a tenth of it."""
    seen, least = mask, (1 - MOST_HIDDEN) * float(mask.sum())
    for _ in range(count(dice, 0, 3)):
        hidden = coverage(pick(dice, (clutter.stroke, clutter.speck))(dice, _X, _Y))
        left = seen & (hidden < 0.5)
        if left.sum() >= least:
            _paint(canvas, hidden, _plane(any_colour(dice)))
            seen = left
    return seen


def _expose(dice: Dice, canvas: Field) -> Bytes:
    """Return the canvas under a random contrast, brightness and sensor noise, as 64 x 64 x 3 uint8."""
    contrast, brightness = between(dice, 0.75, 1.1), between(dice, -0.08, 0.08)
    grain = (dice.random(canvas.shape, np.float32) - dice.random(canvas.shape, np.float32)) * between(dice, 0.0, 0.08)
    exposed = (canvas - 0.5) * contrast + 0.5 + brightness + grain
    levels = np.rint(np.minimum(np.maximum(exposed, 0.0), 1.0) * 255).astype(np.uint8)
    return np.ascontiguousarray(levels.transpose(1, 2, 0))


def _blend(tones: tuple[Colour, Colour], share: Field) -> Field:
    """Return the mixtures (3 x H x W) of two tones with `share` (H x W) of the second."""
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
