"""Gradient times input (Shrikumar et al. 2016): what each value would add to the score if the network were linear."""

from refvis.backpropagation.backward_pass import gradient_at
from refvis.layers import Array
from refvis.network import Network
from refvis.results import Heatmap, background, record
from refvis.targets import target
from refvis.units import Against, Channel, Selection


def gradient_times_input(
    net: Network,
    x: Array,
    at: str | None = None,
    channel: Channel = None,
    *,
    position: tuple[int, int] | None = None,
    against: Against = None,
) -> Heatmap:
    """Return gradient times input, x * dy/dx, for each target y (Shrikumar et al. 2016).

    The sum over an image is y if the network has no biases and all its layers are linear or piecewise linear
    (convolution, ReLU, pooling).

    Parameters:

        net       the network
        x         images as its input, N x H x W x C, float32 or float64: see `Network.preprocess`
        at        the layer or variable explained. Default: the scores before softmax
        channel   its channel, by number or class name; a sequence of them; or "all". Default: the strongest
        position  one position (y, x) of the channel's map. Default: all positions
        against   a channel whose map is subtracted, or one for each channel. Default: nothing is subtracted

    The heatmap's `values` are signed, a row for each target, of the shape of `x`; `measures` has each row's "score", y.
    Raises ValueError for names and numbers that the network lacks, and for NaN.

    >>> import numpy as np
    >>> import refvis
    >>> net = refvis.chain({"fc": refvis.layers.FullyConnected(np.array([[3.0, -1.0]]))})
    >>> refvis.gradient_times_input(net, np.array([[[[1.0, 2.0]]]])).values.ravel()
    array([ 3., -2.])
    """
    goal, trace = target(net, x, Selection(at, channel, position, against))
    values = goal.per_row(x) * gradient_at(goal, trace, goal.net.inputs[0])
    provenance = record("gradient_times_input", net, x, **goal.choices(len(x)))
    return Heatmap(values, True, provenance, background(net, x, values), goal.measures(trace))
