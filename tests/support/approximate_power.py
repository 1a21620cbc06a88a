"""Local response normalisation with the power of the original's CPU code: polynomials in place of log and exp."""

from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

import numpy as np

from refvis.layers import LRN, OPERATORS, Operator, lrn, modes


@contextmanager
def approximate_power() -> Iterator[None]:
    """Let local response normalisation take approximate powers for as long as this lasts."""
    operator = Operator(forward, gradient, lrn.output_shape)
    with patch.dict(OPERATORS, {LRN: operator}), patch.dict(modes.GRADIENT, {LRN: gradient}):
        yield


def forward(layer: LRN, x: np.ndarray) -> np.ndarray:
    """Return y = x L^-beta."""
    return x * power(lrn.denominator(layer, x), -layer.beta)


def gradient(layer: LRN, signal: np.ndarray, output: np.ndarray | None, x: np.ndarray) -> tuple[np.ndarray]:
    """Return (dx,); L^(-beta - 1) is the approximate L^-beta, divided by L."""
    below, above = lrn.neighbours(layer)
    L = lrn.denominator(layer, x)
    found = power(L, -layer.beta)
    mirrored = lrn.window_sum(signal * x * found / L, above, below)
    return (signal * found - (2 * layer.alpha * layer.beta) * x * mirrored,)


def power(base: np.ndarray, exponent: float) -> np.ndarray:
    """Return base^exponent = 2^(exponent log2 base), both by polynomials of degree 3 in the mantissa."""
    mantissa, whole = np.frexp(base)
    m = 2 * mantissa - 1
    t = np.float32(exponent) * (whole - 1 + cubic(m, 1.442695040888963, -0.606737602222409, 0.164042561333445))
    z = cubic(t - np.floor(t), 0.693147180559945, 0.227411277760219, 0.079441541679836)
    return np.ldexp(1 + z, np.floor(t).astype(int)).astype(base.dtype)


def cubic(x: np.ndarray, first: float, second: float, third: float) -> np.ndarray:
    """Return first x + second x^2 + third x^3."""
    return np.float32(first) * x + np.float32(second) * x**2 + np.float32(third) * x**3
