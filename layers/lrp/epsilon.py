"""The epsilon rule (Bach et al. 2015, equation 58), and LRP-0, which is the same with eps = 0 (equation 56).

    R_d = sum_k  x_d w_kd / (y_k + eps sign(y_k)) * R_k        of a layer y_k = sum_d w_kd x_d + b_k

On arrays, with W^T the layer's gradient:

    share = R / (y + eps * sign(y))
    R_x   = x * (W^T share)
"""

from typing import Any

from refvis.layers.base.arrays import Array
from refvis.layers.lrp.booking import Booking
from refvis.layers.lrp.linear import linear
from refvis.layers.lrp.shares import account_for_bias, quotient
from refvis.layers.lrp.stabiliser import EPSILON, Stabiliser


def epsilon(
    layer: Any,
    signal: Array,
    output: Array,
    *inputs: Array,
    eps: float | Stabiliser = EPSILON,
    bias: str = "booked",
    book: Booking | None = None,
) -> tuple[Array, ...]:
    """Return R_x for each input of a layer that is linear in them, in its shape and dtype (equation 58).

    Parameters:

        layer     the layer; a type without an affine form is assumed to be linear
        signal    R, the relevance of the output, N x H x W x K
        output    y, what the layer computed, in the shape of the signal
        inputs    x, N x H x W x C each
        eps       the stabiliser, in units of the output; a number, or a `Stabiliser` that names its form. Default 1e-6
        bias      what becomes of b: "booked" (it keeps its share), "absent" (y is taken without it) or "spread" (its
                  share goes in equal parts to the inputs)
        book      a `Booking`, to which the rule adds the relevance that no input received. Default: none

    Raises ValueError for another name of `bias`.

    >>> import numpy as np
    >>> from refvis import layers
    >>> layer = layers.FullyConnected(np.array([[1.0, 2.0]]))
    >>> x = np.array([3.0, 0.5]).reshape(1, 1, 1, 2)  # contributions 3 and 1, of y = 4
    >>> layers.backward(layer, np.full((1, 1, 1, 1), 8.0), None, x, rule=layers.lrp.epsilon)[0].round(3).ravel()
    array([6., 2.])
    """
    part = linear(layer, *inputs)
    y = part.forward() if bias == "absent" and part.bias is not None else output
    share = quotient(signal, y, eps, book)
    relevance = part.relevance(share, output)
    return part.to_inputs(account_for_bias(relevance, part, share, part.bias, bias, book))
