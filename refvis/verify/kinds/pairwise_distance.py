"""Distances between feature vectors: their cases, and what another choice or a mistake gives."""

from collections.abc import Callable

import numpy as np

from refvis.layers import Array, PairwiseDistance
from refvis.layers import pairwise_distance as definition
from refvis.verify.case import Case, filled
from refvis.verify.choosing import Chooser
from refvis.verify.kind import BOTH, Answer, Kind, backward_is, changed, forward_is
from refvis.verify.kinds.changes import with_fields


def draw(choose: Chooser, simple: bool) -> Case:
    """Return a distance and two inputs that never agree; simple: the Euclidean distance of inputs of one shape."""
    shape = tuple(choose.integer(1, 4) for _ in range(4))
    x = filled(choose, shape)
    if simple:
        return Case(PairwiseDistance(), (x, filled(choose, shape) + 0.5))
    each = tuple(n if choose.choice((True, False)) else 1 for n in shape[:3])
    weights = filled(choose, (*shape[:3], 1), "positive") if choose.choice((False, True)) else None
    layer = PairwiseDistance(
        choose.choice((2.0, 1.0, 3.0)),
        choose.choice((False, True)),
        aggregate=choose.choice((False, True)),
        instance_weights=weights,
    )
    return Case(layer, (x, filled(choose, (*each, shape[3])) + 0.5))


def scaled(factor: Callable[[PairwiseDistance, Array], float]) -> Callable[..., Array]:
    """Return y times a number: ``(layer, x) -> number``."""
    return lambda layer, x, target: definition.forward(layer, x, target) * factor(layer, x)


def products(layer: PairwiseDistance, x: Array, target: Array) -> Array:
    """Return the sum of products."""
    y = (x * target).sum(axis=3, keepdims=True)
    return y.sum().reshape(1, 1, 1, 1) if layer.aggregate else y


def offset_added(layer: PairwiseDistance, x: Array, target: Array) -> Array:
    """Return y with 1e-6 added to every difference."""
    return definition.forward(layer, x + 1e-6, target)


Change = Callable[[PairwiseDistance, Array, Array, Array, Array], tuple[Array, Array]]


def signals(change: Change) -> Callable[..., tuple[Array, Array]]:
    """Return the gradient with both signals changed: ``(layer, x, target, dx, dt)``."""

    def rule(layer: PairwiseDistance, signal: Array, output: Array, x: Array, target: Array) -> tuple[Array, Array]:
        return change(layer, x, target, *definition.gradient(layer, signal, output, x, target))

    return rule


def not_summed(layer: PairwiseDistance, x: Array, target: Array, dx: Array, dt: Array) -> tuple[Array, Array]:
    """Return the target's signal without the sum over what it is repeated along."""
    return dx, -dx


def divided(layer: PairwiseDistance, x: Array, target: Array, dx: Array, dt: Array) -> tuple[Array, Array]:
    """Return half of the signals."""
    return dx / 2, dt / 2


ANSWERS: tuple[Answer, ...] = (
    changed("no_root", "it takes no root", with_fields(no_root=True), BOTH, flag="CONVENTION"),
    changed("always_root", "it always takes the root", with_fields(no_root=False), BOTH, flag="UNSUPPORTED"),
    changed("always_two", "it takes 2 for p", with_fields(p=2.0), BOTH, flag="UNSUPPORTED"),
    changed("always_one", "it takes 1 for p", with_fields(p=1.0), BOTH),
    changed("no_weights", "it ignores the weights", with_fields(instance_weights=None), BOTH, flag="UNSUPPORTED"),
    changed("not_aggregated", "it does not sum over positions", with_fields(aggregate=False), ("forward",)),
    changed("aggregated", "it sums over all positions", with_fields(aggregate=True), ("forward",)),
    forward_is(
        "mean_for_aggregate",
        "it takes the mean over positions, not the sum",
        scaled(lambda layer, x: x.shape[3] / x.size if layer.aggregate else 1.0),
    ),
    forward_is(
        "mean_over_images",
        "it divides the aggregate by the number of images",
        scaled(lambda layer, x: 1 / len(x) if layer.aggregate else 1.0),
        flag="CONVENTION",
    ),
    forward_is("mean_over_channels", "it divides by the number of channels", scaled(lambda layer, x: 1 / x.shape[3])),
    forward_is(
        "half",
        "it gives half of the distance",
        scaled(lambda layer, x: 0.5),
        flag="CONVENTION",
        seen=("Caffe's EuclideanLoss, which is half the squared distance over N",),
    ),
    forward_is("inner_product", "it gives the inner product", products),
    forward_is(
        "offset_added",
        "it adds 1e-6 to every difference",
        offset_added,
        result="acceptable",
        flag="NUMERICS",
        seen=("PairwiseDistance of PyTorch",),
    ),
    backward_is(
        "target_not_summed",
        "the target's signal is not summed over the axes along which it repeats",
        signals(not_summed),
        flag="KNOWN_BUG",
        seen=("MatConvNet",),
    ),
    backward_is(
        "same_sign_for_target",
        "the target's signal has the sign of the input's",
        signals(lambda n, x, t, dx, dt: (dx, -dt)),
    ),
    backward_is(
        "nothing_to_target",
        "the target gets no signal",
        signals(lambda n, x, t, dx, dt: (dx, 0 * dt)),
        flag="UNSUPPORTED",
    ),
    backward_is(
        "absolute_signal",
        "its signals lack the sign of the difference",
        signals(lambda n, x, t, dx, dt: (np.abs(dx), np.abs(dt))),
    ),
    backward_is("half_signal", "its signals are half as large", signals(divided)),
)
FEATURES = {
    "p other than 2": lambda case: case.layer.p != 2,
    "no root": lambda case: bool(case.layer.no_root),
    "weights": lambda case: case.layer.instance_weights is not None,
    "an aggregate": lambda case: bool(case.layer.aggregate),
    "a target that repeats": lambda case: case.inputs[0].shape != case.inputs[1].shape,
    "several channels": lambda case: case.inputs[0].shape[3] > 1,
}


def terms(case: Case) -> int:
    """Return the powers in a sum, forward or back, and some for the root."""
    return int(case.inputs[0].size) + 6


PAIRWISE_DISTANCE = Kind("pairwise_distance", draw, terms, ANSWERS, FEATURES, page="operators/pairwise_distance.html")
