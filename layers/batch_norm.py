"""Batch normalisation (Ioffe & Szegedy 2015): each channel gets mean 0 and deviation 1, then a new scale and offset.

    z = (x - mu_c) / sigma_c,    y = w_c * z + b_c        for every value of channel c; w is `scale`, b is `offset`

Training takes the batch's own moments, over its M = N*H*W values of the channel. Then every y depends on every x, and
with g the signal and mean[] the mean over those values,

    mu = mean[x],    sigma = sqrt(mean[(x - mu)^2] + epsilon),    dx = w / sigma * (g - mean[g] - z * mean[g z])

Given `moments` (C x 2: mu, sigma) are constants, used without epsilon or a further root; then dx = w / sigma * g.
(MatConvNet applies the first formula there too; see docs/quirks.md.) In both cases dw = sum g z and db = sum g. The
variance divides by M. PyTorch does the same in training, but stores a variance that is divided by M - 1. Caffe has no
scale and offset in this layer. Both store the variance and add epsilon on use: here, give (mean, sqrt(var + epsilon)).
Reference: MatConvNet `vl_nnbnorm` (epsilon 1e-4; its wrappers have 1e-5).
"""

from dataclasses import dataclass, replace
from typing import Any

from refvis.layers.base.arrays import Array, array_module, summary
from refvis.layers.base.blocks import Block, Fields, Struct
from refvis.layers.base.errors import ShapeError
from refvis.layers.base.fields import ArrayField, NumberField, VectorField
from refvis.layers.base.geometry import POINT, Window
from refvis.layers.base.operator import AffineForm, Locality, Operator
from refvis.layers.scale import Scale


@dataclass(frozen=True, eq=False, repr=False)
class BatchNorm:
    """Batch normalisation, y = scale * (x - mu) / sigma + offset for each channel.

        scale     of C
        offset    of C
        moments   mu and sigma, C x 2; None: the batch's own, with sigma = sqrt(variance + epsilon). Default: None
        epsilon   0 or more. Default 1e-5

    Raises ShapeError for sizes that cannot be, TypeError for fields that are no arrays.

    >>> import numpy as np
    >>> from refvis import layers
    >>> layer = layers.BatchNorm(np.array([10.0]), np.array([1.0]), moments=np.array([[3.0, 2.0]]))
    >>> layers.forward(layer, np.array([3.0, 7.0]).reshape(2, 1, 1, 1)).ravel()
    array([ 1., 21.])
    """

    scale: VectorField = VectorField()
    offset: VectorField = VectorField()
    moments: ArrayField = ArrayField(None, optional=True)
    epsilon: NumberField = NumberField(1e-5)

    def __post_init__(self) -> None:
        """Check the shapes, and that the square root exists."""
        if len(self.offset) != len(self.scale):
            raise ShapeError(f"BatchNorm has {len(self.offset)} offsets, expected one per scale: {len(self.scale)}")
        if self.moments is not None and self.moments.shape != (len(self.scale), 2):
            raise ShapeError(f"BatchNorm moments have shape {self.moments.shape}, expected {(len(self.scale), 2)}")
        if not self.epsilon >= 0:
            raise ShapeError(f"BatchNorm epsilon is {self.epsilon}, expected 0 or more")

    __repr__ = summary


