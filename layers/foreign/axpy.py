"""Axpy, "a times x plus y": a gate for each channel, and a path beside it (squeeze and excitation, Hu et al. 2018).

    out = a * x + y,    a: N x 1 x 1 x C,    x and y: N x H x W x C

It is `Scale` with factor and offset as inputs, in another order of inputs: a is the first. MatConvNet has no such
layer; ``dagnn.Axpy`` of mcnExtraLayers computes it (`vl_nnaxpy`), and so does Caffe's `Axpy` of SENet.
"""

from dataclasses import dataclass

from refvis.layers import scale
from refvis.layers.base.arrays import Array
from refvis.layers.base.blocks import Block
from refvis.layers.base.errors import ShapeError
from refvis.layers.base.geometry import Window
from refvis.layers.base.operator import AffineForm, Operator, always

SCALE = scale.Scale()
"""The layer that computes the same, for inputs in the order x, a, y."""


@dataclass(frozen=True, eq=False)
class Axpy:
    """Gate and sum of three inputs, a * x + y; `a` may have size 1 along any axis.

    >>> import numpy as np
    >>> from refvis import layers
    >>> a, x, y = np.array([2.0, 10.0]).reshape(1, 1, 1, 2), np.ones((1, 1, 1, 2)), np.full((1, 1, 1, 2), 0.5)
    >>> layers.forward(layers.Axpy(), a, x, y).ravel()
    array([ 2.5, 10.5])
    """


def output_shape(layer: Axpy, a: tuple[int, ...], x: tuple[int, ...], y: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape of the output, that of x and y, or raise ShapeError."""
    if len(x) != 4 or x != y:
        raise ShapeError(f"x and y have shapes {x} and {y}, expected equal ones, N x H x W x C")
    return scale.output_shape(SCALE, x, a, y)


def forward(layer: Axpy, a: Array, x: Array, y: Array) -> Array:
    """Return a * x + y (shape and dtype of x)."""
    return scale.forward(SCALE, x, a, y)


def gradient(
    layer: Axpy, signal: Array, output: Array | None, a: Array, x: Array, y: Array
) -> tuple[Array, Array, Array]:
    """Return (da, dx, dy): the sum of signal * x over the axes along which a repeats, a * signal, and the signal."""
    dx, da, dy = scale.gradient(SCALE, signal, output, x, a, y)
    return da, dx, dy


def window(layer: Axpy) -> Window | None:
    """Return None: one value of the gate may serve all positions."""
    return scale.window(SCALE)


def affine(layer: Axpy, a: Array, x: Array, y: Array) -> AffineForm:
    """Return the sum of a * x and y; the gate gets nothing (Arras et al. 2017)."""
    form = scale.affine(SCALE, x, a, y)

    def to_inputs(relevance: tuple[Array, ...]) -> tuple[Array, ...]:
        of_x, of_a, of_y = form.to_inputs(relevance)
        return of_a, of_x, of_y

    return form._replace(to_inputs=to_inputs)


OPERATOR = Operator(
    forward,
    gradient,
    output_shape,
    window=window,
    per_image=always,
    affine=affine,
    matconvnet=Block(lambda fields: Axpy(), block="Axpy", inputs=(3,)),
)
