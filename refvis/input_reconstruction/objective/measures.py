"""Measures of a code: functions of the values of one variable, each with its value per image and its gradient.

A measure maps values (N x H x W x C) to N numbers, to be minimised, and their gradient (shape of the values). A measure
that is to be maximised gets a negative weight in its `Term`.
"""

from collections.abc import Callable
from typing import TypeAlias

from refvis.layers import Array, ShapeError, array_module

Measure: TypeAlias = Callable[[Array], tuple[Array, Array]]

EACH = (1, 2, 3)
"""All axes of one image."""


def squared_distance(values: Array, target: Array, scale: float) -> tuple[Array, Array]:
    """Return ``|values - target|^2 / scale`` and its gradient, for one target or one for each image.

    >>> import numpy as np
    >>> from refvis.input_reconstruction.objective.measures import squared_distance
    >>> squared_distance(np.array([[[[3.0, 0.0]]]]), np.zeros((1, 1, 1, 2)), scale=2.0)
    (array([4.5]), array([[[[3., 0.]]]]))
    """
    _require_shape(target, values)
    difference = values - target
    return (difference * difference).sum(axis=EACH) / scale, difference * (2 / scale)


def distance(values: Array, target: Array, scale: float) -> tuple[Array, Array]:
    """Return ``|values - target| / scale`` and its gradient, which is zero where the values equal the target.

    >>> import numpy as np
    >>> from refvis.input_reconstruction.objective.measures import distance
    >>> distance(np.array([[[[3.0, 4.0]]]]), np.zeros((1, 1, 1, 2)), scale=1.0)
    (array([5.]), array([[[[0.6, 0.8]]]]))
    """
    _require_shape(target, values)
    xp = array_module(values, target)
    difference = values - target
    length = xp.sqrt((difference * difference).sum(axis=EACH, keepdims=True))
    return length.sum(axis=EACH) / scale, difference / (xp.where(length == 0, 1, length) * scale)


def inner_product(values: Array, direction: Array) -> tuple[Array, Array]:
    """Return <values, direction> and its gradient, the direction broadcast to the shape of the values.

    With a code as the direction, this is a caricature's measure. With 1 / positions at one channel, it is the mean of
    that channel over its positions; with 1 at one class and -1 at another, the difference of their scores. Raises
    ShapeError if the direction does not broadcast.

    >>> import numpy as np
    >>> from refvis.input_reconstruction.objective.measures import inner_product
    >>> inner_product(np.array([[[[3.0, 4.0]]]]), np.array([[[[1.0, -1.0]]]]))
    (array([-1.]), array([[[[ 1., -1.]]]]))
    """
    try:
        spread = array_module(values, direction).broadcast_to(direction, values.shape)
    except ValueError:
        message = f"the direction has shape {direction.shape}, which does not broadcast to {values.shape}"
        raise ShapeError(message) from None
    return (values * spread).sum(axis=EACH), spread


def energy(values: Array) -> tuple[Array, Array]:
    """Return half the mean square of the values and its gradient: DeepDream's objective (Mordvintsev et al. 2015).

    >>> import numpy as np
    >>> from refvis.input_reconstruction.objective.measures import energy
    >>> energy(np.array([[[[3.0, 4.0]]]]))
    (array([6.25]), array([[[[1.5, 2. ]]]]))
    """
    count = values[0].size
    return (values * values).sum(axis=EACH) / (2 * count), values / count


def _require_shape(target: Array, values: Array) -> None:
    """Raise ShapeError unless there is one target for all images or one for each; other shapes might broadcast."""
    if target.shape[1:] != values.shape[1:] or len(target) not in (1, len(values)):
        raise ShapeError(f"the target has shape {target.shape}, expected {(1, *values.shape[1:])}, or one for each row")
