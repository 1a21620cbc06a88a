"""Layers that join several inputs, sum and concatenation: their cases, and what another choice or a mistake gives."""

from collections.abc import Callable

import numpy as np

from refvis.layers import Array, Concat, Sum
from refvis.layers import concat as concat_definition
from refvis.verify.case import Case, filled
from refvis.verify.choosing import Chooser
from refvis.verify.kind import BOTH, Answer, Kind, backward_is, changed, forward_is
from refvis.verify.kinds.changes import with_fields


def draw_sum(choose: Chooser, simple: bool) -> Case:
    """Return two inputs of one shape; not simple: two to four."""
    shape = tuple(choose.integer(1, 3) for _ in range(4))
    count = 2 if simple else choose.integer(2, 4)
    return Case(Sum(), tuple(filled(choose, shape) for _ in range(count)))


def draw_concat(choose: Chooser, simple: bool) -> Case:
    """Return two inputs that differ in their channels; not simple: two to four, along any axis."""
    axis = 3 if simple else choose.choice((3, 1, 2, 0))
    shape = [choose.integer(1, 3) for _ in range(4)]
    count = 2 if simple else choose.integer(2, 4)
    shapes = [(*shape[:axis], choose.integer(1, 3), *shape[axis + 1 :]) for _ in range(count)]
    return Case(Concat(axis), tuple(filled(choose, one) for one in shapes))


def divided(layer: Sum, signal: Array, output: Array, *inputs: Array) -> tuple[Array, ...]:
    """Return equal parts of the signal."""
    return (signal / len(inputs),) * len(inputs)


def first_gets_all(layer: Sum, signal: Array, output: Array, *inputs: Array) -> tuple[Array, ...]:
    """Return the signal for the first input, and zeros for the others."""
    return signal, *(np.zeros_like(x) for x in inputs[1:])


def last_gets_all(layer: Sum, signal: Array, output: Array, *inputs: Array) -> tuple[Array, ...]:
    """Return the signal for the last input, and zeros for the others."""
    return *(np.zeros_like(x) for x in inputs[1:]), signal


def by_contribution(layer: Sum, signal: Array, output: Array, *inputs: Array) -> tuple[Array, ...]:
    """Return the signal times each input."""
    return tuple(signal * x for x in inputs)


SUM_ANSWERS: tuple[Answer, ...] = (
    forward_is("mean", "it takes the mean", lambda layer, *inputs: sum(inputs) / len(inputs)),
    forward_is("largest", "it takes the largest value", lambda layer, *inputs: np.maximum.reduce(inputs)),
    forward_is("product", "it multiplies", lambda layer, *inputs: np.multiply.reduce(inputs)),
    forward_is("first_two_only", "it sums the first two inputs only", lambda layer, x, t, *rest: x + t),
    forward_is("first_only", "it returns the first input", lambda layer, x, *rest: x),
    forward_is("last_only", "it returns the last input", lambda layer, *inputs: inputs[-1]),
    forward_is("difference", "it subtracts the second input", lambda layer, x, t, *rest: sum(rest, x - t)),
    backward_is("divided_signal", "its inputs share the signal in equal parts", divided),
    backward_is("first_gets_all", "the first input gets the signal, the others nothing", first_gets_all),
    backward_is("last_gets_all", "the last input gets the signal, the others nothing", last_gets_all),
    backward_is("signal_times_input", "it multiplies the signal by each input", by_contribution),
)


def in_order(choose: Callable[[list[int]], list[int]]) -> Callable[..., Array]:
    """Return the concatenation of inputs in another order."""

    def forward(layer: Concat, *inputs: Array) -> Array:
        return concat_definition.forward(layer, *(inputs[i] for i in choose(list(range(len(inputs))))))

    return forward


def reversed_parts(layer: Concat, signal: Array, output: Array, *inputs: Array) -> tuple[Array, ...]:
    """Return the parts of the signal, read from the last input to the first."""
    return concat_definition.gradient(layer, signal, output, *inputs[::-1])[::-1]


def equal_parts(layer: Concat, signal: Array, output: Array, *inputs: Array) -> tuple[Array, ...]:
    """Return parts of equal size."""
    return tuple(np.array_split(signal, len(inputs), axis=layer.axis))


def interleaved(layer: Concat, *inputs: Array) -> Array:
    """Return the values of the inputs in turn, where all have the same size."""
    return np.stack(inputs, axis=layer.axis + 1).reshape(concat_definition.forward(layer, *inputs).shape)


def first_part_for_all(layer: Concat, signal: Array, output: Array, *inputs: Array) -> tuple[Array, ...]:
    """Return parts that all begin where the first begins."""
    before = (slice(None),) * layer.axis
    return tuple(signal[(*before, slice(0, x.shape[layer.axis]))] for x in inputs)


CONCAT_ANSWERS: tuple[Answer, ...] = (
    changed(
        "axis_of_nchw",
        "it counts the axis in N x C x H x W",
        with_fields(axis=lambda layer: (0, 3, 1, 2)[layer.axis]),
        BOTH,
        flag="LAYOUT",
        seen=("Caffe", "PyTorch", "ONNX"),
    ),
    changed(
        "axis_from_one",
        "it counts the axis from 1",
        with_fields(axis=lambda layer: (layer.axis - 1) % 4),
        BOTH,
        flag="LAYOUT",
    ),
    changed("always_channels", "it always takes the channels", with_fields(axis=3), BOTH, flag="UNSUPPORTED"),
    forward_is("reverse_order", "it takes the inputs from the last to the first", in_order(lambda n: n[::-1])),
    forward_is("first_two_only", "it takes the first two inputs only", in_order(lambda n: n[:2])),
    forward_is("interleaved", "its values of the inputs alternate", interleaved, flag="LAYOUT"),
    backward_is("reversed_parts", "its backward pass takes the inputs from the last to the first", reversed_parts),
    backward_is("equal_parts", "its backward pass cuts parts of equal size", equal_parts),
    backward_is(
        "first_part_for_all", "its backward pass begins at the first value for every input", first_part_for_all
    ),
)
SUM_FEATURES = {"more than two inputs": lambda case: len(case.inputs) > 2}
CONCAT_FEATURES = {
    "more than two inputs": lambda case: len(case.inputs) > 2,
    "another axis than the channels": lambda case: case.layer.axis != 3,
    "inputs of several sizes": lambda case: len({x.shape for x in case.inputs}) > 1,
    "inputs of one size": lambda case: len({x.shape for x in case.inputs}) == 1,
}
EXACT = frozenset(BOTH)

SUM = Kind(
    "sum",
    draw_sum,
    lambda case: len(case.inputs),
    SUM_ANSWERS,
    SUM_FEATURES,
    exact=EXACT,
    page="operators/sum.html",
)
CONCAT = Kind(
    "concat",
    draw_concat,
    answers=CONCAT_ANSWERS,
    features=CONCAT_FEATURES,
    exact=EXACT,
    page="operators/concat.html",
)
