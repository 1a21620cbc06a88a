"""What is explained: a variable of the network and one of its channels."""

from dataclasses import dataclass
from typing import Any

from refvis.layers import Array, Graph, array_module
from refvis.layers.arrays import require_finite
from refvis.network import Network


@dataclass(frozen=True)
class Target:
    """The map of one channel of one variable. `net` is the network cut there; `channels` has one entry per image."""

    net: Graph
    variable: str
    channels: tuple[int, ...]

    def chosen(self, values: Array) -> Array:
        """Return the target channel of `values` (N x H x W x C) as N x H x W."""
        xp = array_module(values)
        index = xp.asarray(self.channels).reshape(-1, 1, 1, 1)
        return xp.take_along_axis(values, index, axis=3)[..., 0]

    def only(self, values: Array) -> Array:
        """Return `values` (N x H x W x C) with all but the target channel set to zero."""
        xp = array_module(values)
        index = xp.asarray(self.channels).reshape(-1, 1, 1, 1)
        return values * (xp.arange(values.shape[3]) == index).astype(values.dtype)


def target(net: Network, x: Array, at: str | None, channel: int | None) -> tuple[Target, Any]:
    """Return what to explain, and the trace of `x` (N x H x W x C) up to it.

    `at` is a node's or a variable's name (None: the scores, before softmax and losses); `channel` counts from 0
    (None: in each image, the one with the largest sum over its positions). Raises ValueError for names and channels
    that the network lacks, and for NaN.
    """
    require_finite(x)
    variable = net.scores if at is None else written(net, at)
    cut = net.upto(variable)
    trace = cut.forward(x)
    values = trace[variable]
    if channel is None:
        channels = tuple(int(k) for k in values.sum(axis=(1, 2)).argmax(axis=1))
    elif isinstance(channel, bool) or not hasattr(channel, "__index__"):
        raise ValueError(f"channel is {channel!r}, expected a whole number: net.labels.index(name) finds a class's")
    elif 0 <= channel < values.shape[3]:
        channels = (int(channel),) * len(values)
    else:
        raise ValueError(f"channel {channel} of {variable!r}: expected 0 ... {values.shape[3] - 1}")
    return Target(cut, variable, channels), trace


def written(net: Network, at: str) -> str:
    """Return the variable that `at` (a node or variable) stands for; ValueError if there is none, or no layer's."""
    variable = net.variable(at)
    if variable in net.inputs:
        raise ValueError(f"{at!r} is the network's input: name a layer, or a variable that a layer writes")
    return variable
