"""Spatial normalisation: each value is divided by a power of the mean energy around it, in its own channel.

    F = 1 + alpha * mean over the window of x^2,    y = x * F^(-beta)

The window of `size` = (h, w) pixels has floor((h-1)/2) rows above the value and the rest below: a window of even size
has one more row below, and one more column to the right. The mean divides by the pixels that exist. With A that mean,
an average pooling, and A^T its adjoint:

    dx = F^(-beta) g  -  2 alpha beta x * A^T(F^(-beta-1) g x)

Output size: that of x. MatConvNet's help says sum where its code, like this one, takes the mean. Caffe's LRN with
`WITHIN_CHANNEL` divides by all pixels of the window, those in the border too; PyTorch has no such layer.
Reference: MatConvNet `vl_nnspnorm`, param = [h w alpha beta].
"""

from dataclasses import dataclass

from refvis.layers import pool
from refvis.layers.base.arrays import Array
from refvis.layers.base.blocks import Block, Fields, Struct
from refvis.layers.base.errors import ShapeError
from refvis.layers.base.fields import NumberField, PairField
from refvis.layers.base.geometry import Window
from refvis.layers.base.operator import Operator, always


@dataclass(frozen=True, eq=False)
class SpatialNorm:
    """Spatial normalisation, y = x (1 + alpha * mean of x^2 in the window)^-beta, in each channel.

        size    of the window in pixels, a number or (y, x). Default 2
        alpha   0 or more. Default 10
        beta    Default 2

    The defaults are MatConvNet's. Raises ShapeError for other values.

    >>> import numpy as np
    >>> from refvis import layers
    >>> layers.forward(layers.SpatialNorm(1, alpha=1.0, beta=1.0), np.full((1, 1, 1, 1), 2.0)).item()  # 2 / (1 + 4)
    0.4
    """

    size: PairField = PairField(2)
    alpha: NumberField = NumberField(10.0)
    beta: NumberField = NumberField(2.0)

    def __post_init__(self) -> None:
        """Check that F cannot be less than 1."""
        if not self.alpha >= 0:
            raise ShapeError(f"SpatialNorm alpha is {self.alpha}, expected 0 or more")


def mean(layer: SpatialNorm, shape: tuple[int, ...] | None = None) -> pool.Pool:
    """Return the average pooling A, which keeps the size; for an input of `shape`, without rows that no window sees."""
    before, after = [(size - 1) // 2 for size in layer.size], [size // 2 for size in layer.size]
    if shape is not None:
        before, after = ([min(n, shape[a + 1] - 1) for a, n in enumerate(side)] for side in (before, after))
    size = before[0] + after[0] + 1, before[1] + after[1] + 1
    return pool.Pool(size, 1, (before[0], after[0], before[1], after[1]), "avg")


def output_shape(layer: SpatialNorm, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape of the output: that of the input."""
    return shape


def forward(layer: SpatialNorm, x: Array) -> Array:
    """Return y (shape and dtype of x)."""
    return x * energy(layer, x) ** -layer.beta


def gradient(layer: SpatialNorm, signal: Array, output: Array | None, x: Array) -> tuple[Array]:
    """Return (dx,) of the formula above."""
    F = energy(layer, x)
    power = F**-layer.beta
    (back,) = pool.gradient(mean(layer, x.shape), signal * x * power / F, F, x)
    return (signal * power - (2 * layer.alpha * layer.beta) * x * back,)


def energy(layer: SpatialNorm, x: Array) -> Array:
    """Return F (shape of x)."""
    return 1 + layer.alpha * pool.forward(mean(layer, x.shape), x * x)


def workspace(layer: SpatialNorm, shape: tuple[int, ...]) -> int:
    """Return the numbers that the average pooling holds."""
    return pool.workspace(mean(layer, shape), shape)


def window(layer: SpatialNorm) -> Window:
    """Return the window over which the mean is taken."""
    return pool.window(mean(layer))


def from_fields(fields: Fields) -> SpatialNorm:
    """Return the layer of a struct in a MatConvNet model; param is [height width alpha beta]."""
    height, width, alpha, beta = fields.numbers("param", (2.0, 2.0, 10.0, 2.0), (4,))
    height, width = fields.whole("param", height, width)
    return SpatialNorm((height, width), alpha, beta)


def to_fields(layer: SpatialNorm) -> Struct:
    """Return the fields of the struct in a MatConvNet model."""
    return {"param": (*layer.size, layer.alpha, layer.beta)}


OPERATOR = Operator(
    forward,
    gradient,
    output_shape,
    window=window,
    per_image=always,
    one_to_one=True,
    matconvnet=Block(from_fields, "spnorm", "SpatialNorm", to_fields),
    workspace=workspace,
)
