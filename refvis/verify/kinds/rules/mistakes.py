"""Mistakes that implementations of relevance make: rules made of a rule."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

from refvis.layers import Array, lrp
from refvis.layers.lrp.linear import linear, positive
from refvis.layers.operators import Rule, operator

Signals = tuple[Array, ...]


def gradient(layer: Any, signal: Array, output: Array, *inputs: Array) -> Signals:
    """Return the gradient."""
    return operator(layer).gradient(layer, signal, output, *inputs)


def gradient_times_input(layer: Any, signal: Array, output: Array, *inputs: Array) -> Signals:
    """Return gradient times input: the signal is not divided by the output."""
    return tuple(x * g for x, g in zip(inputs, gradient(layer, signal, output, *inputs), strict=True))


def clamped_weights(layer: Any, signal: Array, output: Array, *inputs: Array) -> Signals:
    """Return the signal times clamped weights: neither divided nor multiplied by the input."""
    part = linear(layer, *inputs).weighted(positive)
    if part is None:
        return tuple(np.zeros_like(x) for x in inputs)
    return part.to_inputs(part.gradient(signal, output))


def of_results(change: Callable[[Array], Array]) -> Callable[[Rule], Rule]:
    """Return the mistake that changes what the rule gives."""
    return lambda rule: (
        lambda layer, signal, output, *inputs: tuple(change(one) for one in rule(layer, signal, output, *inputs))
    )


def of_signal(change: Callable[[Array], Array]) -> Callable[[Rule], Rule]:
    """Return the mistake that changes the relevance that arrives."""
    return lambda rule: lambda layer, signal, output, *inputs: rule(layer, change(signal), output, *inputs)


def share_without_input(layer: Any, signal: Array, output: Array, *inputs: Array, eps: Any, bias: str) -> Signals:
    """Return the epsilon rule without the multiplication by the input."""
    part = linear(layer, *inputs)
    y = part.forward() if bias == "absent" else output
    return part.to_inputs(part.gradient(lrp.quotient(signal, y, eps), output))


def bias_twice(layer: Any, signal: Array, output: Array, *inputs: Array, **options: Any) -> Signals:
    """Return the epsilon rule of an output to which the bias was added once more."""
    bias = linear(layer, *inputs).bias
    return lrp.epsilon(layer, signal, output if bias is None else output + bias, *inputs, **options)


def of_batch(rule: Rule) -> Rule:
    """Return the rule whose result is summed over the images, and the same for all of them."""

    def wrong(layer: Any, signal: Array, output: Array, *inputs: Array) -> Signals:
        found = rule(layer, signal, output, *inputs)
        return tuple(np.broadcast_to(one.sum(axis=0, keepdims=True), one.shape).copy() for one in found)

    return wrong


def first_output_everywhere(rule: Rule) -> Rule:
    """Return the rule that divides by the absolute value of the output: the sign of the output is lost."""
    return lambda layer, signal, output, *inputs: rule(layer, signal * np.sign(output), output, *inputs)


def half_of_alpha_beta(
    layer: Any, signal: Array, output: Array, *inputs: Array, alpha: float, **options: Any
) -> Signals:
    """Return the positive half of alpha-beta: alpha times z+."""
    own = {name: value for name, value in options.items() if name != "beta"}
    return tuple(alpha * one for one in lrp.z_plus(layer, signal, output, *inputs, **own))


def added_halves(layer: Any, signal: Array, output: Array, *inputs: Array, alpha: float, **options: Any) -> Signals:
    """Return alpha-beta whose negative half is added."""
    whole = lrp.alpha_beta(layer, signal, output, *inputs, alpha=alpha, **options)
    half = half_of_alpha_beta(layer, signal, output, *inputs, alpha=alpha, **options)
    return tuple(2 * p - w for p, w in zip(half, whole, strict=True))


Mistake = tuple[str, str, Callable[[Rule], Rule]]

COMMON: tuple[Mistake, ...] = (
    ("absolute_relevance", "it gives absolute values", of_results(np.abs)),
    ("positive_relevance", "it gives the positive part only", of_results(lambda r: np.maximum(r, 0))),
    ("negated", "its relevance has the other sign", of_results(np.negative)),
    ("signal_sign_lost", "it takes the absolute value of the relevance that arrives", of_signal(np.abs)),
    ("positive_signal", "it drops negative relevance that arrives", of_signal(lambda r: np.maximum(r, 0))),
    ("output_sign_lost", "it divides by the absolute value of the output", first_output_everywhere),
    ("batch_summed", "it sums relevance over the images", of_batch),
    ("input_squared", "it multiplies by the input twice", lambda rule: _times_input(rule)),
)


def _times_input(rule: Rule) -> Rule:
    """Return the rule whose result is multiplied by the input once more."""

    def wrong(layer: Any, signal: Array, output: Array, *inputs: Array) -> Signals:
        return tuple(one * x for one, x in zip(rule(layer, signal, output, *inputs), inputs, strict=True))

    return wrong


def whole_rules(function: Any, options: dict[str, Any], weighted: bool) -> Iterator[tuple[str, str, Rule]]:
    """Yield what implementations give that do something else: name, text and rule; `weighted`: of weights."""
    yield "gradient", "it is the gradient", gradient
    yield "undivided", "it is gradient times input: relevance is not divided by the output", gradient_times_input
    eps = options.get("eps", lrp.EPSILON)
    if function is lrp.epsilon:
        not_multiplied = partial(share_without_input, eps=eps, bias=options.get("bias", "booked"))
        yield "not_multiplied", "it does not multiply by the input", not_multiplied
        if weighted:
            yield "bias_twice", "it counts the bias twice", partial(bias_twice, **options)
    if function is lrp.alpha_beta:
        yield "no_beta", "it leaves the negative half out: beta is dropped", partial(half_of_alpha_beta, **options)
        yield "beta_added", "it adds the negative half", partial(added_halves, **options)
    if weighted:
        yield "clamped_weights", "it multiplies the signal by the positive weights only", clamped_weights


OTHERS: tuple[tuple[str, Any], ...] = (
    ("epsilon", lrp.epsilon),
    ("z_plus", lrp.z_plus),
    ("alpha_beta", lrp.alpha_beta),
    ("gamma", lrp.gamma),
    ("w_square", lrp.w_square),
    ("flat", lrp.flat),
    ("excitation", lrp.excitation),
)
"""Rules of layers with weights that an implementation may have taken for another."""
