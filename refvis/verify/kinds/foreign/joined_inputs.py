"""Global pooling, gates and losses of differences: their cases, and what another choice or a mistake gives."""

from collections.abc import Callable

import numpy as np

from refvis.layers import Array, Axpy, EuclideanLoss, GlobalPool, L2Loss
from refvis.layers.operators import Layer
from refvis.verify.case import Case, filled
from refvis.verify.choosing import Chooser
from refvis.verify.kind import BOTH, Answer, Kind, backward_is, changed, forward_is
from refvis.verify.kinds.changes import with_fields


def draw_global_pool(choose: Chooser, simple: bool) -> Case:
    """Return a mean over the image, not simple: or the largest value, and an input."""
    method = "avg" if simple else choose.choice(("avg", "max"))
    return Case(GlobalPool(method), (filled(choose, tuple(choose.integer(1, 4) for _ in range(4))),))


def other_method(layer: GlobalPool) -> str:
    """Return the other of the two methods."""
    return "max" if layer.method == "avg" else "avg"


def undivided(layer: GlobalPool, x: Array) -> Array:
    """Return the sum in the place of the mean."""
    return x.sum(axis=(1, 2), keepdims=True) if layer.method == "avg" else x.max(axis=(1, 2), keepdims=True)


def over_channels(layer: GlobalPool, x: Array) -> Array:
    """Return one value for each image."""
    value = (x.mean if layer.method == "avg" else x.max)(axis=(1, 2, 3), keepdims=True)
    return np.broadcast_to(value, (len(x), 1, 1, x.shape[3])).copy()


def mean_backward(layer: GlobalPool, signal: Array, output: Array, x: Array) -> tuple[Array]:
    """Return equal parts of the signal, whatever the method."""
    return (np.broadcast_to(signal / (x.shape[1] * x.shape[2]), x.shape).copy(),)


def whole_to_all(layer: GlobalPool, signal: Array, output: Array, x: Array) -> tuple[Array]:
    """Return the whole signal at every pixel."""
    return (np.broadcast_to(signal, x.shape).copy(),)


GLOBAL_POOL_ANSWERS: tuple[Answer, ...] = (
    changed("other_method", "it takes the other of mean and maximum", with_fields(method=other_method), BOTH),
    forward_is("sum", "it takes the sum, not the mean", undivided),
    forward_is("over_channels", "it pools over channels, too", over_channels, flag="LAYOUT"),
    backward_is(
        "mean_for_maximum",
        "its backward pass is that of the mean",
        mean_backward,
        flag="KNOWN_BUG",
        seen=("mcnExtraLayers",),
    ),
    backward_is("whole_to_all", "every pixel gets the whole signal", whole_to_all),
)


def draw_axpy(choose: Chooser, simple: bool) -> Case:
    """Return a gate for each channel, an input, and a path beside it."""
    shape = tuple(choose.integer(1, 3) for _ in range(4))
    return Case(Axpy(), (filled(choose, (shape[0], 1, 1, shape[3])), filled(choose, shape), filled(choose, shape)))


AXPY_ANSWERS: tuple[Answer, ...] = (
    forward_is("no_path", "it leaves out what is added", lambda layer, a, x, y: a * x),
    forward_is("gated_path", "it multiplies the other path", lambda layer, a, x, y: x + a * y),
    forward_is("both_gated", "it multiplies both", lambda layer, a, x, y: a * (x + y)),
    forward_is("one_gate", "the first image's gate serves all images", lambda layer, a, x, y: a[:1] * x + y),
)


def draw_loss(kind: type) -> Callable[[Chooser, bool], Case]:
    """Return the function that draws an input and a target; not simple: perhaps weights."""

    def draw(choose: Chooser, simple: bool) -> Case:
        shape = tuple(choose.integer(1, 3) for _ in range(4))
        inputs = [filled(choose, shape), filled(choose, shape)]
        if not simple and choose.choice((False, True)):
            inputs.append(filled(choose, (shape[0], 1, 1, 1), "positive"))
        return Case(kind(), tuple(inputs))

    return draw


def scaled_loss(factor: float, divide: Callable[[Array], float]) -> Callable[..., Array]:
    """Return the loss with another factor, divided by a number that follows from the input."""

    def forward(layer: Layer, x: Array, target: Array, *weights: Array) -> Array:
        squares = (x - target) ** 2 * (weights[0] if weights else 1.0)
        return squares.sum(axis=(0, 1, 2, 3), keepdims=True) * factor / divide(x)

    return forward


def root(layer: Layer, x: Array, target: Array, *weights: Array) -> Array:
    """Return the root of the sum of squares."""
    return np.sqrt(scaled_loss(1.0, lambda x: 1.0)(layer, x, target, *weights))


def loss_answers(own: float) -> tuple[Answer, ...]:
    """Return the answers to a loss whose own factor is `own`."""
    other = 1.5 - own
    return (
        forward_is(
            "other_factor",
            f"its factor is {other:g}, not {own:g}",
            scaled_loss(other, lambda x: 1.0),
            result="acceptable",
            flag="CONVENTION",
        ),
        forward_is(
            "mean_of_images",
            "it divides by the number of images",
            scaled_loss(own, lambda x: len(x)),
            result="acceptable",
            flag="CONVENTION",
            seen=("Caffe",),
        ),
        forward_is(
            "mean_of_values",
            "it takes the mean of squares",
            scaled_loss(1.0, lambda x: float(x.size)),
            result="acceptable",
            flag="CONVENTION",
            seen=("MSELoss of PyTorch",),
        ),
        forward_is("root", "it takes the root", root),
        forward_is(
            "no_weights",
            "it ignores the weights",
            lambda la, x, t, *w: scaled_loss(own, lambda x: 1.0)(la, x, t),
            flag="UNSUPPORTED",
        ),
    )


GLOBAL_POOL = Kind(
    "global_pool",
    draw_global_pool,
    lambda case: int(case.inputs[0][0, ..., 0].size),
    GLOBAL_POOL_ANSWERS,
    page="operators/global_pool.html",
)
AXPY = Kind(
    "axpy",
    draw_axpy,
    lambda case: int(case.inputs[1].size),
    AXPY_ANSWERS,
    exact=frozenset(BOTH),
    page="operators/axpy.html",
)
EUCLIDEAN_LOSS = Kind(
    "euclidean_loss",
    draw_loss(EuclideanLoss),
    lambda case: int(case.inputs[0].size),
    loss_answers(0.5),
    page="operators/euclidean_loss.html",
)
L2_LOSS = Kind(
    "l2_loss",
    draw_loss(L2Loss),
    lambda case: int(case.inputs[0].size),
    loss_answers(1.0),
    page="operators/euclidean_loss.html",
)
