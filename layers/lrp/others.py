"""Relevance at layers that are not linear, or that are of two kinds. Each choice has a name.

| layer                  | rules to choose from                                                                      |
|------------------------|-------------------------------------------------------------------------------------------|
| ReLU, sigmoid, softmax | `passes` (unchanged), `tangent`, or the layer's gradient                                  |
| max pooling            | its gradient (the winner takes all), `spread` (in proportion to all values in the window) |
| LRN                    | `passes`, `lrn_taylor`, `tangent`, or its gradient (FeatureVis)                           |
| noise level            | `noise_level`: constants are biases                                                       |
| convolution            | `conv`: one rule where a filter covers the whole input, as if fully connected, or another |
"""

from dataclasses import replace
from typing import Any

from refvis.layers.base.arrays import Array, array_module
from refvis.layers.calls import forward_of, gradient_of
from refvis.layers.conv import Conv
from refvis.layers.foreign.noise_level import NoiseLevel
from refvis.layers.lrn import LRN, denominator, neighbours, window_sum
from refvis.layers.lrp.booking import Booking, total, with_book
from refvis.layers.lrp.epsilon import epsilon
from refvis.layers.lrp.shares import quotient
from refvis.layers.lrp.stabiliser import EPSILON, Stabiliser
from refvis.layers.operators import Rule
from refvis.layers.pool import Pool
from refvis.layers.roi_pool import ROIPool


def passes(layer: Any, signal: Array, output: Array, *inputs: Array) -> tuple[Array, ...]:
    """Relevance unchanged, R_x = R: for layers that rescale or gate each value by itself.

    Parameters are `layer`, `signal`, `output` and `inputs`, as in `epsilon`. Returns the signal itself.

    >>> import numpy as np
    >>> from refvis import layers
    >>> x, R = np.array([[[[-1.0, 2.0]]]]), np.array([[[[5.0, 3.0]]]])
    >>> layers.backward(layers.ReLU(), R, None, x, rule=layers.lrp.passes)[0].ravel()
    array([5., 3.])
    """
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

    MatConvNet has no fully connected block: its fc6 is a convolution with filters as big as the input. Parameters
    beside `layer`, `signal`, `output` and `book`, as in `epsilon`:

        x         the input, N x H x W x C
        local     the rule for filters that look at windows
        full      the rule for filters that cover the whole input. Default: `epsilon`
        options   further keyword arguments, for the chosen rule

    Returns what the chosen rule returns.

    >>> import numpy as np
    >>> from functools import partial
    >>> from refvis import layers
    >>> from refvis.layers import lrp
    >>> layer, rule = layers.Conv(np.ones((1, 1, 1, 2))), partial(lrp.conv, local=lrp.flat, full=lrp.epsilon)
    >>> x = np.array([3.0, 1.0]).reshape(1, 1, 1, 2)
    >>> layers.backward(layer, np.full((1, 1, 1, 1), 8.0), None, x, rule=rule)[0].round(3).ravel()
    array([6., 2.])
    >>> wide = x.repeat(2, axis=2)
    >>> layers.backward(layer, np.full((1, 1, 2, 1), 8.0), None, wide, rule=rule)[0].ravel()
    array([4., 4., 4., 4.])
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
    """Pooling: the rule `average` for averages, `largest` for maxima.

    Parameters beside those that all rules share (see `epsilon`):

        largest   the rule for maxima. Default: the gradient, the winner takes all
        average   the rule for averages. Default: `epsilon`
        options   further keyword arguments, for the chosen rule

    Returns one array for each input; regions of interest, the second input of `ROIPool`, get zeros.

    >>> import numpy as np
    >>> from refvis import layers
    >>> x, R = np.array([1.0, 3.0]).reshape(1, 1, 2, 1), np.full((1, 1, 1, 1), 8.0)
    >>> layers.backward(layers.Pool((1, 2), method="max"), R, None, x, rule=layers.lrp.pool)[0].ravel()
    array([0., 8.])
    >>> layers.backward(layers.Pool((1, 2), method="avg"), R, None, x, rule=layers.lrp.pool)[0].round(3).ravel()
    array([2., 6.])
    """
    if layer.method == "avg":
        return with_book(average, book)(layer, signal, output, *inputs, **options)
    if largest is None:
        return gradient_of(layer, signal, output, *inputs)
    return with_book(largest, book)(layer, signal, output, *inputs, **options)


