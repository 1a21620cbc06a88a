"""The epsilon rule (Bach et al. 2015, equation 58), and LRP-0, which is the same with eps = 0 (equation 56).

R_d = sum_k  x_d w_kd / (y_k + eps sign(y_k)) * R_k
"""

from typing import Any

from refvis.layers.base.arrays import Array
from refvis.layers.lrp.booking import Booking
from refvis.layers.lrp.linear import linear
from refvis.layers.lrp.shares import Division, added
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
    """Epsilon rule, for any layer that is linear in its inputs: R_x = x * gradient(R / (y + eps sign y)).

    With bias="absent", y is taken without it. Returns one array per input, in its shape and dtype.
    """
    part, division = linear(layer, *inputs), Division(eps, bias, book)
    if bias == "absent" and part.bias is not None:
        share, dealt = division.shares(part, signal, part.forward(), None)
    else:
        share, dealt = division.of(part, signal, output, part.bias)
    return part.to_inputs(added(part.relevance(share, output), dealt))
