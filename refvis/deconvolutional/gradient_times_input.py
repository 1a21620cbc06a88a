"""Gradient times input (Shrikumar et al. 2016): what each value adds to the score, were the network linear."""

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
    """Return x * dy/dx, signed, for each target y of `x` (N x H x W x C, ``net.preprocess``); targets as in
    `deconvolution`.

    The sum over an image is y where the network has no biases and is made of layers that are linear or piecewise
    linear (convolution, ReLU, pooling). Raises ValueError for what does not exist, and for NaN.
    """
    goal, trace = target(net, x, Selection(at, channel, position, against))
    values = goal.per_row(x) * gradient_at(goal, trace, goal.net.inputs[0])
    made = record("gradient_times_input", net, x, **goal.choices(len(x)))
    return Heatmap(values, True, made, background(net, x, values), goal.measures(trace))
