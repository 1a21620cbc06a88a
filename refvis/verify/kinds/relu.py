"""The ReLU and its backward modes: their cases, and what another choice or a missing gate gives."""

from collections.abc import Callable

import numpy as np

from refvis.layers import Array, ReLU
from refvis.layers import relu as definition
from refvis.verify.case import Case, filled
from refvis.verify.choosing import Chooser
from refvis.verify.kind import BOTH, Answer, Kind, backward_is, changed, forward_is
from refvis.verify.kinds.changes import with_fields


def draw(choose: Chooser, simple: bool) -> Case:
    """Return a ReLU and an input; simple: without leak."""
    leak = 0.0 if simple else choose.choice((0.0, 0.5, 0.125))
    shape = tuple(choose.integer(1, 4) for _ in range(4))
    return Case(ReLU(leak), (filled(choose, shape),))


def open_at_zero(value: float) -> Callable[..., tuple[Array]]:
    """Return the gradient whose slope at x = 0 is `value`."""

    def rule(layer: ReLU, signal: Array, output: Array, x: Array) -> tuple[Array]:
        (back,) = definition.gradient(layer, signal, output, x)
        return (np.where(x == 0, signal * value, back),)

    return rule


def guided_at_zero(layer: ReLU, signal: Array, output: Array, x: Array) -> tuple[Array]:
    """Return the guided signal that also passes where x = 0."""
    (back,) = definition.guided(layer, signal, output, x)
    return (np.where(x == 0, definition.deconvnet(layer, signal, output, x)[0], back),)


def negative_signal(layer: ReLU, signal: Array, output: Array, x: Array) -> tuple[Array]:
    """Return the guided signal of the other sign: negative signals pass."""
    return (-definition.guided(layer, -signal, output, x)[0],)


def absolute_guided(layer: ReLU, signal: Array, output: Array, x: Array) -> tuple[Array]:
    """Return the guided pass of the signal's absolute value."""
    return definition.guided(layer, np.abs(signal), output, x)


def by_signal_and_input_sign(layer: ReLU, signal: Array, output: Array, x: Array) -> tuple[Array]:
    """Return the signal where it has the sign of the input."""
    return (np.where(signal * x > 0, signal, 0.0),)


def times_output(layer: ReLU, signal: Array, output: Array, x: Array) -> tuple[Array]:
    """Return the signal times the output."""
    return (signal * output,)


def passes(layer: ReLU, signal: Array, output: Array, x: Array) -> tuple[Array]:
    """Return the signal as it is."""
    return (signal.copy(),)


GRADIENT = backward_is("gradient", "it is the gradient: only the input gates the signal", definition.gradient)
DECONVNET_ANSWER = backward_is("deconvnet", "it is deconvnet: only the signal gates itself", definition.deconvnet)
GUIDED_ANSWER = backward_is("guided", "it is guided backpropagation: input and signal gate", definition.guided)
NO_LEAK = changed("no_leak", "it ignores the leak", with_fields(leak=0.0), flag="UNSUPPORTED")
UNGATED = backward_is("ungated", "no gate is applied: the signal passes as it is", passes)
ABSOLUTE = backward_is("absolute_signal", "it takes the signal's absolute value", absolute_guided)
SIGNED = backward_is("other_sign", "negative signals pass instead of positive ones", negative_signal)
PRODUCT = backward_is("same_sign", "the signal passes where it has the input's sign", by_signal_and_input_sign)

FEATURES = {
    "a leak": lambda case: case.layer.leak != 0,
    "inputs that are exactly zero": lambda case: bool((case.inputs[0] == 0).any()),
    "negative inputs": lambda case: bool((case.inputs[0] < 0).any()),
    "negative signals": lambda case: case.signal is not None and bool((case.signal < 0).any()),
    "several images": lambda case: len(case.inputs[0]) > 1,
}
PAGE = "operators/relu.html"
EXACT = frozenset(BOTH)

RELU_ANSWERS: tuple[Answer, ...] = (
    backward_is("open_at_zero", "its gradient at zero is 1", open_at_zero(1.0), result="acceptable", flag="CONVENTION"),
    backward_is(
        "half_at_zero", "its gradient at zero is 1/2", open_at_zero(0.5), result="acceptable", flag="CONVENTION"
    ),
    GUIDED_ANSWER,
    DECONVNET_ANSWER,
    NO_LEAK,
    UNGATED,
    backward_is("times_output", "it multiplies the signal by the output", times_output),
    forward_is("absolute_value", "it gives the absolute value", lambda layer, x: np.abs(x)),
)
GUIDED_ANSWERS: tuple[Answer, ...] = (
    GRADIENT,
    DECONVNET_ANSWER,
    NO_LEAK,
    UNGATED,
    ABSOLUTE,
    SIGNED,
    PRODUCT,
    backward_is(
        "open_at_zero",
        "it passes positive signals where the input is exactly zero",
        guided_at_zero,
        result="acceptable",
        flag="CONVENTION",
    ),
)
DECONVNET_ANSWERS: tuple[Answer, ...] = (GRADIENT, GUIDED_ANSWER, NO_LEAK, UNGATED, ABSOLUTE, SIGNED, PRODUCT)

RELU = Kind("relu", draw, answers=RELU_ANSWERS, features=FEATURES, exact=EXACT, selects=True, page=PAGE)
GUIDED = Kind(
    "guided",
    draw,
    answers=GUIDED_ANSWERS,
    features=FEATURES,
    rule=definition.guided,
    exact=EXACT,
    selects=True,
    page="modes/guided.html",
)
DECONVNET = Kind(
    "deconvnet",
    draw,
    answers=DECONVNET_ANSWERS,
    features=FEATURES,
    rule=definition.deconvnet,
    exact=EXACT,
    selects=True,
    page="modes/deconvnet.html",
)
