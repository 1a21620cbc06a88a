"""Linear approximation (as TorchRay calls it): gradient times activation at a hidden layer, channels added."""

from refvis.backpropagation.backward_pass import gradient_at
from refvis.deconvolutional.maps import heatmap_of_maps, map_layer
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
    """Return gradient times activation of a layer, sum_k a_k * dy/da_k over its channels k, for each target y.

    TorchRay (Fong, Patrick & Vedaldi 2019) calls it linear approximation.

    Parameters:

        net       the network
        x         images as its input, N x H x W x C, float32 or float64: see `Network.preprocess`
        at        the layer or variable explained. Default: the scores before softmax
        channel   its channel, by number or class name; a sequence of them; or "all". Default: the strongest
        layer     the layer or variable of the activations a, below the target, or the input. Default: the last with
                  more than one position that no pooling layer writes
        upsample  whether maps are upsampled bilinearly to the size of `x`. Default: yes
        position  one position (y, x) of the channel's map. Default: all positions
        against   a channel whose map is subtracted, or one for each channel. Default: nothing is subtracted

    The heatmap's `values` are signed, a row for each target: N x H x W x 1, or N x h x w x 1 at the layer's size.
    `measures` has each row's "score", y.
    Raises ValueError for names and numbers that the network lacks, for a layer not below the target, and for NaN.

    >>> import refvis
    >>> net = refvis.load("scenes")
    >>> x = net.preprocess(refvis.scenes.scene(7).image)
    >>> refvis.linear_approximation(net, x, layer="conv3", upsample=False).values.shape
    (1, 8, 8, 1)
    """
    goal, trace = target(net, x, Selection(at, channel, position, against))
    variable = map_layer(goal, trace, layer)
    maps = (goal.per_row(trace[variable]) * gradient_at(goal, trace, variable)).sum(axis=3, keepdims=True)
    provenance = record("linear_approximation", net, x, **goal.choices(len(x)), layer=variable, upsample=upsample)
    return heatmap_of_maps(net, x, maps, True, provenance, upsample, goal.measures(trace))
