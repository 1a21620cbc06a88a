"""Local response normalisation across channels (Krizhevsky et al. 2012, section 3.3).

    L_k = kappa + alpha * sum_{m in Q(k)} x_m^2,    y_k = x_k * L_k^(-beta)
    Q(k) = channels k - floor((size-1)/2) ... k + ceil((size-1)/2), as far as they exist

so a window of even size holds one more channel above k than below. Its gradient, with g the signal:

    dx_k = g_k L_k^(-beta)  -  2 alpha beta x_k * sum_{m: k in Q(m)} g_m x_m L_m^(-beta-1)

the second sum runs over the mirrored window. alpha is used as given (MatConvNet); Caffe and PyTorch divide it by
`size`. MatConvNet's own CPU code uses an approximate power, up to 0.5 % off; this is the exact one.
"""

from dataclasses import dataclass
from math import prod

from refvis.layers.base.arrays import Array, array_module
from refvis.layers.base.blocks import Block, Fields, Struct
from refvis.layers.base.errors import ShapeError
from refvis.layers.base.fields import NumberField, WholeField
from refvis.layers.base.operator import EVERYWHERE, Operator, always


@dataclass(frozen=True, eq=False)
class LRN:
    """Local response normalisation, y_k = x_k (kappa + alpha sum_m x_m^2)^-beta, the sum over `size` channels around k.

        size     channels in the window. Default 5
        kappa    0 or more. Default 1
        alpha    0 or more; not divided by `size`. Default 2e-5
        beta     Default 0.75

    The defaults are MatConvNet's. Raises ShapeError for other values.

    >>> import numpy as np
    >>> from refvis import layers
    >>> layer = layers.LRN(size=3, kappa=1.0, alpha=1.0, beta=1.0)
    >>> layers.forward(layer, np.array([[[[1.0, 2.0]]]])).round(3).ravel()  # 1 / 6 and 2 / 6
    array([0.167, 0.333])
    """

    size: WholeField = WholeField(5)
    kappa: NumberField = NumberField(1.0)
    alpha: NumberField = NumberField(2e-5)
    beta: NumberField = NumberField(0.75)

    def __post_init__(self) -> None:
        """Check that L cannot be negative."""
        if self.kappa < 0 or self.alpha < 0:
            raise ShapeError(f"LRN has kappa {self.kappa} and alpha {self.alpha}, expected both to be 0 or more")


def output_shape(layer: LRN, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape of the output: that of the input."""
    return shape


def forward(layer: LRN, x: Array) -> Array:
    """Return y (shape and dtype of x)."""
    return x * denominator(layer, x) ** -layer.beta


def gradient(layer: LRN, signal: Array, output: Array | None, x: Array) -> tuple[Array]:
    """Return (dx,) of the formula above."""
    below, above = neighbours(layer)
    L = denominator(layer, x)
    power = L**-layer.beta
    mirrored = window_sum(signal * x * power / L, above, below)
    return (signal * power - (2 * layer.alpha * layer.beta) * x * mirrored,)


def neighbours(layer: LRN) -> tuple[int, int]:
    """Return how many channels below and above its own a window holds."""
    return (layer.size - 1) // 2, layer.size // 2


def neighbours_within(layer: LRN, channels: int) -> tuple[int, int]:
    """Return the same, limited by the number of channels."""
    below, above = neighbours(layer)
    return min(below, channels - 1), min(above, channels - 1)


def denominator(layer: LRN, x: Array) -> Array:
    """Return L (shape of x); where it would be zero (kappa 0, all x in the window 0), infinity, so that y = 0 there."""
    L = layer.kappa + layer.alpha * window_sum(x * x, *neighbours(layer))
    return L if layer.kappa > 0 else array_module(x).where(L > 0, L, x.dtype.type("inf"))


def window_sum(values: Array, below: int, above: int) -> Array:
    """Return for each channel k the sum over channels k - below ... k + above that exist: shifted adds."""
    total, channels = values.copy(), values.shape[3]
    for shift in range(1, min(below, channels - 1) + 1):
        total[..., shift:] += values[..., :-shift]
    for shift in range(1, min(above, channels - 1) + 1):
        total[..., :-shift] += values[..., shift:]
    return total


def workspace(layer: LRN, shape: tuple[int, ...]) -> int:
    """Return the numbers in all pixels' channels with as many zeros between pixels as a window is wide."""
    return prod(shape[:3]) * (shape[3] + sum(neighbours_within(layer, shape[3])))


def from_fields(fields: Fields) -> LRN:
    """Return the layer of a struct in a MatConvNet model; param is [size kappa alpha beta]."""
    size, kappa, alpha, beta = fields.numbers("param", (5.0, 1.0, 2e-5, 0.75), (4,))
    (channels,) = fields.whole("param", size)
    return LRN(channels, kappa, alpha, beta)


def to_fields(layer: LRN) -> Struct:
    """Return the fields of the struct in a MatConvNet model."""
    return {"param": (layer.size, layer.kappa, layer.alpha, layer.beta)}


OPERATOR = Operator(
    forward,
    gradient,
    output_shape,
    per_image=always,
    one_to_one=True,
    local=EVERYWHERE,
    matconvnet=Block(from_fields, "lrn", "LRN", to_fields, older=("normalize",)),
    workspace=workspace,
)
