"""Fills: what replaces the pixels of a box.

A fill is a function of the image (H x W x C), the box (rows, columns), and the box's own random generator. It returns
h x w x C, or an array that broadcasts to that shape, in the network's input values. `functools.partial` sets the
parameters of a fill.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeAlias

import numpy as np

from refvis.images.preparation import Preparation
from refvis.input_modification.boxes.blur import blurred_part
from refvis.layers import Array, array_module
from refvis.layers.base.arrays import moved, require_finite, require_real, to_host
from refvis.layers.incremental.rectangles import Rectangle, size

Rng: TypeAlias = np.random.Generator
Fill: TypeAlias = Callable[[Array, Rectangle, Rng], Array]

MIDDLE = 127.5
"""Gray: the middle of the range of pixel values, 0 to 255."""


def uniform(image: Array, box: Rectangle, rng: Rng, low: float | None = None, high: float | None = None) -> Array:
    """Return uniform noise from `low` to `high`; by default the image's smallest and largest value."""
    lowest = float(image.min()) if low is None else low
    highest = float(image.max()) if high is None else high
    return _like(image, rng.uniform(lowest, highest, (*size(box), image.shape[2])))


def normal(image: Array, box: Rectangle, rng: Rng, mean: float | None = None, deviation: float | None = None) -> Array:
    """Return normal noise; by default with the image's mean and standard deviation in each channel."""
    middle = image.mean(axis=(0, 1)) if mean is None else mean
    scale = image.std(axis=(0, 1)) if deviation is None else deviation
    return middle + scale * _like(image, rng.standard_normal((*size(box), image.shape[2])))


def shuffle(image: Array, box: Rectangle, rng: Rng) -> Array:
    """Return the box's own pixels in random order: their colours stay, their arrangement is lost."""
    (top, bottom), (left, right) = box
    inside = image[top:bottom, left:right]
    order = array_module(image).asarray(rng.permutation(inside.shape[0] * inside.shape[1]))
    return inside.reshape(len(order), -1)[order].reshape(inside.shape)


def blur(image: Array, box: Rectangle, rng: Rng, sigma: float | None = None) -> Array:
    """Return the image blurred by a Gaussian of `sigma` pixels; by default a tenth of the shorter side."""
    rows, columns = box
    return blurred_part(image, slice(*rows), slice(*columns), sigma)


def other(image: Array, box: Rectangle, rng: Rng, values: Any) -> Array:
    """Return the box's part of another image (H x W x C)."""
    (top, bottom), (left, right) = box
    return array_module(image, values).asarray(values[top:bottom, left:right], image.dtype)


FILLS: dict[str, Fill] = {"random": uniform, "normal": normal, "shuffle": shuffle, "blur": blur}
"""Fills by name. "mean" and "gray" are names too; they stand for colours."""


def find_fill(fill: Any, x: Array, preparation: Preparation) -> Fill:
    """Return the fill function for input x (1 x H x W x C), which `preparation` made of pixels.

    `fill` is a function; a name of `FILLS`; "mean", which is zero, the average image that preprocessing subtracts;
    "gray", the preprocessed pixel value 127.5; a number, or one number per channel; or another input (H x W x C, or
    1 x H x W x C). Raises ValueError for anything else.
    """
    if callable(fill):
        return partial(_checked, fill)
    if isinstance(fill, str):
        return _by_name(fill, x, preparation)
    shape = getattr(fill, "shape", None)
    if shape in (x.shape, x.shape[1:]):
        require_finite(fill, "the image that fills boxes")
        return partial(other, values=fill.reshape(x.shape[1:]))
    try:
        colour = np.asarray(to_host(fill) if hasattr(fill, "get") else fill, "float64")
    except (TypeError, ValueError):
        raise _unknown(fill, x.shape) from None
    if colour.size not in (1, x.shape[3]) or not np.isfinite(colour).all():
        raise _unknown(fill, x.shape)
    flat = _like(x, np.broadcast_to(colour.reshape(1, 1, -1), (1, 1, x.shape[3])))
    return lambda image, box, rng: flat


def describe(fill: Any) -> str:
    """Return a text for the record that describes a fill or a measure."""
    if isinstance(fill, partial):
        return f"{describe(fill.func)}({', '.join(f'{name}={value!r}' for name, value in fill.keywords.items())})"
    if getattr(fill, "ndim", 0) >= 3:
        return "an image"
    return str(getattr(fill, "__name__", fill))


def box_contents(fill: Fill, x: Array, places: Sequence[Rectangle], draws: int, seed: int) -> Callable[[int], Array]:
    """Return a function that gives the content of box number n; there are places * draws boxes, a place's in a row.

    The random numbers of a box depend only on the seed, the place and the draw, not on what is computed together.
    """

    def content(number: int) -> Array:
        place, draw = divmod(number, draws)
        return fill(x[0], places[place], np.random.default_rng([seed, place, draw]))

    return content


def _by_name(fill: str, x: Array, preparation: Preparation) -> Fill:
    if fill == "mean":
        return find_fill(0, x, preparation)
    if fill == "gray":
        flat = preparation.prepare(np.full(x.shape[1:], MIDDLE))
        return partial(other, values=_like(x, flat))
    if fill not in FILLS:
        raise _unknown(fill, x.shape)
    return FILLS[fill]


def _checked(fill: Fill, image: Array, box: Rectangle, rng: Rng) -> Array:
    """Return what a function fills a box with; TypeError unless it is an array, ValueError for NaN and infinity."""
    values, what = fill(image, box, rng), f"what the fill {describe(fill)} returned for the box {box}"
    if values is None:
        raise TypeError(f"{what} is None, expected an array, h x w x C or one that broadcasts to it")
    array_module(image, values)
    require_real(values, what)
    require_finite(values, what)
    return values


def _like(image: Array, values: Array) -> Array:
    """Return host values in the dtype and array library of an image."""
    return moved(values.astype(image.dtype, copy=False), array_module(image).__name__)


def _unknown(fill: Any, shape: tuple[int, ...]) -> ValueError:
    names = ", ".join(map(repr, ("mean", "gray", *FILLS)))
    image = " x ".join(map(str, shape[1:]))
    given = f"an array of shape {fill.shape}" if getattr(fill, "ndim", 0) > 1 else repr(fill)
    return ValueError(
        f"fill is {given}, expected {names}, a number, {shape[3]} numbers (one per channel), an image ({image}), or a "
        "function of image, box and random generator"
    )
