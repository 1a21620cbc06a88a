"""Scale and offset: their cases, and what another choice or a mistake gives."""

from dataclasses import replace

import numpy as np

from refvis.layers import Array, Scale
from refvis.layers import scale as definition
from refvis.verify.case import Case, Values, filled
from refvis.verify.choosing import Chooser
from refvis.verify.kind import PARTS, Answer, Kind, backward_is, forward_is, parameters_are
from refvis.verify.kinds import parameters


def draw(choose: Chooser, simple: bool) -> Case:
    """Return a scale with a factor and an offset for each channel; not simple: of any shape, or as inputs."""
    shape = tuple(choose.integer(1, 3) for _ in range(4))
    x = filled(choose, shape)
    if simple:
        offset = filled(choose, (shape[3],)) if choose.choice((True, False)) else None
        return Case(Scale(filled(choose, (shape[3],)), offset), (x,))
    factor, offset = (
        filled(choose, tuple(n if choose.choice((True, False)) else 1 for n in shape)) for _ in ("factor", "offset")
    )
    own_factor, own_offset = choose.choice((True, False)), choose.choice((True, False))
    layer = Scale(factor if own_factor else None, offset if own_offset else None)
    inputs = [x] + ([] if own_factor else [factor]) + ([] if own_offset else [offset])
    return Case(layer, tuple(inputs))


def no_factor(layer: Scale, x: Array, *rest: Array) -> Array:
    """Return x + o."""
    _, o = definition.factors(layer, x, *rest)
    return x if o is None else x + o


def no_offset(layer: Scale, x: Array, *rest: Array) -> Array:
    """Return s x."""
    return x * definition.factors(layer, x, *rest)[0]


def offset_first(layer: Scale, x: Array, *rest: Array) -> Array:
    """Return s (x + o)."""
    s, o = definition.factors(layer, x, *rest)
    return x * s if o is None else (x + o) * s


def offset_for_factor(layer: Scale, x: Array, *rest: Array) -> Array:
    """Return o x + s."""
    s, o = definition.factors(layer, x, *rest)
    return x * s if o is None else x * o + s


def divided(layer: Scale, x: Array, *rest: Array) -> Array:
    """Return x / s + o."""
    s, o = definition.factors(layer, x, *rest)
    return x / s if o is None else x / s + o


def signal_unscaled(layer: Scale, signal: Array, output: Array, x: Array, *rest: Array) -> tuple[Array, ...]:
    """Return the gradient whose signal for x lacks the factor."""
    return signal.copy(), *definition.gradient(layer, signal, output, x, *rest)[1:]


def nothing_to_others(layer: Scale, signal: Array, output: Array, x: Array, *rest: Array) -> tuple[Array, ...]:
    """Return the gradient that gives nothing to the factor and the offset."""
    return definition.gradient(layer, signal, output, x, *rest)[0], *(np.zeros_like(one) for one in rest)


def factor_without_input(layer: Scale, signal: Array, output: Array, x: Array, *rest: Array) -> tuple[Array, ...]:
    """Return the gradient in which the factor's signal lacks x."""
    own = definition.gradient(layer, signal, output, np.ones_like(x), *rest)
    return definition.gradient(layer, signal, output, x, *rest)[0], *own[1:]


def means_for_sums(layer: Scale, signal: Array, output: Array, x: Array, *rest: Array) -> tuple[Array, ...]:
    """Return the gradient that takes means where values repeat."""
    own = definition.gradient(layer, signal, output, x, *rest)
    return own[0], *(one * one.size / x.size for one in own[1:])


def weights_without_input(layer: Scale, signal: Array, x: Array, *rest: Array) -> Values:
    """Return the gradients of parameters in which the factor's lacks x."""
    return definition.parameter_gradients(layer, signal, None, np.ones_like(x), *rest)


def sums_as_factor(layer: Scale, signal: Array, x: Array, *rest: Array) -> Values:
    """Return the gradients of parameters with the offset's summed over the axes along which the factor repeats."""
    found = definition.parameter_gradients(layer, signal, None, x, *rest)
    if "offset" not in found:
        return found
    s, _ = definition.factors(layer, x, *rest)
    summed = definition.summed_to(signal, s.shape)
    ones = (1,) * (4 - found["offset"].ndim) + found["offset"].shape
    if summed.size != found["offset"].size and (1,) * (4 - summed.ndim) + summed.shape != ones:
        raise ValueError("the factor and the offset differ in shape")
    return found | {"offset": summed.reshape(found["offset"].shape)}


def one_factor(layer: Scale, x: Array, *rest: Array) -> Array:
    """Return y with the factor's first value everywhere."""
    s, o = definition.factors(layer, x, *rest)
    y = x * s.ravel()[0]
    return y if o is None else y + o


def across_rows(layer: Scale, x: Array, *rest: Array) -> Array:
    """Return y with parameters of one value per channel laid along the columns."""
    moved = {
        name: array.reshape(1, 1, -1, 1) if (array := getattr(layer, name)) is not None and array.ndim == 1 else array
        for name in ("scale", "offset")
    }
    return definition.forward(replace(layer, **moved), x, *rest) + np.zeros_like(x)


ANSWERS: tuple[Answer, ...] = (
    forward_is("no_factor", "it leaves the factor out", no_factor),
    forward_is("no_offset", "it leaves the offset out", no_offset),
    forward_is("offset_first", "it adds the offset before it multiplies", offset_first),
    forward_is("offset_for_factor", "it swaps factor and offset", offset_for_factor),
    forward_is("divides", "it divides by the factor", divided),
    forward_is("one_factor", "it takes the factor's first value for all", one_factor, flag="UNSUPPORTED"),
    forward_is("along_columns", "it lays a value per channel along the last but one axis", across_rows, flag="LAYOUT"),
    backward_is("signal_unscaled", "its backward pass lacks the factor", signal_unscaled),
    backward_is("nothing_to_others", "a factor or offset that is an input gets no signal", nothing_to_others),
    backward_is("factor_without_input", "the signal of a factor lacks the input", factor_without_input),
    backward_is("means_for_sums", "it takes means where a factor or offset repeats, not sums", means_for_sums),
    parameters_are("weights_without_input", "its gradient of the factor lacks the input", weights_without_input),
    parameters_are(
        "sums_as_factor",
        "its gradient of the offset is summed over the axes along which the factor repeats",
        sums_as_factor,
        flag="KNOWN_BUG",
        seen=("MatConvNet",),
    ),
    *parameters.answers("scale", "offset"),
)
FEATURES = {
    "an offset": lambda case: case.layer.offset is not None or len(case.inputs) > 1,
    "a factor that is an input": lambda case: case.layer.scale is None,
    "several channels": lambda case: case.inputs[0].shape[3] > 1,
    "several images": lambda case: len(case.inputs[0]) > 1,
}

SCALE = Kind(
    "scale",
    draw,
    lambda case: int(case.inputs[0].size) + 1,
    ANSWERS,
    FEATURES,
    exact=frozenset(PARTS),
    page="operators/scale.html",
)
