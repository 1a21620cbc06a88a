"""Relevance at layers that are not linear, or that are of two kinds. Each choice has a name.

| layer                  | rules to choose from                                                                      |
|------------------------|-------------------------------------------------------------------------------------------|
| ReLU, sigmoid, softmax | `passes` (as it is), `tangent`, or the layer's gradient                                   |
| max pooling            | its gradient (the winner takes all), `spread` (in proportion to all values in the window) |
| LRN                    | `passes`, `lrn_taylor`, `tangent`, or its gradient (FeatureVis)                           |
| convolution            | `conv`: one rule where filters are as big as the input (a fully connected layer), or else |
"""

from dataclasses import replace
from typing import Any

from refvis.layers.base.arrays import Array, array_module
from refvis.layers.calls import forward_of, gradient_of
from refvis.layers.conv import Conv
from refvis.layers.lrn import LRN, denominator, neighbours, window_sum
from refvis.layers.lrp.booking import Booking, with_book
from refvis.layers.lrp.epsilon import epsilon
from refvis.layers.lrp.shares import quotient
from refvis.layers.lrp.stabiliser import EPSILON, Stabiliser
from refvis.layers.operators import Rule
from refvis.layers.pool import Pool
from refvis.layers.roi_pool import ROIPool


def passes(layer: Any, signal: Array, output: Array, *inputs: Array) -> tuple[Array, ...]:
    """Relevance goes through unchanged: for layers that rescale or gate each value by itself."""
    return (signal,)


def conv(
    layer: Conv,
    signal: Array,
    output: Array,
    x: Array,
    local: Rule,
    full: Rule = epsilon,
    book: Booking | None = None,
    **options: Any,
) -> tuple[Array, ...]:
    """Convolution: the rule `full` where one filter covers the whole input, as if fully connected, else `local`.

    MatConvNet has no fully connected block: fc6 is a convolution, and composites that tell the two apart mean this.
    """
    whole = layer.filters is not None and layer.filters.shape[1:] == x.shape[1:] and output.shape[1:3] == (1, 1)
    return with_book(full if whole else local, book)(layer, signal, output, x, **options)


def pool(
    layer: Pool | ROIPool,
    signal: Array,
    output: Array,
    *inputs: Array,
    largest: Rule | None = None,
    average: Rule = epsilon,
    book: Booking | None = None,
    **options: Any,
) -> tuple[Array, ...]:
    """Pooling: the rule `average` for averages, `largest` for maxima (None: its gradient, the winner takes all).

    Regions of interest, if the layer has them as a second input, get nothing.
    """
    if layer.method == "avg":
        return with_book(average, book)(layer, signal, output, *inputs, **options)
    if largest is None:
        return gradient_of(layer, signal, output, *inputs)
    return with_book(largest, book)(layer, signal, output, *inputs, **options)


def spread(
    layer: Pool | ROIPool,
    signal: Array,
    output: Array,
    *inputs: Array,
    rule: Rule = epsilon,
    book: Booking | None = None,
    **options: Any,
) -> tuple[Array, ...]:
    """Max pooling as if it were the average: `rule` shares out among all values in the window."""
    average = replace(layer, method="avg")
    return with_book(rule, book)(average, signal, forward_of(average, *inputs), *inputs, **options)


def tangent(
    layer: Any,
    signal: Array,
    output: Array,
    *inputs: Array,
    eps: float | Stabiliser = EPSILON,
    book: Booking | None = None,
) -> tuple[Array, ...]:
    """Gradient x input of a layer that need not be linear: R_x = x * gradient(R / (y + eps sign y)).

    Where the layer is not homogeneous, sums of relevance are not kept: the first-order Taylor expansion at 0 leaves a
    remainder.
    """
    share = quotient(signal, output, eps, book)
    return tuple(x * g for x, g in zip(inputs, gradient_of(layer, share, output, *inputs), strict=True))


def lrn_taylor(
    layer: LRN,
    signal: Array,
    output: Array,
    x: Array,
    eps: float | Stabiliser = EPSILON,
    book: Booking | None = None,
) -> tuple[Array]:
    """LRN by the Taylor expansion of Binder et al. (2016), with L the operator's denominator.

    Around the point where all channels but k are zero, with the slope at x, y_k is a sum of contributions

        c_kk = x_k (kappa + alpha x_k^2)^-beta,    c_kj = -2 alpha beta x_k x_j^2 L_k^(-beta-1)    (j in Q(k), j != k)

    and relevance is shared out in proportion to them: R_j = sum_k c_kj / (sum_m c_km + eps sign) * R_k.
    """
    below, above = neighbours(layer)
    own = x * _alone(layer, x) ** -layer.beta
    slope = (2 * layer.alpha * layer.beta) * x * denominator(layer, x) ** (-layer.beta - 1)
    square = x * x
    others = -slope * (window_sum(square, below, above) - square)
    share = quotient(signal, own + others, eps, book)
    inhibited = share * slope
    return (share * own - square * (window_sum(inhibited, above, below) - inhibited),)


def _alone(layer: LRN, x: Array) -> Array:
    """Return L of each channel as if it stood alone; infinity where that would be zero, as in `denominator`."""
    L = layer.kappa + layer.alpha * x * x
    return L if layer.kappa > 0 else array_module(x).where(L > 0, L, x.dtype.type("inf"))
