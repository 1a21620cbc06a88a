"""Relevance propagation, written once for every layer that has a forward and a gradient.

Relevance R at a layer's output is shared out to its inputs in proportion to what each contributed. For a layer that
is linear in x, y_k = sum_d w_kd x_d + b_k, the epsilon rule (Bach et al. 2015, equation 58) says

    R_d = sum_k  x_d w_kd / (y_k + eps * sign(y_k)) * R_k

The sum over k is a product with the transposed weights, which is the layer's gradient. So, with no word about the
kind of layer:  divide, gradient, multiply  ->  R_x = x * gradient(R / stabilised(y)).

Choices that libraries make silently, as made here: y includes the bias, whose share is not passed on (captum, zennit
and lrp_toolbox agree); sign(0) = +1, so a zero output divides by eps, not by zero (zennit agrees; FeatureVis has
sign(0) = 0 and divides by it); eps is absolute.
"""

from typing import Any

from refvis.layers.arrays import Array, array_module
from refvis.layers.batch_norm import BatchNorm, frozen
from refvis.layers.operators import operator
from refvis.layers.pool import Pool
from refvis.layers.roi_pool import ROIPool
from refvis.layers.scale import Scale

EPSILON = 1e-6


def stabilised(y: Array, eps: float) -> Array:
    """Return y moved away from zero by eps: y + eps where y >= 0, y - eps elsewhere (dtype of y)."""
    return y + array_module(y).where(y >= 0, y.dtype.type(eps), y.dtype.type(-eps))


def epsilon(layer: Any, signal: Array, output: Array, *inputs: Array, eps: float = EPSILON) -> tuple[Array, ...]:
    """Epsilon rule, for any layer that is linear in its inputs: R_x = x * gradient(R / (y + eps sign y))."""
    share = signal / stabilised(output, eps)
    return tuple(x * g for x, g in zip(inputs, operator(layer).gradient(layer, share, output, *inputs), strict=True))


def pool(
    layer: Pool | ROIPool, signal: Array, output: Array, x: Array, *places: Array, eps: float = EPSILON
) -> tuple[Array, ...]:
    """Max pooling: the winner takes all, its gradient. Average pooling is linear: the epsilon rule.

    Regions of interest, if the layer has them as a second input, get nothing.
    """
    if layer.method == "max":
        return operator(layer).gradient(layer, signal, output, x, *places)
    return resampled(layer, signal, output, x, *places, eps=eps)


def resampled(
    layer: Any, signal: Array, output: Array, x: Array, *places: Array, eps: float = EPSILON
) -> tuple[Array, ...]:
    """Epsilon rule in x, for layers that are linear in it; inputs that only say where to read x get nothing."""
    dx, *others = operator(layer).gradient(layer, signal / stabilised(output, eps), output, x, *places)
    return x * dx, *(array_module(x).zeros_like(other) for other in others)


def batch_norm(layer: BatchNorm, signal: Array, output: Array, x: Array, eps: float = EPSILON) -> tuple[Array, ...]:
    """Epsilon rule with the moments held: linear, then, in x; means and offset take their share, as a bias does."""
    return epsilon(frozen(layer, x), signal, output, x, eps=eps)


def scale(
    layer: Scale, signal: Array, output: Array, x: Array, *rest: Array, eps: float = EPSILON
) -> tuple[Array, ...]:
    """Epsilon rule in x and in the offset; a factor that is an input is a gate and gets nothing (Arras et al. 2017)."""
    found = list(epsilon(layer, signal, output, x, *rest, eps=eps))
    if layer.scale is None:
        found[1] = array_module(x).zeros_like(found[1])
    return tuple(found)


def passes(layer: Any, signal: Array, output: Array, *inputs: Array) -> tuple[Array, ...]:
    """Relevance goes through unchanged: for layers that rescale or gate each value by itself."""
    return (signal,)
