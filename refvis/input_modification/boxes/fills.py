"""What stands in a box that covers a part of an image.

A fill is a function of the image (H x W x C), the box (rows, columns), and dice that are the box's own. It returns
h x w x C, or what broadcasts to it, in the network's input values. Parameters are set with `functools.partial`.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeAlias

import numpy as np

from refvis import images
from refvis.input_modification.boxes.blur import blurred_part
from refvis.layers import Array, array_module
from refvis.layers.base.arrays import moved, require_finite
from refvis.layers.incremental.rectangles import Rectangle, size

Dice: TypeAlias = np.random.Generator
Fill: TypeAlias = Callable[[Array, Rectangle, Dice], Array]

MIDDLE = 127.5
"""Gray: half of what a pixel's value can be."""


def uniform(image: Array, box: Rectangle, dice: Dice, low: float | None = None, high: float | None = None) -> Array:
    """Return noise, equally distributed from `low` to `high`; None: the image's smallest and largest value."""
    lowest = float(image.min()) if low is None else low
    highest = float(image.max()) if high is None else high
    return _like(image, dice.uniform(lowest, highest, (*size(box), image.shape[2])))


def normal(
    image: Array, box: Rectangle, dice: Dice, mean: float | None = None, deviation: float | None = None
) -> Array:
    """Return normal noise; None: each channel with the mean and the standard deviation that it has in the image."""
    middle = image.mean(axis=(0, 1)) if mean is None else mean
    scale = image.std(axis=(0, 1)) if deviation is None else deviation
    return middle + scale * _like(image, dice.standard_normal((*size(box), image.shape[2])))


def shuffle(image: Array, box: Rectangle, dice: Dice) -> Array:
    """Return the box's own pixels in random order: their colours stay, what they show is lost."""
    (top, bottom), (left, right) = box
    inside = image[top:bottom, left:right]
    order = array_module(image).asarray(dice.permutation(inside.shape[0] * inside.shape[1]))
    return inside.reshape(len(order), -1)[order].reshape(inside.shape)


def blur(image: Array, box: Rectangle, dice: Dice, sigma: float | None = None) -> Array:
    """Return the image blurred by a Gaussian of `sigma` pixels; None: a tenth of its shorter side."""
    rows, columns = box
    return blurred_part(image, slice(*rows), slice(*columns), sigma)


def other(image: Array, box: Rectangle, dice: Dice, values: Any) -> Array:
    """Return the part of another image (H x W x C) that stands there."""
    (top, bottom), (left, right) = box
    return array_module(image, values).asarray(values[top:bottom, left:right], image.dtype)


NAMED: dict[str, Fill] = {"random": uniform, "normal": normal, "shuffle": shuffle, "blur": blur}
"""Names of fills; beside these, "mean" and "gray" are colours."""


def chosen(fill: Any, x: Array, average: Any = None) -> Fill:
    """Return the fill that was asked for, for input x (1 x H x W x C), from which preprocessing subtracted `average`.

    A function; a name of `NAMED`; "mean": zero, the average image that preprocessing subtracts; "gray": the pixel value
    127.5, preprocessed; a number, or one per channel; or another input (H x W x C, or 1 x H x W x C).
    Raises ValueError for anything else.
    """
    if callable(fill):
        return fill  # type: ignore[no-any-return]
    if isinstance(fill, str):
        return _by_name(fill, x, average)
    shape = getattr(fill, "shape", None)
    if shape in (x.shape, x.shape[1:]):
        require_finite(fill, "the image that fills boxes")
        return partial(other, values=fill.reshape(x.shape[1:]))
    try:
        colour = np.asarray(fill.get() if hasattr(fill, "get") else fill, "float64")
    except (TypeError, ValueError):
        raise _unknown(fill, x.shape) from None
    if colour.size not in (1, x.shape[3]) or not np.isfinite(colour).all():
        raise _unknown(fill, x.shape)
    flat = _like(x, np.broadcast_to(colour.reshape(1, 1, -1), (1, 1, x.shape[3])))
    return lambda image, box, dice: flat


def described(fill: Any) -> str:
    """Return a fill as a text for a record."""
    if isinstance(fill, partial):
        return f"{described(fill.func)}({', '.join(f'{name}={value!r}' for name, value in fill.keywords.items())})"
    if getattr(fill, "ndim", 0) >= 3:
        return "an image"
    return str(getattr(fill, "__name__", fill))


def contents(fill: Fill, x: Array, places: Sequence[Rectangle], draws: int, seed: int) -> Callable[[int], Array]:
    """Return what fills each of places * draws boxes, by number, each place's draws one after the other.

    The dice depend on the seed, the place's number and the draw's only, not on what is computed together.
    """

    def content(number: int) -> Array:
        place, draw = divmod(number, draws)
        return fill(x[0], places[place], np.random.default_rng([seed, place, draw]))

    return content


def _by_name(fill: str, x: Array, average: Any) -> Fill:
    if fill == "mean":
        return chosen(0, x)
    if fill == "gray":
        flat = images.centred(np.full(x.shape[1:], MIDDLE), average)
        return partial(other, values=_like(x, flat))
    if fill not in NAMED:
        raise _unknown(fill, x.shape)
    return NAMED[fill]


def _like(image: Array, values: Array) -> Array:
    """Return host values in the dtype and array library of an image."""
    return moved(values.astype(image.dtype, copy=False), array_module(image).__name__)


def _unknown(fill: Any, shape: tuple[int, ...]) -> ValueError:
    names = ", ".join(map(repr, ("mean", "gray", *NAMED)))
    image = " x ".join(map(str, shape[1:]))
    found = f"an array of shape {fill.shape}" if getattr(fill, "ndim", 0) > 1 else repr(fill)
    return ValueError(
        f"fill is {found}, expected {names}, a number, {shape[3]} numbers (one per channel), an image ({image}), or a "
        "function of image, box and dice"
    )
