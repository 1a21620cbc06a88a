"""Rules for a first layer, which reads pixels rather than activations: w-square, flat, and the box rule z-B.

    w-square:  R_d = sum_k  w_kd^2 / sum_d' w_kd'^2 * R_k                    (any real input; Montavon et al. 2017)
    flat:      R_d = sum_k  1 / (number of inputs that reach k) * R_k        (Lapuschkin et al. 2019)
    box:       R_d = sum_k  c_kd / sum_d' c_kd' * R_k,    c_kd = x_d w_kd - l_d w+_kd - h_d w-_kd
                                                          (inputs with l <= x <= h; Montavon et al. 2017)

The papers have no bias in these denominators, and by default these rules have none. "booked" adds b^2, 1 and b (zennit
adds b^2 for w-square). The first two denominators are sums of squares or counts: they need no stabiliser, and by
default they have none.
"""

from typing import Any

from refvis.layers.base.arrays import Array, array_module
from refvis.layers.lrp.booking import Booking
from refvis.layers.lrp.linear import linear, negative, ones, positive
from refvis.layers.lrp.shares import account_for_bias, change_bias, quotient, with_bias
from refvis.layers.lrp.signs import contributions_of, present, relevance_of
from refvis.layers.lrp.stabiliser import EPSILON, Stabiliser


def w_square(
    layer: Any,
    signal: Array,
    output: Array,
    *inputs: Array,
    eps: float | Stabiliser = 0.0,
    bias: str = "absent",
    book: Booking | None = None,
) -> tuple[Array, ...]:
    """w-square rule (Montavon et al. 2017): in proportion to squared weights, whatever the input.

        R_d = sum_k  w_kd^2 / sum_d' w_kd'^2 * R_k

    Parameters are those of `epsilon`, with the defaults eps=0 and bias="absent"; the bias counts as b^2. Returns one
    array for each input, in its shape and dtype. Raises ValueError for another name of `bias`.

    >>> import numpy as np
    >>> from refvis import layers
    >>> layer, x = layers.FullyConnected(np.array([[1.0, -2.0]])), np.zeros((1, 1, 1, 2))
    >>> layers.backward(layer, np.full((1, 1, 1, 1), 10.0), None, x, rule=layers.lrp.w_square)[0].ravel()  # 1 : 4
    array([2., 8.])
    """
    return _by_weights(lambda w: w * w, layer, signal, inputs, eps, bias, book)


def flat(
    layer: Any,
    signal: Array,
    output: Array,
    *inputs: Array,
    eps: float | Stabiliser = 0.0,
    bias: str = "absent",
    book: Booking | None = None,
) -> tuple[Array, ...]:
    """Flat rule (Lapuschkin et al. 2019): in equal parts to all inputs that reach the output, whatever they are.

        R_d = sum_k  1 / (number of inputs that reach k) * R_k

    Parameters are those of `epsilon`, with the defaults eps=0 and bias="absent"; the bias counts as one more input.
    Returns one array for each input, in its shape and dtype. Raises ValueError for another name of `bias`.

    >>> import numpy as np
    >>> from refvis import layers
    >>> layer, x = layers.FullyConnected(np.array([[1.0, -2.0, 0.0]])), np.zeros((1, 1, 1, 3))
    >>> layers.backward(layer, np.full((1, 1, 1, 1), 6.0), None, x, rule=layers.lrp.flat)[0].ravel()
    array([2., 2., 2.])
    """
    return _by_weights(ones, layer, signal, inputs, eps, bias, book)


def _by_weights(
    change: Any,
    layer: Any,
    signal: Array,
    inputs: tuple[Array, ...],
    eps: float | Stabiliser,
    bias: str,
    book: Booking | None,
) -> tuple[Array, ...]:
    """Return relevance in proportion to the changed weights alone: all inputs count as 1."""
    part = linear(layer, *inputs)
    weighted = part.weighted(change)
    assert weighted is not None  # neither squares nor ones are zero for weights that are equal and positive
    alike, values = weighted.on(ones), change_bias(part.bias, change)
    share = quotient(signal, with_bias(alike.forward(), values, bias), eps, book)
    return part.to_inputs(account_for_bias(alike.gradient(share), part, share, values, bias, book))


def box(
    layer: Any,
    signal: Array,
    output: Array,
    x: Array,
    *,
    low: float | Array | None = None,
    high: float | Array | None = None,
    eps: float | Stabiliser = EPSILON,
    bias: str = "absent",
    book: Booking | None = None,
) -> tuple[Array, ...]:
    """Box rule z-B (Montavon et al. 2017), for a layer that reads pixels between `low` and `high`.

        R_d = sum_k  c_kd / sum_d' c_kd' * R_k,    c_kd = x_d w_kd - l_d w+_kd - h_d w-_kd

    Parameters beside those of `epsilon`, with the default bias="absent":

        x      the input, N x H x W x C
        low    l, the least value that a pixel can have: a number, or an array that broadcasts against x. Default: the
               smallest value of each image
        high   h, the largest value that a pixel can have, given likewise. Default: the largest value of each image

    Returns a tuple with one array of the shape and dtype of x. Raises ValueError where x lies outside the box, and for
    another name of `bias`.

    >>> import numpy as np
    >>> from functools import partial
    >>> from refvis import layers
    >>> layer = layers.FullyConnected(np.array([[1.0, -1.0]]))
    >>> x = np.array([1.0, 1.0]).reshape(1, 1, 1, 2)  # c = (1 - 0) * 1 and (1 - 4) * -1
    >>> rule = partial(layers.lrp.box, low=0.0, high=4.0)
    >>> layers.backward(layer, np.full((1, 1, 1, 1), 8.0), None, x, rule=rule)[0].round(3).ravel()
    array([2., 6.])
    """
    part = linear(layer, x)
    low, high = _bound(x, low, "min"), _bound(x, high, "max")
    if (x < low).any() or (x > high).any():
        raise ValueError(
            f"the input lies in {float(x.min()):g} ... {float(x.max()):g}, outside the box that was given: "
            "low and high are bounds of the network's input, after the average was subtracted"
        )
    # x w - l w+ - h w- = (x - l) w+ + (x - h) w-: neither term is negative, so that nothing cancels.
    up, down = part.weighted(positive), part.weighted(negative)
    pieces = present(up and up.on(lambda x: x - low), down and down.on(lambda x: x - high))
    share = quotient(signal, with_bias(contributions_of(pieces, signal), part.bias, bias), eps, book)
    return part.to_inputs(account_for_bias(relevance_of(pieces, share), part, share, part.bias, bias, book))


def _bound(x: Array, value: float | Array | None, extreme: str) -> Array:
    if value is None:
        value = getattr(x, extreme)(axis=tuple(range(1, x.ndim)), keepdims=True)
    xp = array_module(x)
    return xp.broadcast_to(xp.asarray(value, x.dtype), x.shape)
