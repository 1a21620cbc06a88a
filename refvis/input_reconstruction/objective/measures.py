"""What is asked of a code: measures of the values of one variable, each with its value per image and its gradient.

A measure is a function of values (N x H x W x C) that returns N numbers, to be minimised, and their gradient (shape of
the values). What is to be maximised has a negative weight where it is used.
"""

from collections.abc import Callable
from typing import TypeAlias

from refvis.layers import Array, ShapeError, array_module

Measure: TypeAlias = Callable[[Array], tuple[Array, Array]]

EACH = (1, 2, 3)
"""All axes of one image."""


def squared_distance(values: Array, target: Array, scale: float) -> tuple[Array, Array]:
    """Return ``|values - target|^2 / scale`` and its gradient; of a code, or of pixels; one target, or one for each."""
    _require_shape(target, values)
    difference = values - target
    return (difference * difference).sum(axis=EACH) / scale, difference * (2 / scale)


def distance(values: Array, target: Array, scale: float) -> tuple[Array, Array]:
    """Return ``|values - target| / scale`` and its gradient, taken as zero where the values are the target."""
    _require_shape(target, values)
    xp = array_module(values, target)
    difference = values - target
    length = xp.sqrt((difference * difference).sum(axis=EACH, keepdims=True))
    return length.sum(axis=EACH) / scale, difference / (xp.where(length == 0, 1, length) * scale)


def inner_product(values: Array, direction: Array) -> tuple[Array, Array]:
    """Return <values, direction> and its gradient, the direction (it broadcasts to the shape of the values).

    With a code as the direction, this is a caricature's measure. With 1 / positions at one channel, it is that
    channel's mean over its positions; with 1 at a class and -1 at another, the difference of their scores.
    """
    try:
        spread = array_module(values, direction).broadcast_to(direction, values.shape)
    except ValueError:
        message = f"the direction has shape {direction.shape}, which does not broadcast to {values.shape}"
        raise ShapeError(message) from None
    return (values * spread).sum(axis=EACH), spread


def energy(values: Array) -> tuple[Array, Array]:
    """Return half the mean square of the values and its gradient: what DeepDream enlarges (Mordvintsev et al. 2015)."""
    count = values[0].size
    return (values * values).sum(axis=EACH) / (2 * count), values / count


def _require_shape(target: Array, values: Array) -> None:
    """Raise ShapeError unless there is one target of a value's shape, or one for each: another might broadcast."""
    if target.shape[1:] != values.shape[1:] or len(target) not in (1, len(values)):
        raise ShapeError(f"the target has shape {target.shape}, expected {(1, *values.shape[1:])}, or one for each row")
