"""Excitation backprop (Zhang et al. 2016) and its contrastive form.

    P_d = sum_k  x_d w+_kd / (sum_d' x_d' w+_kd') * P_k          for responses x >= 0; biases do not take part

It is z+ without bias. The paper assumes x >= 0. The parameter `signed` says what becomes of negative inputs:

    "clamp":  x+ takes the place of x: a unit that is off excites nothing
    "shift":  x - min(x, 0), with the minimum of each image
    "keep":   x as it is (TorchRay)

The contrastive form takes the excitation of the unit and subtracts that of its opposite, which has the weights -W. It
does so at the layer where it starts.
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
    """Excitation backprop (Zhang et al. 2016): probability P in proportion to positive weights.

        P_d = sum_k  x_d w+_kd / (sum_d' x_d' w+_kd') * P_k

    Parameters beside those of `epsilon`, which has a bias, too (here biases do not take part):

        signed   what becomes of negative inputs: "clamp" (they count as 0, the default), "shift" (the minimum of each
                 image, if negative, is subtracted) or "keep" (they stay)

    Returns one array for each input, in its shape and dtype. Raises ValueError for another name of `signed`.

    >>> import numpy as np
    >>> from refvis import layers
    >>> layer = layers.FullyConnected(np.array([[1.0, 3.0, -1.0]]))
    >>> x = np.array([1.0, 1.0, 5.0]).reshape(1, 1, 1, 3)  # 1 and 3 excite the unit, -5 does not
    >>> layers.backward(layer, np.full((1, 1, 1, 1), 1.0), None, x, rule=layers.lrp.excitation)[0].round(3).ravel()
    array([0.25, 0.75, 0.  ])
    """
    part = linear(layer, *inputs)
    return part.to_inputs(_excitation_by(part, part.weighted(positive), signal, (signed, eps, book)))


def contrastive(
    layer: Any,
    signal: Array,
    output: Array,
    *inputs: Array,
    signed: str = "clamp",
    eps: float | Stabiliser = EPSILON,
    book: Booking | None = None,
) -> tuple[Array, ...]:
    """Contrastive excitation backprop (Zhang et al. 2016), at the layer where it starts.

    It is the excitation by W minus the excitation by -W, the weights of the opposite unit. The layers below go on
    with `excitation`, which is linear in the signal. The opposite carries -R, so what the rule returns sums to about
    zero, and so does what it books. Parameters, return value and errors are those of `excitation`.

    >>> import numpy as np
    >>> from refvis import layers
    >>> layer = layers.FullyConnected(np.array([[1.0, 3.0, -1.0]]))
    >>> x = np.array([3.0, 1.0, 2.0]).reshape(1, 1, 1, 3)  # 3 and 3 excite the unit, 2 excites its opposite
    >>> layers.backward(layer, np.full((1, 1, 1, 1), 1.0), None, x, rule=layers.lrp.contrastive)[0].round(3).ravel()
    array([ 0.5,  0.5, -1. ])
    """
    part, options = linear(layer, *inputs), (signed, eps, book)
    own = _excitation_by(part, part.weighted(positive), signal, options)
    dual = _excitation_by(part, part.weighted(lambda w: -negative(w)), -signal, options)
    return part.to_inputs(sums(own, dual))


def _excitation_by(part: Linear, exciting: Linear | None, signal: Array, options: Options) -> Relevance:
    signed, eps, book = options
    awake = present(exciting and exciting.on(lambda x: responses(x, signed)))
    share = quotient(signal, contributions_of(awake, signal), eps, book)
    return relevance_of(awake, share) or zeros(part)


def responses(x: Array, signed: str) -> Array:
    """Return the inputs as responses; `signed` says what becomes of negative ones."""
    if signed == "clamp":
        return positive(x)
    if signed == "shift":
        return x - negative(x.min(axis=tuple(range(1, x.ndim)), keepdims=True))
    if signed == "keep":
        return x
    raise ValueError(f"signed is {signed!r}, expected 'clamp', 'shift' or 'keep'")
