"""Spatial normalisation: its cases, and what another choice or a mistake gives."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from refvis.layers import Array, Pool, SpatialNorm, pool
from refvis.layers import spatial_norm as definition
from refvis.verify.case import Case, filled
from refvis.verify.choosing import Chooser
from refvis.verify.kind import BOTH, Answer, Kind, backward_is, changed, forward_is
from refvis.verify.kinds.changes import reordered, with_fields


def draw(choose: Chooser, simple: bool) -> Case:
    """Return a spatial normalisation and an input; simple: a square window of odd size."""
    size = (choose.choice((3, 1)),) * 2 if simple else (choose.integer(1, 4), choose.integer(1, 4))
    layer = SpatialNorm(size, choose.choice((1.0, 2.0, 0.5)), choose.choice((0.75, 0.5, 1.0, 2.0)))
    shape = choose.integer(1, 3), choose.integer(1, 5), choose.integer(1, 5), choose.integer(1, 3)
    return Case(layer, (filled(choose, shape, scale=0.5),))


def counts(layer: SpatialNorm, x: Array) -> Array:
    """Return the number of pixels of each window that exist."""
    return pool.counts(definition.mean(layer), x)


def with_mean(mean: Callable[[SpatialNorm, Array], Array]) -> Callable[[SpatialNorm, Array], Array]:
    """Return y with another mean of squares: ``(layer, squares) -> mean``."""
    return lambda layer, x: x * (1 + layer.alpha * mean(layer, x * x)) ** -layer.beta


def mirrored(layer: SpatialNorm) -> Pool:
    """Return the average over windows that hold one more row above, for even sizes."""
    average = definition.mean(layer)
    top, bottom, left, right = average.pad
    return replace(average, pad=(bottom, top, right, left))


def second_term(layer: SpatialNorm, signal: Array, x: Array, average: Pool | None = None) -> tuple[Array, Array]:
    """Return the direct term of the gradient, and what it subtracts, with windows of `average`."""
    F = definition.energy(layer, x)
    (back,) = pool.gradient(average or definition.mean(layer), signal * x * F ** (-layer.beta - 1), F, x)
    return signal * F**-layer.beta, 2 * layer.alpha * layer.beta * x * back


def changed_term(factor: float) -> Callable[..., tuple[Array]]:
    """Return the gradient with its second term times a number."""

    def rule(layer: SpatialNorm, signal: Array, output: Array, x: Array) -> tuple[Array]:
        direct, taken = second_term(layer, signal, x)
        return (direct - factor * taken,)

    return rule


def forward_windows(layer: SpatialNorm, signal: Array, output: Array, x: Array) -> tuple[Array]:
    """Return the gradient whose second term is a mean over the forward windows."""
    F = definition.energy(layer, x)
    back = pool.forward(definition.mean(layer), signal * x * F ** (-layer.beta - 1))
    return (signal * F**-layer.beta - 2 * layer.alpha * layer.beta * x * back,)


ANSWERS: tuple[Answer, ...] = (
    forward_is(
        "counts_the_border",
        "its mean divides by all pixels of the window, those outside, too",
        with_mean(
            lambda layer, squares: (
                pool.forward(definition.mean(layer), squares) * counts(layer, squares) / np.prod(layer.size)
            )
        ),
        result="acceptable",
        flag="CONVENTION",
        seen=("LRN within channels of Caffe",),
    ),
    forward_is(
        "sum_for_mean",
        "it takes the sum, not the mean",
        with_mean(lambda layer, squares: pool.forward(definition.mean(layer), squares) * counts(layer, squares)),
        flag="CONVENTION",
        seen=("MatConvNet's help, against its code",),
    ),
    forward_is(
        "mirrored_window",
        "a window of even size has one more row above and one more column to the left",
        with_mean(lambda layer, squares: pool.forward(mirrored(layer), squares)),
        flag="CONVENTION",
    ),
    forward_is(
        "absolute_values",
        "it takes the mean of sizes, not of squares",
        lambda layer, x: x * (1 + layer.alpha * pool.forward(definition.mean(layer), np.abs(x))) ** -layer.beta,
    ),
    forward_is(
        "largest_square",
        "it takes the largest square, not the mean",
        with_mean(lambda layer, squares: pool.forward(replace(definition.mean(layer), method="max"), squares)),
    ),
    forward_is(
        "over_channels",
        "its mean runs over channels, too",
        with_mean(
            lambda layer, squares: (
                pool.forward(definition.mean(layer), squares).mean(axis=3, keepdims=True) + 0 * squares
            )
        ),
        flag="LAYOUT",
    ),
    forward_is(
        "no_one",
        "it has no 1 in the denominator",
        lambda layer, x: x * (layer.alpha * pool.forward(definition.mean(layer), x * x)) ** -layer.beta,
    ),
    changed("size_x_y", "it reads the size as (x, y)", reordered("size", 1, 0), BOTH, flag="LAYOUT"),
    changed(
        "window_one_larger",
        "its window has one row and column too many",
        with_fields(size=lambda layer: tuple(n + 1 for n in layer.size)),
        BOTH,
    ),
    changed("square_root", "it takes the square root for the power beta", with_fields(beta=0.5), BOTH),
    changed("beta_one", "it takes 1 for beta", with_fields(beta=1.0), BOTH),
    changed(
        "power_of_the_other_sign",
        "it multiplies by the power instead of dividing",
        with_fields(beta=lambda layer: -layer.beta),
        BOTH,
    ),
    backward_is("constant_denominator", "its backward pass takes the denominator as constant", changed_term(0.0)),
    backward_is("half_gradient", "its backward pass lacks the factor 2 of the square", changed_term(0.5)),
    backward_is("plus_gradient", "its backward pass adds the second term", changed_term(-1.0)),
    backward_is(
        "forward_windows",
        "the second term of its backward pass is a mean over the forward windows",
        forward_windows,
        flag="KNOWN_BUG",
    ),
)
FEATURES = {
    "a window of even size": lambda case: any(n % 2 == 0 for n in case.layer.size),
    "a window that is not square": lambda case: len(set(case.layer.size)) > 1,
    "windows over the edge": lambda case: max(case.layer.size) > 1,
    "several channels": lambda case: case.inputs[0].shape[3] > 1,
    "several images": lambda case: len(case.inputs[0]) > 1,
}


def terms(case: Case) -> int:
    """Return the squares in a sum, and some for the power."""
    return int(np.prod(case.layer.size)) + 6


SPATIAL_NORM = Kind("spatial_norm", draw, terms, ANSWERS, FEATURES, page="operators/spatial_norm.html")