def output_shape(layer: BatchNorm, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape of the output, that of the input, or raise ShapeError if it has other channels."""
    if shape[3] != len(layer.scale):
        raise ShapeError(f"the input has {shape[3]} channels, expected {len(layer.scale)}")
    return shape


def forward(layer: BatchNorm, x: Array) -> Array:
    """Return y (shape and dtype of x)."""
    mean, sigma = moments_for(layer, x)
    y = x - mean
    y *= layer.scale.astype(x.dtype, copy=False) / sigma
    y += layer.offset.astype(x.dtype, copy=False)
    return y


def gradient(layer: BatchNorm, signal: Array, output: Array | None, x: Array) -> tuple[Array]:
    """Return (dx,). The batch's own moments depend on x; given moments are constants."""
    mean, sigma = moments_for(layer, x)
    slope = layer.scale.astype(x.dtype, copy=False) / sigma
    if layer.moments is not None:
        return (slope * signal,)
    z = (x - mean) / sigma
    return (slope * (signal - channel_mean(signal) - z * channel_mean(signal * z)),)


def parameter_gradients(layer: BatchNorm, signal: Array, output: Array | None, x: Array) -> dict[str, Any]:
    """Return {"scale": sum of signal * z, "offset": sum of the signal}, over all but the channels."""
    mean, sigma = moments_for(layer, x)
    z = (x - mean) / sigma
    return {"scale": (signal * z).sum(axis=(0, 1, 2)), "offset": signal.sum(axis=(0, 1, 2))}


def moments_for(layer: BatchNorm, x: Array) -> tuple[Array, Array]:
    """Return mean and sigma (C each, in the dtype of x): the layer's own, or those of the batch x."""
    array_module(x, layer.scale, layer.offset, layer.moments)
    moments = batch_moments(layer, x) if layer.moments is None else layer.moments.astype(x.dtype, copy=False)
    return moments[:, 0], moments[:, 1]


def batch_moments(layer: BatchNorm, x: Array) -> Array:
    """Return the batch's own moments (C x 2: mean, sigma; dtype of x), in the form of the layer's field."""
    xp = array_module(x)
    mean = channel_mean(x)
    return xp.stack([mean, xp.sqrt(channel_mean((x - mean) ** 2) + layer.epsilon)], axis=1)


def channel_mean(values: Array) -> Array:
    """Return the mean of each channel (C, dtype of the values), summed in float64."""
    return values.mean(axis=(0, 1, 2), dtype="float64").astype(values.dtype)


def frozen(layer: BatchNorm, x: Array) -> BatchNorm:
    """Return the layer with constant moments: its own, or else those of the batch x."""
    return layer if layer.moments is not None else replace(layer, moments=batch_moments(layer, x))


def at_given_moments(layer: BatchNorm) -> bool:
    """Return whether the moments are constants. With the batch's own, every value depends on every other."""
    return layer.moments is not None


def window(layer: BatchNorm) -> Window | None:
    """Return a point at given moments; None with the batch's own, which depend on all values."""
    return POINT if at_given_moments(layer) else None


def affine(layer: BatchNorm, x: Array) -> AffineForm:
    """Return the layer with its moments held: y = (w / sigma) x + (b - w mu / sigma)."""
    moments = frozen(layer, x).moments.astype(x.dtype, copy=False)
    slope = layer.scale.astype(x.dtype, copy=False) / moments[:, 1]
    bias = layer.offset.astype(x.dtype, copy=False) - slope * moments[:, 0]
    return AffineForm(Scale(slope), (x,), bias, "scale")


def read(fields: Fields) -> BatchNorm:
    """Return the layer; without moments it takes the batch's own, as files of that time ran."""
    scale, offset, moments = fields.arrays("filters", "biases", "moments")
    if scale is None or offset is None:
        raise fields.error("weights", "no scale or no offset", "a cell {scale, offset, moments}")
    if moments is None:
        fields.remark("warning", "no moments: each batch is normalised by its own", "weights{3}")
    elif zeros := int((moments[:, 1:] == 0).sum()):  # vl_simplenn_tidy gives them to files that have no moments
        fields.remark("warning", f"{zeros} of {len(moments)} deviations are 0: outputs are infinite", "weights{3}")
    return BatchNorm(fields.vector(scale), fields.vector(offset), moments, fields.number("epsilon", 1e-5))


def to_fields(layer: BatchNorm) -> Struct:
    """Return the fields of the struct in a MatConvNet model, without its arrays."""
    return {"epsilon": float(layer.epsilon)}


def channels(layer: BatchNorm) -> Struct:
    """Return the number of channels, as a DagNN block has it."""
    return {"numChannels": float(layer.scale.size)}


def learning_rates(layer: BatchNorm) -> Struct:
    """Return the learning rates of a simplenn struct; moments learn by a running average, of which 1 keeps nothing."""
    return {"learningRate": (1.0, 1.0, 0.1)}


OPERATOR = Operator(
    forward,
    gradient,
    output_shape,
    parameter_gradients,
    window,
    per_image=at_given_moments,
    local=Locality(at_given_moments),
    affine=affine,
    matconvnet=Block(
        read,
        "bnorm",
        "BatchNorm",
        to_fields,
        (("scale", "m"), ("offset", "b"), ("moments", "x")),
        more=channels,
        options=("epsilon",),
        only_chain=learning_rates,
        in_chain=at_given_moments,
    ),
)
