"""Grad-CAM and guided Grad-CAM (Selvaraju et al. 2017).

    alpha_k = mean over positions of dy / dA_k,    map = ReLU(sum_k alpha_k A_k)

with A_k the maps of a layer, by default the last that has positions, before pooling. Where global average pooling and
one fully connected layer follow, alpha_k is the classifier's weight divided by the number of positions: `cam`.
"""

from refvis.backpropagation.backward_pass import backpropagate, gradient_at
from refvis.deconvolutional.maps import heatmap_of_maps, map_layer
from refvis.layers import Array, Trace, array_module, modes
from refvis.network import Network
from refvis.results import Heatmap, background, record
from refvis.results.upsampling import upsample_bilinear
from refvis.targets import Target, target
from refvis.units import Against, Channel, Selection


def grad_cam(
    net: Network,
    x: Array,
    at: str | None = None,
    channel: Channel = None,
    *,
    layer: str | None = None,
    relu: bool = True,
    upsample: bool = True,
    position: tuple[int, int] | None = None,
    against: Against = None,
) -> Heatmap:
    """Return the Grad-CAM map of each target y (Selvaraju et al. 2017).

        map = ReLU(sum_k alpha_k A_k),    alpha_k = mean over positions of dy / dA_k

    Parameters:

        net       the network
        x         images as its input, N x H x W x C, float32 or float64: see `Network.preprocess`
        at        the layer or variable explained. Default: the scores before softmax
        channel   its channel, by number or class name; a sequence of them; or "all". Default: the strongest
        layer     the layer or variable of the maps A, below the target. Default: the last with more than one position
                  that no pooling layer writes
        relu      whether negative values become zero; without it the map is signed, for and against. Default: yes
        upsample  whether maps are upsampled bilinearly to the size of `x`. Default: yes
        position  one position (y, x) of the channel's map. Default: all positions
        against   a channel whose map is subtracted, or one for each channel. Default: nothing is subtracted

    The heatmap's `values` have a row for each target: N x H x W x 1, or N x h x w x 1 at the layer's size. `measures`
    has each row's "score", y.
    Raises ValueError for names and numbers that the network lacks, for a layer not below the target, and for NaN.

    >>> import refvis
    >>> net = refvis.load("scenes")
    >>> x = net.preprocess(refvis.scenes.scene(7).image)
    >>> refvis.grad_cam(net, x, channel="heart").values.shape
    (1, 64, 64, 1)
    """
    goal, trace = target(net, x, Selection(at, channel, position, against))
    variable = map_layer(goal, trace, layer)
    maps = _weighted_sum(goal, trace, variable)
    choices = {**goal.choices(len(x)), "layer": variable, "relu": relu, "upsample": upsample}
    provenance = record("grad_cam", net, x, **choices)
    return heatmap_of_maps(
        net, x, _positive(maps) if relu else maps, not relu, provenance, upsample, goal.measures(trace)
    )


def guided_grad_cam(
    net: Network,
    x: Array,
    at: str | None = None,
    channel: Channel = None,
    *,
    layer: str | None = None,
    position: tuple[int, int] | None = None,
    against: Against = None,
) -> Heatmap:
    """Return the signal of guided backpropagation times the upsampled Grad-CAM map (Selvaraju et al. 2017).

    Parameters:

        net       the network
        x         images as its input, N x H x W x C, float32 or float64: see `Network.preprocess`
        at        the layer or variable explained. Default: the scores before softmax
        channel   its channel, by number or class name; a sequence of them; or "all". Default: the strongest
        layer     the layer or variable of the maps, below the target. Default: as in `grad_cam`
        position  one position (y, x) of the channel's map. Default: all positions
        against   a channel whose map is subtracted, or one for each channel. Default: nothing is subtracted

    The heatmap's `values` are unsigned, a row for each target, of the shape of `x`; `measures` has each row's "score".
    Raises ValueError as `grad_cam` does.

    >>> import refvis
    >>> net = refvis.load("scenes")
    >>> x = net.preprocess(refvis.scenes.scene(7).image)
    >>> refvis.guided_grad_cam(net, x, channel="heart").values.shape
    (1, 64, 64, 3)
    """
    goal, trace = target(net, x, Selection(at, channel, position, against))
    variable = map_layer(goal, trace, layer)
    maps = upsample_bilinear(_positive(_weighted_sum(goal, trace, variable)), x.shape[1:3])
    values = maps * backpropagate(goal, trace, modes.GUIDED, "one")
    provenance = record("guided_grad_cam", net, x, **goal.choices(len(x)), layer=variable)
    return Heatmap(values, False, provenance, background(net, x, values), goal.measures(trace))


def _weighted_sum(goal: Target, trace: Trace, variable: str) -> Array:
    """Return sum_k alpha_k A_k for each row of the target, rows x h x w x 1."""
    return weighted_maps(goal.per_row(trace[variable]), gradient_at(goal, trace, variable))


def weighted_maps(maps: Array, gradients: Array) -> Array:
    """Return sum_k alpha_k A_k of maps A (N x h x w x C), alpha_k the mean of their gradients, N x h x w x 1."""
    alpha = gradients.mean(axis=(1, 2), keepdims=True)
    return (maps * alpha).sum(axis=3, keepdims=True)


def _positive(maps: Array) -> Array:
    return array_module(maps).maximum(maps, 0)
