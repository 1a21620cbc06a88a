"""Norm-dependent offset: its cases, and what another choice or a mistake gives."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from refvis.layers import Array, NormOffset
from refvis.layers import norm_offset as definition
from refvis.verify.case import Case, filled
from refvis.verify.choosing import Chooser
from refvis.verify.kind import BOTH, Answer, Kind, backward_is, changed, forward_is
from refvis.verify.kinds.changes import with_fields


def draw(choose: Chooser, simple: bool) -> Case:
    """Return an offset and an input; simple: MatConvNet's parameters."""
    layer = NormOffset() if simple else NormOffset(choose.choice((1.0, 2.0, -0.5)), choose.choice((0.5, 1.0, 1.25)))
    return Case(layer, (filled(choose, tuple(choose.integer(1, 4) for _ in range(4)), scale=0.5),))


def sums(over: Callable[[Array], Array]) -> Callable[[NormOffset, Array], Array]:
    """Return y with another sum of squares."""
    return lambda layer, x: x - layer.alpha * np.maximum(over(x * x), definition.BOUND) ** layer.beta


def gradient_with(
    factor: float, total: Callable[[Array], Array], without_input: bool = False
) -> Callable[..., tuple[Array]]:
    """Return the gradient with its second term times a number, and another sum of the signal."""

    def rule(layer: NormOffset, signal: Array, output: Array, x: Array) -> tuple[Array]:
        L = definition.squares(x)
        slope = 2 * layer.alpha * layer.beta * np.maximum(L, definition.BOUND) ** (layer.beta - 1)
        slope = slope * (L >= definition.BOUND)
        return (signal - factor * (1.0 if without_input else x) * slope * total(signal),)

    return rule


def over_channels(signal: Array) -> Array:
    """Return the signal's sum over channels."""
    return signal.sum(axis=3, keepdims=True)


ANSWERS: tuple[Answer, ...] = (
    forward_is(
        "adds", "it adds the offset", lambda layer, x: definition.forward(replace(layer, alpha=-layer.alpha), x)
    ),
    changed("alpha_one", "it takes 1 for alpha", with_fields(alpha=1.0), BOTH, flag="UNSUPPORTED"),
    changed("square_root", "it takes the square root for the power beta", with_fields(beta=0.5), BOTH),
    changed("no_power", "it takes no power", with_fields(beta=1.0), BOTH),
    changed("half_power", "it halves the power: that of the norm", with_fields(beta=lambda n: n.beta / 2), BOTH),
    changed(
        "doubled_power",
        "it takes the power of the norm, not of its square",
        with_fields(beta=lambda n: 2 * n.beta),
        BOTH,
    ),
    forward_is("mean_for_sum", "it takes the mean over channels", sums(lambda s: s.mean(axis=3, keepdims=True))),
    forward_is(
        "over_positions",
        "its norm runs over positions",
        sums(lambda s: s.sum(axis=(1, 2), keepdims=True)),
        flag="LAYOUT",
    ),
    forward_is(
        "over_everything",
        "its norm runs over the whole image",
        sums(lambda s: s.sum(axis=(1, 2, 3), keepdims=True)),
        flag="LAYOUT",
    ),
    forward_is("each_value", "it subtracts each value's own size", sums(lambda s: s)),
    backward_is("constant_offset", "its backward pass takes the offset as constant", gradient_with(0.0, over_channels)),
    backward_is("half_gradient", "its backward pass lacks the factor 2", gradient_with(0.5, over_channels)),
    backward_is("plus_gradient", "its backward pass adds the second term", gradient_with(-1.0, over_channels)),
    backward_is("no_sum", "its backward pass does not sum the signal over channels", gradient_with(1.0, lambda g: g)),
    backward_is(
        "mean_of_signal",
        "its backward pass takes the mean of the signal over channels",
        gradient_with(1.0, lambda g: g.mean(axis=3, keepdims=True)),
    ),
    backward_is(
        "without_input", "the second term of its backward pass lacks the input", gradient_with(1.0, over_channels, True)
    ),
)
FEATURES = {
    "several channels": lambda case: case.inputs[0].shape[3] > 1,
    "several positions": lambda case: case.inputs[0].shape[1] * case.inputs[0].shape[2] > 1,
    "several images": lambda case: len(case.inputs[0]) > 1,
    "alpha other than 1": lambda case: case.layer.alpha != 1,
    "beta other than 1/2": lambda case: case.layer.beta != 0.5,
}


def terms(case: Case) -> int:
    """Return the squares in a sum, and some for the power."""
    return int(case.inputs[0].shape[3]) + 6


NORM_OFFSET = Kind("norm_offset", draw, terms, ANSWERS, FEATURES, page="operators/norm_offset.html")
