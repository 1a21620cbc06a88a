"""Local response normalisation on a GPU: one kernel forward, two for the gradient.

They compute the same as `lrn`, in its order of operations, where beta is 1/4, 1/2 or 3/4, as in every published
network. Each value reads its own neighbours, and no sums are written to memory.
"""

import numpy as np

from refvis.layers.base.arrays import Array, array_module
from refvis.layers.fast.kernels import Kernel
from refvis.layers.lrn import LRN, neighbours_within

BETAS = (0.25, 0.5, 0.75)
"""Powers that are square roots."""

FUNCTIONS = """
__device__ real norm(const real* x, const whole i, const whole channels, const whole below, const whole above,
                     const real kappa, const real alpha, const real instead) {
    const whole c = i % channels;
    real total = 0;
    for (whole k = c < below ? 0 : c - below; k <= c + above && k < channels; k++) total += x[i - c + k] * x[i - c + k];
    const real L = total * alpha + kappa;
    return L == 0 ? instead : L;
}

__device__ real power(const real L, const whole fourths) {
    const real root = sqrt(L);
    return fourths == 1 ? sqrt(root) : fourths == 2 ? root : root * sqrt(root);
}
"""
LAYER = """const whole channels, const whole below, const whole above, const whole fourths,
const real kappa, const real alpha, const real instead"""

FORWARD = Kernel(
    "lrn_forward",
    f"const real* x, {LAYER}",
    """
        target[i] = x[i] / power(norm(x, i, channels, below, above, kappa, alpha, instead), fourths);
    """,
    FUNCTIONS,
)

SHARES = Kernel(
    "lrn_shares",
    f"real* spread, const real* signal, const real* x, {LAYER}",
    """
        const real L = norm(x, i, channels, below, above, kappa, alpha, instead);
        const real share = signal[i] / power(L, fourths);
        target[i] = share;
        spread[i] = share * x[i] / L;
    """,
    FUNCTIONS,
)

GRADIENT = Kernel(
    "lrn_gradient",
    """const real* spread, const real* x, const real factor,
    const whole channels, const whole below, const whole above""",
    """
        const whole c = i % channels;
        real total = c < above ? 0 : spread[i - above];  // the mirrored window; channels that do not exist count as 0
        for (whole k = c - above + 1; k <= c + below; k++) total += k < 0 || k >= channels ? 0 : spread[i - c + k];
        target[i] -= total * factor * x[i];
    """,
)


def suits(layer: LRN, x: Array) -> bool:
    """Return whether the kernels can compute the layer for x."""
    return layer.beta in BETAS and array_module(x) is not np


def forward(layer: LRN, x: Array) -> Array:
    """Return what ``lrn.forward`` returns."""
    y = array_module(x).empty(x.shape, x.dtype)
    FORWARD(y, x, *_arguments(layer, x))
    return y


def gradient(layer: LRN, signal: Array, x: Array) -> Array:
    """Return what ``lrn.gradient`` returns."""
    xp = array_module(x, signal)
    dx, spread = xp.empty(x.shape, x.dtype), xp.empty(x.shape, x.dtype)
    arguments = _arguments(layer, x)
    SHARES(dx, spread, signal, x, *arguments)
    GRADIENT(dx, spread, x, 2 * layer.alpha * layer.beta, *arguments[:3])
    return dx


def _arguments(layer: LRN, x: Array) -> tuple[float, ...]:
    instead = 0.0 if layer.kappa else float("inf")  # takes the place of a norm that is 0
    return x.shape[3], *neighbours_within(layer, x.shape[3]), round(4 * layer.beta), layer.kappa, layer.alpha, instead
