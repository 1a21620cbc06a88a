"""Excitation backprop (Zhang et al. 2016) and its contrastive form.

    P_d = sum_k  x_d w+_kd / (sum_d' x_d' w+_kd') * P_k          for responses x >= 0; biases do not take part

It is z+ without bias. The paper assumes x >= 0; `signed` says what becomes of inputs that are not:

    "clamp":  x+ takes the place of x: a unit that is off excites nothing
    "shift":  x - min(x, 0), the minimum of each image
    "keep":   x as it is (TorchRay)

The contrastive form subtracts the same with -W at the layer where it starts: what excites the unit, less what excites
its opposite.
"""

from typing import Any

from refvis.layers.base.arrays import Array
from refvis.layers.lrp.booking import Booking
from refvis.layers.lrp.linear import Linear, linear, negative, positive
from refvis.layers.lrp.shares import Relevance, quotient, sums, zeros
from refvis.layers.lrp.signs import contributions_of, present, relevance_of
from refvis.layers.lrp.stabiliser import EPSILON, Stabiliser

Options = tuple[str, float | Stabiliser, Booking | None]


def excitation(
    layer: Any,
    signal: Array,
    output: Array,
    *inputs: Array,
    signed: str = "clamp",
    eps: float | Stabiliser = EPSILON,
    book: Booking | None = None,
) -> tuple[Array, ...]:
    """Excitation backprop (Zhang et al. 2016). Returns one array per input, in its shape and dtype."""
    part = linear(layer, *inputs)
    return part.to_inputs(_excited(part, part.weighted(positive), signal, (signed, eps, book)))


def contrastive(
    layer: Any,
    signal: Array,
    output: Array,
    *inputs: Array,
    signed: str = "clamp",
    eps: float | Stabiliser = EPSILON,
    book: Booking | None = None,
) -> tuple[Array, ...]:
    """Contrastive excitation backprop at the layer where it starts: excitation by W, less excitation by -W.

    The layers below go on with `excitation`, which is linear in the signal. What it returns sums to about zero, and so
    does what it books: the opposite carries -R.
    """
    part, options = linear(layer, *inputs), (signed, eps, book)
    own = _excited(part, part.weighted(positive), signal, options)
    dual = _excited(part, part.weighted(lambda w: -negative(w)), -signal, options)
    return part.to_inputs(sums(own, dual))


def _excited(part: Linear, exciting: Linear | None, signal: Array, options: Options) -> Relevance:
    signed, eps, book = options
    awake = present(exciting and exciting.on(lambda x: responses(x, signed)))
    share = quotient(signal, contributions_of(awake, signal), eps, book)
    return relevance_of(awake, share) or zeros(part)


def responses(x: Array, signed: str) -> Array:
    """Return the inputs as responses: "clamp", "shift" or "keep" those that are negative."""
    if signed == "clamp":
        return positive(x)
    if signed == "shift":
        return x - negative(x.min(axis=tuple(range(1, x.ndim)), keepdims=True))
    if signed == "keep":
        return x
    raise ValueError(f"signed is {signed!r}, expected 'clamp', 'shift' or 'keep'")
