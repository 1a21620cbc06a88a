"""Lp normalisation: its cases, and what another choice or a mistake gives."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from refvis.layers import Array, NormalizeLp
from refvis.layers import normalize_lp as definition
from refvis.verify.case import Case, filled
from refvis.verify.choosing import Chooser
from refvis.verify.kind import BOTH, Answer, Kind, backward_is, changed, forward_is
from refvis.verify.kinds.changes import with_fields


def draw(choose: Chooser, simple: bool) -> Case:
    """Return an Lp normalisation and an input; simple: over channels, p = 2."""
    p = 2.0 if simple else choose.choice((2.0, 3.0, 4.0, 1.0))
    dimensions = (3,) if simple else choose.choice(((3,), (1, 2), (1, 2, 3), (1,), (4,)))
    layer = NormalizeLp(p, choose.choice((0.5, 0.25, 2.0)), dimensions=dimensions)
    shape = tuple(choose.integer(1, 4) for _ in range(4))
    return Case(layer, (filled(choose, shape, scale=0.5),))


Sums = Callable[[Array], Array]


def by_norm(norm: Callable[[NormalizeLp, Array, Sums], Array]) -> Callable[[NormalizeLp, Array], Array]:
    """Return x divided by another norm: ``(layer, x, sums over the axes) -> norm``."""

    def forward(layer: NormalizeLp, x: Array) -> Array:
        axes = definition.axes(layer)
        return x / norm(layer, x, lambda values: values.sum(axis=axes, keepdims=True))

    return forward


def over(*dimensions: int) -> Callable[[Case], Case]:
    """Return the change to other axes of the sum."""
    return with_fields(dimensions=dimensions)


def constant_norm(layer: NormalizeLp, signal: Array, output: Array, x: Array) -> tuple[Array]:
    """Return the gradient that takes the norm as constant."""
    return (signal * definition.mass(layer, x) ** (-1 / layer.p),)


def second_term_scaled(factor: Callable[[NormalizeLp], float]) -> Callable[..., tuple[Array]]:
    """Return the gradient with its second term times a number."""

    def rule(layer: NormalizeLp, signal: Array, output: Array, x: Array) -> tuple[Array]:
        (whole,) = definition.gradient(layer, signal, output, x)
        (direct,) = constant_norm(layer, signal, output, x)
        return (direct + factor(layer) * (whole - direct),)

    return rule


def own_value_only(layer: NormalizeLp, signal: Array, output: Array, x: Array) -> tuple[Array]:
    """Return the gradient whose second term counts each value alone."""
    M = definition.mass(layer, x)
    return (M ** (-1 / layer.p) * (signal - np.abs(x) ** (layer.p - 1) * np.sign(x) / M * signal * x),)


def without_sign(layer: NormalizeLp, signal: Array, output: Array, x: Array) -> tuple[Array]:
    """Return the gradient without the sign of x."""
    M = definition.mass(layer, x)
    inner = (signal * x).sum(axis=definition.axes(layer), keepdims=True)
    return (M ** (-1 / layer.p) * (signal - np.abs(x) ** (layer.p - 1) / M * inner),)


ANSWERS: tuple[Answer, ...] = (
    changed("no_epsilon", "it has no epsilon", with_fields(epsilon=0.0), BOTH),
    forward_is(
        "epsilon_outside",
        "it adds epsilon to the norm, outside of the root",
        by_norm(lambda layer, x, sums: sums(np.abs(x) ** layer.p) ** (1 / layer.p) + layer.epsilon),
    ),
    forward_is(
        "epsilon_bounds",
        "its epsilon bounds the norm from below",
        by_norm(lambda layer, x, sums: np.maximum(sums(np.abs(x) ** layer.p) ** (1 / layer.p), layer.epsilon)),
        result="acceptable",
        flag="CONVENTION",
        seen=("normalize of PyTorch",),
    ),
    forward_is(
        "no_root", "it takes no root", by_norm(lambda layer, x, sums: sums(np.abs(x) ** layer.p) + layer.epsilon)
    ),
    forward_is(
        "square_root",
        "it takes the square root for every p",
        by_norm(lambda layer, x, sums: np.sqrt(sums(np.abs(x) ** layer.p) + layer.epsilon)),
    ),
    forward_is(
        "mean_for_sum",
        "it takes the mean, not the sum",
        by_norm(
            lambda layer, x, sums: (sums(np.abs(x) ** layer.p) / sums(np.ones_like(x)) + layer.epsilon) ** (1 / layer.p)
        ),
    ),
    forward_is(
        "no_absolute_value",
        "it takes x^p without the absolute value",
        lambda layer, x: (
            x * ((x**layer.p).sum(axis=definition.axes(layer), keepdims=True) + layer.epsilon) ** (-1 / layer.p)
        ),
        flag="KNOWN_BUG",
        seen=("MatConvNet, for odd p",),
    ),
    forward_is(
        "largest_value",
        "it divides by the largest absolute value",
        lambda layer, x: x / (np.abs(x).max(axis=definition.axes(layer), keepdims=True) + layer.epsilon),
    ),
    changed("always_two", "it takes 2 for p", with_fields(p=2.0), BOTH, flag="UNSUPPORTED"),
    changed("always_channels", "it always sums over channels", over(3), BOTH, flag="UNSUPPORTED"),
    changed("over_positions", "it sums over positions", over(1, 2), BOTH, flag="LAYOUT"),
    changed("over_everything", "it sums over the whole image", over(1, 2, 3), BOTH, flag="LAYOUT"),
    changed("over_rows", "it sums over rows", over(1), BOTH, flag="LAYOUT"),
    changed(
        "axes_from_zero",
        "it counts the axes from 0, in H x W x C x N",
        lambda case: replace(
            case, layer=replace(case.layer, dimensions=tuple(n % 4 + 1 for n in case.layer.dimensions))
        ),
        BOTH,
        flag="LAYOUT",
    ),
    backward_is("constant_norm", "its backward pass takes the norm as constant", constant_norm),
    backward_is("plus_gradient", "its backward pass adds the second term", second_term_scaled(lambda layer: -1.0)),
    backward_is(
        "second_term_times_p", "the second term of its backward pass has a factor p", second_term_scaled(lambda n: n.p)
    ),
    backward_is("own_value_only", "its backward pass leaves out what other values contribute", own_value_only),
    backward_is("without_sign", "its backward pass lacks the sign of x", without_sign),
)
FEATURES = {
    "p other than 2": lambda case: case.layer.p != 2,
    "axes other than the channels": lambda case: case.layer.dimensions != (3,),
    "several images": lambda case: len(case.inputs[0]) > 1,
    "negative inputs": lambda case: bool((case.inputs[0] < 0).any()),
}


def terms(case: Case) -> int:
    """Return the powers in a sum, and some for the root."""
    return int(np.prod([case.inputs[0].shape[axis] for axis in definition.axes(case.layer)])) + 6


NORMALIZE_LP = Kind("normalize_lp", draw, terms, ANSWERS, FEATURES, page="operators/normalize_lp.html")
