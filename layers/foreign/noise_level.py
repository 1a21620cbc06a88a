"""Noise level (FFDNet, Zhang et al. 2018): constant channels that tell a denoiser how strong the noise is.

    y = x in the first C channels,    y[n, i, j, C + m] = sigma_m

A constant has no derivative: dx is the signal of the first C channels. MatConvNet has no such layer. FFDNet's files
call it ``concat``; its code takes sigma from a global variable, so that no file stores it. Inputs lie in 0 ... 1, so
that a deviation of 25 in 0 ... 255, the default, is 25/255.
"""

from dataclasses import dataclass
from math import isfinite
from typing import Any

from refvis.layers.base.arrays import Array, array_module
from refvis.layers.base.blocks import ANY_NUMBER, Block, Fields, Struct
from refvis.layers.base.errors import ShapeError
from refvis.layers.base.fields import ConvertedField
from refvis.layers.base.operator import EVERYWHERE, Operator, always

SIGMA = 25 / 255


def _numbers(sigma: Any) -> tuple[float, ...]:
    """Return one number, or several, as a tuple of floats; raise ShapeError unless they are finite, at least one."""
    values = sigma.tolist() if hasattr(sigma, "tolist") else sigma
    numbers = tuple(map(float, values if isinstance(values, list | tuple) else [values]))
    if not numbers or not all(map(isfinite, numbers)):
        raise ShapeError(f"NoiseLevel sigma is {sigma!r}, expected a finite number, or several")
    return numbers


@dataclass(frozen=True, eq=False)
class NoiseLevel:
    """Channels of a constant value after those of the input: the noise's standard deviation.

    `sigma` is a number, or one for each added channel; default 25/255. Raises ShapeError for anything not finite.

    >>> import numpy as np
    >>> from refvis import layers
    >>> layers.forward(layers.NoiseLevel(0.5), np.ones((1, 1, 1, 2))).ravel()
    array([1. , 1. , 0.5])
    """

    sigma: ConvertedField = ConvertedField(_numbers, SIGMA)


def output_shape(layer: NoiseLevel, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape of the output, which has one more channel for each sigma."""
    return *shape[:3], shape[3] + len(layer.sigma)


def forward(layer: NoiseLevel, x: Array) -> Array:
    """Return y (N x H x W x (C + M), dtype of x)."""
    y = array_module(x).empty(output_shape(layer, x.shape), x.dtype)
    y[..., : x.shape[3]] = x
    for number, sigma in enumerate(layer.sigma, x.shape[3]):
        y[..., number] = sigma
    return y


def gradient(layer: NoiseLevel, signal: Array, output: Array | None, x: Array) -> tuple[Array]:
    """Return (dx,): the signal of the first C channels."""
    return (signal[..., : x.shape[3]],)


def from_fields(fields: Fields) -> NoiseLevel:
    """Return the layer of a simplenn struct; FFDNet's own have no field."""
    if fields.has("sigma"):
        return NoiseLevel(fields.numbers("sigma", (SIGMA,), ANY_NUMBER))
    advice = "layers.replace_layer(net, name, layers.NoiseLevel(sigma))"
    fields.remark("warning", "the noise level is not stored, set to 25/255", "sigma", advice)
    return NoiseLevel()


def to_fields(layer: NoiseLevel) -> Struct:
    """Return the fields of the simplenn struct."""
    return {"sigma": layer.sigma}


OPERATOR = Operator(
    forward,
    gradient,
    output_shape,
    per_image=always,
    copies=True,
    local=EVERYWHERE,
    matconvnet=Block(from_fields, "concat", fields=to_fields),
)