def noise_level(layer: NoiseLevel, signal: Array, output: Array, x: Array, book: Booking | None = None) -> tuple[Array]:
    """Noise level: the channels that were copied keep their relevance; that of constant channels is booked as a bias.

    Returns a tuple with one array of the shape and dtype of x.

    >>> import numpy as np
    >>> from refvis import layers
    >>> R, x, book = np.array([3.0, 5.0]).reshape(1, 1, 1, 2), np.ones((1, 1, 1, 1)), layers.lrp.Booking()
    >>> layers.lrp.noise_level(layers.NoiseLevel(), R, None, x, book=book)[0].item(), book.bias
    (3.0, 5.0)
    """
    channels = x.shape[3]
    if book is not None:
        book.bias += total(signal[..., channels:])
    return gradient_of(layer, signal, output, x)


def spread(
    layer: Pool | ROIPool,
    signal: Array,
    output: Array,
    *inputs: Array,
    rule: Rule = epsilon,
    book: Booking | None = None,
    **options: Any,
) -> tuple[Array, ...]:
    """Max pooling as if it were average pooling: `rule` shares out among all values of the window.

    Parameters beside those that all rules share (see `epsilon`):

        rule      the rule for the average. Default: `epsilon`, in proportion to the values
        options   further keyword arguments, for that rule

    Returns what the rule returns.

    >>> import numpy as np
    >>> from refvis import layers
    >>> x, R = np.array([1.0, 3.0]).reshape(1, 1, 2, 1), np.full((1, 1, 1, 1), 8.0)
    >>> layers.backward(layers.Pool((1, 2), method="max"), R, None, x, rule=layers.lrp.spread)[0].round(3).ravel()
    array([2., 6.])
    """
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

    It is the first-order Taylor expansion at 0, which leaves a remainder: the sum of relevance is kept only where the
    layer is homogeneous, y(t x) = t y(x). Parameters are those of `epsilon`, without `bias`. Returns one array for each
    input, in its shape and dtype.

    >>> import numpy as np
    >>> from refvis import layers
    >>> layer = layers.LRN(size=1, kappa=1.0, alpha=1.0, beta=1.0)  # y = x / (1 + x^2), y' = (1 - x^2) / (1 + x^2)^2
    >>> x, R = np.full((1, 1, 1, 1), 2.0), np.full((1, 1, 1, 1), 5.0)  # y = 0.4, y' = -0.12: 2 * -0.12 * 5 / 0.4
    >>> layers.backward(layer, R, None, x, rule=layers.lrp.tangent)[0].round(3).item()
    -3.0
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

    and relevance is shared out in proportion to them: R_j = sum_k c_kj / (sum_m c_km + eps sign) * R_k. Parameters are
    those of `epsilon`, without `bias`. Returns a tuple with one array of the shape and dtype of x.

    >>> import numpy as np
    >>> from refvis import layers
    >>> layer = layers.LRN(size=3, kappa=1.0, alpha=1.0, beta=1.0)
    >>> x, R = np.ones((1, 1, 1, 2)), np.array([1.0, 0.0]).reshape(1, 1, 1, 2)  # c = 1/2 and -2/9, of 5/18
    >>> layers.backward(layer, R, None, x, rule=layers.lrp.lrn_taylor)[0].round(3).ravel()
    array([ 1.8, -0.8])
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
    """Return L of each channel without its neighbours; infinity where that would be zero, as in `denominator`."""
    L = layer.kappa + layer.alpha * x * x
    return L if layer.kappa > 0 else array_module(x).where(L > 0, L, x.dtype.type("inf"))
