"""Linear approximation (as TorchRay calls it): gradient times activation at a hidden layer, channels added."""

from refvis.backpropagation.backward_pass import gradient_at
from refvis.deconvolutional.backward.maps import map_layer, shown
from refvis.layers import Array
from refvis.network import Network
from refvis.results import Heatmap, record
from refvis.targets import target
from refvis.units import Against, Channel, Selection


def linear_approximation(
    net: Network,
    x: Array,
    at: str | None = None,
    channel: Channel = None,
    *,
    layer: str | None = None,
    upsample: bool = True,
    position: tuple[int, int] | None = None,
    against: Against = None,
) -> Heatmap:
    """Return the sum over channels of a * dy/da, signed, with a the activation of `layer` for `x` (N x H x W x C).

    `layer` is a layer or variable below the target (None: the last with more than one position, before pooling; the
    input will do, too); targets y as in `deconvolution`. `values` is N x H x W x 1, upsampled to the input's size, or
    N x h x w x 1 as the layer has it. Raises ValueError for what does not exist, and for NaN.
    """
    goal, trace = target(net, x, Selection(at, channel, position, against))
    variable = map_layer(goal, trace, layer)
    product = goal.per_row(trace[variable]) * gradient_at(goal, trace, variable)
    made = record("linear_approximation", net, x, **goal.choices(len(x)), layer=variable, upsample=upsample)
    return shown(net, x, product.sum(axis=3, keepdims=True), True, made, upsample, goal.measures(trace))
