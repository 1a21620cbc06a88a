"""DeepLIFT's rescale rule (Shrikumar et al. 2017): differences from a reference, shared out exactly.

The first half of the batch holds the inputs, the second half their references. The signal is the multiplier m: the
difference of the output for each unit of a value's difference. The sum of m * (x - reference) over the input is the
difference of the outputs. Linear layers pass multipliers on by their gradient. At a layer that acts on each value by
itself, the slope of the secant replaces the derivative:

    m_x = m_y (y - y') / (x - x'),    or m_y dy/dx where x and x' are (nearly) equal

LRN, softmax and the other normalisations are treated in the same way: all of y_k's difference goes to x_k, and is lost
where x_k does not differ. A product of inputs (`Scale` with a gate, `Axpy`) has its exact multipliers at the means of
x and x'. Max pooling is as in captum: with t = max(y, y'), the winner of the inputs' half gets t - y', and the winner
of the references' half gets y - t.
Both halves of the result are equal: a multiplier belongs to the pair.
"""

from typing import Any

from refvis.layers.base.arrays import Array, array_module
from refvis.layers.batch_norm import BatchNorm, frozen
from refvis.layers.calls import gradient_of
from refvis.layers.lrp.linear import negative, positive
from refvis.layers.pool import Pool
from refvis.layers.roi_pool import ROIPool

LEAST = 1e-10
"""Differences of inputs up to this size count as zero."""


def rescale(
    layer: Any, signal: Array, output: Array, x: Array, *rest: Array, least: float = LEAST
) -> tuple[Array, ...]:
    """Rescale rule for layers that act on each value by itself: the secant's slope replaces the derivative."""
    slopes = gradient_of(layer, signal, output, x, *rest)
    return _per_difference(signal * _both(_difference(output)), slopes[0], x, least), *slopes[1:]


def pool(
    layer: Pool | ROIPool, signal: Array, output: Array, x: Array, *rest: Array, least: float = LEAST
) -> tuple[Array, ...]:
    """Average pooling by its gradient; max pooling gives the difference to the winners of both halves."""
    slopes = gradient_of(layer, signal, output, x, *rest)
    if layer.method == "avg":
        return slopes
    more = _difference(output)
    amounts = array_module(x).concatenate((positive(more), negative(more)))  # t - y', y - t
    won = gradient_of(layer, signal * amounts, output, x, *rest)[0]
    return _per_difference(_both(won[: len(x) // 2] + won[len(x) // 2 :]), slopes[0], x, least), *slopes[1:]


def midpoint(layer: Any, signal: Array, output: Array, *inputs: Array) -> tuple[Array, ...]:
    """Return the gradient at the mean of x and x', which is exact for a product of two inputs: it is quadratic.

        x z - x' z' = (x - x') (z + z') / 2 + (z - z') (x + x') / 2

    An input with one row serves inputs and references alike, and stays as it is.
    """
    return gradient_of(layer, signal, output, *(one if len(one) == 1 else _both(_mean(one)) for one in inputs))


def batch_norm(layer: BatchNorm, signal: Array, output: Array, x: Array) -> tuple[Array]:
    """Batch normalisation with its moments held: linear, so its gradient."""
    return gradient_of(frozen(layer, x), signal, output, x)


def _per_difference(amounts: Array, slopes: Array, x: Array, least: float) -> Array:
    """Return amounts / (x - x'), or the slopes where x - x' is nearly zero."""
    xp = array_module(x)
    dx = _both(_difference(x))
    equal = abs(dx) <= least
    return xp.where(equal, _both(slopes[: len(x) // 2]), amounts / xp.where(equal, x.dtype.type(1), dx))


def _difference(values: Array) -> Array:
    """Return the first half of the batch minus the second."""
    if len(values) % 2:
        raise ValueError(f"the batch has {len(values)} rows, expected the inputs and then a reference for each of them")
    return values[: len(values) // 2] - values[len(values) // 2 :]


def _mean(values: Array) -> Array:
    """Return the mean of the first and the second half of the batch."""
    return values[: len(values) // 2] - _difference(values) / 2


def _both(half: Array) -> Array:
    return array_module(half).concatenate((half, half))
