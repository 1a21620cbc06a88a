"""Global pooling: the mean, or the largest value, of each channel of each image.

It is `Pool` with a window as large as the image, whatever that is: y = N x 1 x 1 x C. MatConvNet has no such layer;
``dagnn.GlobalPooling`` of mcnExtraLayers computes it (its backward pass of a maximum is that of the mean).
Reference: Caffe `Pooling` with global_pooling, PyTorch `AdaptiveAvgPool2d(1)`.
"""

from dataclasses import dataclass

from refvis.layers import pool
from refvis.layers.base.arrays import Array
from refvis.layers.base.blocks import Block, Fields, Struct
from refvis.layers.base.fields import ChoiceField
from refvis.layers.base.operator import Operator, always


@dataclass(frozen=True, eq=False)
class GlobalPool:
    """Global pooling; `method` is "avg", the default, or "max".

    >>> import numpy as np
    >>> from refvis import layers
    >>> x = np.array([1.0, 3.0, 2.0, 6.0]).reshape(1, 2, 2, 1)
    >>> [layers.forward(layers.GlobalPool(method), x).item() for method in ("avg", "max")]
    [3.0, 6.0]
    """

    method: ChoiceField = ChoiceField("avg", pool.METHODS)


def output_shape(layer: GlobalPool, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return N x 1 x 1 x C."""
    return shape[0], 1, 1, shape[3]


def of_image(layer: GlobalPool, x: Array) -> pool.Pool:
    """Return the pooling whose window is the image."""
    return pool.Pool(x.shape[1:3], method=layer.method)


def forward(layer: GlobalPool, x: Array) -> Array:
    """Return y (N x 1 x 1 x C, dtype of x)."""
    return pool.forward(of_image(layer, x), x)


def gradient(layer: GlobalPool, signal: Array, output: Array, x: Array) -> tuple[Array]:
    """Return (dx,): to the winner, the first down the rows (max), or in equal parts to all pixels (avg)."""
    return pool.gradient(of_image(layer, x), signal, output, x)


def from_fields(fields: Fields) -> GlobalPool:
    """Return the layer of a block in a model; its method, where absent, is avg."""
    return GlobalPool(fields.choice("method", "avg"))


def to_fields(layer: GlobalPool) -> Struct:
    """Return the fields of the block in a model."""
    return {"method": layer.method}


OPERATOR = Operator(
    forward,
    gradient,
    output_shape,
    whole_image=True,
    per_image=always,
    affine=pool.affine,
    matconvnet=Block(from_fields, block="GlobalPooling", more=to_fields, unused=("poolSize",)),
)
