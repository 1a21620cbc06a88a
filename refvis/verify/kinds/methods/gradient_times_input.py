"""Gradient times input: its cases, and what another choice or a mistake gives.

The function is ``(layer, x, gradient) -> map``, all N x H x W x C.
"""

from dataclasses import dataclass

import numpy as np

from refvis.layers import Array
from refvis.verify.case import Case, filled
from refvis.verify.choosing import Chooser
from refvis.verify.kind import Answer, Kind, forward_is


@dataclass(frozen=True, eq=False)
class GradientTimesInput:
    """Gradient times input has no options."""


def formula(layer: GradientTimesInput, x: Array, gradient: Array) -> Array:
    """Return x times the gradient."""
    return x * gradient


def draw(choose: Chooser, simple: bool) -> Case:
    """Return an input and its gradient, of both signs."""
    shape = tuple(choose.integer(1, 4) for _ in range(4))
    return Case(GradientTimesInput(), (filled(choose, shape), filled(choose, shape)))


ANSWERS: tuple[Answer, ...] = (
    forward_is("gradient", "it is the gradient", lambda layer, x, g: g),
    forward_is("absolute", "it takes absolute values", lambda layer, x, g: np.abs(x * g), flag="CONVENTION"),
    forward_is("absolute_gradient", "it takes the absolute gradient", lambda layer, x, g: x * np.abs(g)),
    forward_is("absolute_input", "it takes the absolute input: its sign is lost", lambda layer, x, g: np.abs(x) * g),
    forward_is("positive", "it drops negative values", lambda layer, x, g: np.maximum(x * g, 0)),
    forward_is(
        "sum_of_channels",
        "it sums over channels",
        lambda layer, x, g: (x * g).sum(axis=3, keepdims=True),
        result="acceptable",
        flag="CONVENTION",
        seen=("lrp_toolbox's heatmaps",),
    ),
    forward_is(
        "largest_channel", "it takes the largest channel", lambda layer, x, g: (x * g).max(axis=3, keepdims=True)
    ),
    forward_is("sum", "it adds", lambda layer, x, g: x + g),
    forward_is("gradient_squared", "it squares the gradient", lambda layer, x, g: x * g * g),
    forward_is(
        "input_centred",
        "it subtracts the input's mean first",
        lambda layer, x, g: (x - x.mean(axis=(1, 2, 3), keepdims=True)) * g,
        flag="CONVENTION",
    ),
    forward_is("other_sign", "it has the other sign", lambda layer, x, g: -x * g),
)
FEATURES = {
    "several channels": lambda case: case.inputs[0].shape[3] > 1,
    "negative inputs": lambda case: bool((case.inputs[0] < 0).any()),
    "negative gradients": lambda case: bool((case.inputs[1] < 0).any()),
}

GRADIENT_TIMES_INPUT = Kind(
    "gradient_times_input",
    draw,
    answers=ANSWERS,
    features=FEATURES,
    formula=formula,
    exact=frozenset({"forward"}),
    page="methods/gradient_times_input.html",
)
