"""Norm-dependent offset: a power of the norm over channels is subtracted from every channel.

    L = max(sum_k x_k^2, 1e-8),    y = x - alpha * L^beta

Its gradient, with both sums over channels:

    dx = g  -  2 alpha beta x * L^(beta-1) * sum_k g_k

The bound on L keeps the power finite. Where it acts, L is constant and the second term is 0 (MatConvNet leaves the
term in). Output size: that of x. Reference: MatConvNet `vl_nnnoffset`, param = [alpha beta]; Caffe and PyTorch have no
such layer.
"""

from dataclasses import dataclass

from refvis.layers.base.arrays import Array, array_module

BOUND = 1e-8


@dataclass(frozen=True, eq=False)
class NormOffset:
    """Subtraction of alpha * (squared norm)^beta; defaults are MatConvNet's [1 0.5]: the norm itself."""

    alpha: float = 1.0
    beta: float = 0.5

    def __post_init__(self) -> None:
        """Store plain numbers."""
        for name in ("alpha", "beta"):
            object.__setattr__(self, name, float(getattr(self, name)))


def output_shape(layer: NormOffset, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape of the output: that of the input."""
    return shape


def forward(layer: NormOffset, x: Array) -> Array:
    """Return y (shape and dtype of x)."""
    xp = array_module(x)
    return x - layer.alpha * xp.maximum(squares(x), BOUND) ** layer.beta


def gradient(layer: NormOffset, signal: Array, output: Array | None, x: Array) -> tuple[Array]:
    """Return (dx,) of the formula above."""
    xp, L = array_module(signal, x), squares(x)
    slope = (2 * layer.alpha * layer.beta) * xp.maximum(L, BOUND) ** (layer.beta - 1) * (L >= BOUND)
    return (signal - x * slope * signal.sum(axis=3, keepdims=True),)


def squares(x: Array) -> Array:
    """Return the sum of squares over channels (N x H x W x 1)."""
    return (x * x).sum(axis=3, keepdims=True)
