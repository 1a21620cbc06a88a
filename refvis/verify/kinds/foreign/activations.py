"""Activations beyond ReLU and sigmoid: their cases, and what another choice or a mistake gives."""

from collections.abc import Callable

import numpy as np

from refvis.layers import Array, Clip, HardSigmoid, HardSwish, LogSoftmax, PReLU, Tanh, Trunc
from refvis.layers.operators import Layer
from refvis.verify.case import Case, Values, filled
from refvis.verify.choosing import Chooser
from refvis.verify.kind import BOTH, PARTS, Answer, Kind, backward_is, changed, forward_is
from refvis.verify.kinds.changes import with_fields


def drawn(layers: tuple[Layer, ...], scale: float = 0.5) -> Callable[[Chooser, bool], Case]:
    """Return the function that draws one of the layers, the first if simple, and an input."""

    def draw(choose: Chooser, simple: bool) -> Case:
        layer = layers[0] if simple else choose.choice(layers)
        shape = tuple(choose.integer(1, 4) for _ in range(4))
        return Case(layer, (filled(choose, shape, scale=scale),))

    return draw


def draw_prelu(choose: Chooser, simple: bool) -> Case:
    """Return a PReLU with a slope for each channel, and an input; not simple: perhaps one slope for all."""
    shape = tuple(choose.integer(1, 4) for _ in range(4))
    slopes = filled(choose, (shape[3] if simple else choose.choice((shape[3], 1)),), "distinct", 0.25)
    return Case(PReLU(slopes), (filled(choose, shape),))


def passes(layer: Layer, signal: Array, output: Array, x: Array) -> tuple[Array]:
    """Return the signal as it is."""
    return (signal.copy(),)


def times_output(layer: Layer, signal: Array, output: Array, x: Array) -> tuple[Array]:
    """Return the signal times the output."""
    return (signal * output,)


UNGATED = backward_is("ungated", "its backward pass leaves the signal as it is", passes)
PRODUCT = backward_is("times_output", "its backward pass multiplies by the output", times_output)


TANH_ANSWERS: tuple[Answer, ...] = (
    forward_is("sigmoid", "it gives the sigmoid", lambda layer, x: 1 / (1 + np.exp(-x))),
    forward_is("halved", "it gives the tangent of half the value", lambda layer, x: np.tanh(x / 2)),
    forward_is("hard", "it clips to -1 ... 1", lambda layer, x: np.clip(x, -1, 1)),
    backward_is("sigmoid_slope", "its backward pass has the slope y (1 - y)", lambda la, g, y, x: (g * y * (1 - y),)),
    backward_is("slope_of_input", "its backward pass has the slope 1 - x^2", lambda la, g, y, x: (g * (1 - x * x),)),
    UNGATED,
    PRODUCT,
)


def one_slope(case: Case) -> Case:
    """Return the case in which the first slope serves all channels."""
    return case.with_arrays({"layer.slopes": np.full_like(case.layer.slopes, case.layer.slopes[0])})


def mean_of_slopes(kind: Kind, case: Case) -> Values:
    """Return the slopes' gradient as a mean over positions."""
    found = kind.results("parameter_gradients", case)
    return {"slopes": found["slopes"] / (case.inputs[0].size / case.layer.slopes.size)}


def all_inputs(kind: Kind, case: Case) -> Values:
    """Return the slopes' gradient in which positive inputs count, too."""
    assert case.signal is not None
    each = (case.signal * case.inputs[0]).sum(axis=(0, 1, 2))
    return {"slopes": each if case.layer.slopes.size > 1 else each.sum(keepdims=True)}


PRELU_ANSWERS: tuple[Answer, ...] = (
    changed("no_slope", "it ignores the slopes", with_fields(slopes=lambda layer: 0 * layer.slopes), BOTH),
    changed("negated_slopes", "its slopes have the other sign", with_fields(slopes=lambda layer: -layer.slopes), BOTH),
    changed("one_slope_for_all", "it takes the first channel's slope for all channels", one_slope, BOTH),
    forward_is("slopes_everywhere", "it multiplies positive values, too", lambda layer, x: layer.slopes * x),
    backward_is("open_at_zero", "its slope at zero is 1", lambda la, g, y, x: (np.where(x >= 0, g, g * la.slopes),)),
    UNGATED,
    Answer("mean_of_positions", "its gradient of the slopes is a mean", {"parameter_gradients": mean_of_slopes}),
    Answer("all_inputs_count", "its slopes' gradient counts positive inputs", {"parameter_gradients": all_inputs}),
)

