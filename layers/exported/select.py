"""Select: some channels of the input, in any order, also repeatedly.

    y[n,i,j,k] = x[n, i, j, channels[k]]

Its gradient adds every signal to the channel that it was read from. Networks split maps into groups of channels,
shuffle them between groups (Zhang et al., ShuffleNet, 2018), or exchange colours. MatConvNet has no such layer.
Reference: ONNX `Split`, `Slice` and `Gather` along the channels; PyTorch `x[:, channels]`, `nn.ChannelShuffle`.
"""

from dataclasses import dataclass
from typing import Any

from refvis.layers.base.arrays import Array, array_module
from refvis.layers.base.blocks import Block, Fields, Struct
from refvis.layers.base.errors import ShapeError
from refvis.layers.base.fields import ConvertedField
from refvis.layers.base.geometry import integers
from refvis.layers.base.operator import EVERYWHERE, Operator, always


def _channels(given: Any) -> tuple[int, ...]:
    """Return the channels as ints; raise ShapeError for none, and for numbers below 0."""
    listed = list(given)
    return integers(listed, "Select channels", (max(1, len(listed)),), 0)


@dataclass(frozen=True, eq=False)
class Select:
    """Some channels of the input, by their numbers from 0; a channel may occur several times.

    Raises ShapeError for no channels, and for numbers that are none.

    >>> import numpy as np
    >>> from refvis import layers
    >>> layers.forward(layers.Select((2, 0)), np.array([[[[1.0, 2.0, 3.0]]]])).ravel()
    array([3., 1.])
    """

    channels: ConvertedField = ConvertedField(_channels)


def output_shape(layer: Select, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return N x H x W x the number of channels selected, or raise ShapeError for a channel that does not exist."""
    if max(layer.channels) >= shape[3]:
        raise ShapeError(f"the input has {shape[3]} channels, and channel {max(layer.channels)} is selected (from 0)")
    return *shape[:3], len(layer.channels)


def forward(layer: Select, x: Array) -> Array:
    """Return y (the shape of `output_shape`, dtype of x)."""
    return x[..., list(layer.channels)]


def gradient(layer: Select, signal: Array, output: Array | None, x: Array) -> tuple[Array]:
    """Return (dx,): each signal added to the channel from which its value was read."""
    back = array_module(signal, x).zeros(x.shape, signal.dtype)
    for place, channel in enumerate(layer.channels):
        back[..., channel] += signal[..., place]
    return (back,)


def from_fields(fields: Fields) -> Select:
    """Return the layer of a struct in a model; channels count from 1 there."""
    counts = tuple(range(1, 2**16))
    channels = fields.whole("channels", *fields.numbers("channels", (1.0,), counts))
    return Select(channel - 1 for channel in channels)


def to_fields(layer: Select) -> Struct:
    """Return the fields of the struct in a model."""
    return {"channels": tuple(channel + 1 for channel in layer.channels)}


OPERATOR = Operator(
    forward,
    gradient,
    output_shape,
    per_image=always,
    local=EVERYWHERE,
    copies=True,
    matconvnet=Block(from_fields, "select", "Select", to_fields),
)