TRUNC_ANSWERS: tuple[Answer, ...] = (
    changed("not_mirrored", "it keeps the sign below", with_fields(mirrored=False), ("forward",)),
    changed("mirrored", "it gives the limit below, too", with_fields(mirrored=True), ("forward",)),
    changed("limit_five", "it takes 5 for the limit", with_fields(limit=5.0), BOTH),
    backward_is("open_at_limit", "the signal passes at the limit", lambda la, g, y, x: (g * (abs(x) <= la.limit),)),
    UNGATED,
)


CLIP_ANSWERS: tuple[Answer, ...] = (
    forward_is("no_lower_bound", "it has no lower bound", lambda layer, x: np.minimum(x, layer.high)),
    forward_is("no_upper_bound", "it has no upper bound", lambda layer, x: np.maximum(x, layer.low)),
    changed("relu6", "it takes 0 and 6 for the bounds", with_fields(low=0.0, high=6.0), BOTH),
    backward_is(
        "open_at_bounds", "the signal passes at the bounds", lambda la, g, y, x: (g * ((x >= la.low) & (x <= la.high)),)
    ),
    UNGATED,
)

HARD_SIGMOID_ANSWERS: tuple[Answer, ...] = (
    changed(
        "alpha_fifth",
        "its alpha is 1/5, its beta 1/2",
        with_fields(alpha=0.2, beta=0.5),
        BOTH,
        result="acceptable",
        flag="CONVENTION",
        seen=("ONNX's default", "Keras"),
    ),
    forward_is("no_bounds", "it does not clip", lambda layer, x: layer.alpha * x + layer.beta),
    forward_is("sigmoid", "it gives the sigmoid", lambda layer, x: 1 / (1 + np.exp(-x))),
    UNGATED,
)

HARD_SWISH_ANSWERS: tuple[Answer, ...] = (
    forward_is("swish", "it gives x times the sigmoid", lambda layer, x: x / (1 + np.exp(-x)), flag="CONVENTION"),
    forward_is("gate_only", "it gives the gate without x", lambda layer, x: np.clip(x / 6 + 0.5, 0, 1)),
    backward_is(
        "gate_constant",
        "its backward pass takes the gate as constant",
        lambda la, g, y, x: (g * np.clip(x / 6 + 0.5, 0, 1),),
    ),
    UNGATED,
)

LOG_SOFTMAX_ANSWERS: tuple[Answer, ...] = (
    forward_is(
        "softmax",
        "it gives the softmax without logarithm",
        lambda layer, x: np.exp(x) / np.exp(x).sum(axis=3, keepdims=True),
    ),
    forward_is(
        "over_rows",
        "it runs over rows, not over channels",
        lambda layer, x: x - np.log(np.exp(x).sum(axis=1, keepdims=True)),
        flag="LAYOUT",
    ),
    backward_is(
        "softmax_gradient",
        "its backward pass is that of the softmax",
        lambda la, g, y, x: (np.exp(y) * (g - (g * np.exp(y)).sum(axis=3, keepdims=True)),),
    ),
    UNGATED,
)

TANH = Kind("tanh", drawn((Tanh(),)), lambda case: 8, TANH_ANSWERS, page="operators/tanh.html")
PRELU = Kind(
    "prelu",
    draw_prelu,
    lambda case: int(case.inputs[0].size),
    PRELU_ANSWERS,
    exact=frozenset(PARTS),
    page="operators/prelu.html",
)
TRUNC = Kind(
    "trunc",
    drawn((Trunc(1.0), Trunc(1.0, mirrored=True), Trunc(0.5))),
    answers=TRUNC_ANSWERS,
    exact=frozenset(BOTH),
    selects=True,
    page="operators/trunc.html",
)
CLIP = Kind(
    "clip",
    drawn((Clip(-1.0, 1.0), Clip(0.0, 0.5), Clip(-0.5, 1.5))),
    answers=CLIP_ANSWERS,
    exact=frozenset(BOTH),
    selects=True,
    page="operators/clip.html",
)
HARD_SIGMOID = Kind(
    "hard_sigmoid",
    drawn((HardSigmoid(0.5, 0.5), HardSigmoid(0.25, 0.25)), 1.0),
    lambda case: 4,
    HARD_SIGMOID_ANSWERS,
    page="operators/hard_sigmoid.html",
)
HARD_SWISH = Kind(
    "hard_swish", drawn((HardSwish(),), 1.25), lambda case: 4, HARD_SWISH_ANSWERS, page="operators/hard_swish.html"
)
LOG_SOFTMAX = Kind(
    "log_softmax",
    drawn((LogSoftmax(),)),
    lambda case: int(case.inputs[0].shape[3]) + 8,
    LOG_SOFTMAX_ANSWERS,
    page="operators/log_softmax.html",
)
