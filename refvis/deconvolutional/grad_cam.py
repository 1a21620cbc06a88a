"""Grad-CAM and guided Grad-CAM (Selvaraju et al. 2017).

    alpha_k = mean over positions of dy / dA_k,    map = ReLU(sum_k alpha_k A_k)

with A_k the maps of a layer, by default the last that has positions, before pooling. Where global average pooling and
one fully connected layer follow, alpha_k is the classifier's weight divided by the number of positions: `cam`.
"""

from refvis.backpropagation.backward_pass import backpropagate, gradient_at
from refvis.deconvolutional.backward.maps import map_layer, shown
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
    """Return the Grad-CAM map of each target of `x` (N x H x W x C); targets as in `deconvolution`.

    `layer` names the layer or variable whose maps are weighted (None: the last below the target with more than one
    position, before pooling). Without `relu` the map keeps its sign, for and against. `values` is N x H x W x 1,
    upsampled bilinearly to the input's size, or N x h x w x 1, as the layer has it.
    Raises ValueError for what does not exist, or is not below the target, and for NaN.
    """
    goal, trace = target(net, x, Selection(at, channel, position, against))
    variable = map_layer(goal, trace, layer)
    choices = {**goal.choices(len(x)), "layer": variable, "relu": relu, "upsample": upsample}
    maps = _weighted(goal, trace, variable)
    kept, made = _positive(maps) if relu else maps, record("grad_cam", net, x, **choices)
    return shown(net, x, kept, not relu, made, upsample, goal.measures(trace))


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
    """Return the signal of guided backpropagation times the Grad-CAM map, upsampled (N x H x W x C).

    Arguments and errors as in `grad_cam`.
    """
    goal, trace = target(net, x, Selection(at, channel, position, against))
    variable = map_layer(goal, trace, layer)
    maps = upsample_bilinear(_positive(_weighted(goal, trace, variable)), x.shape[1:3])
    values = maps * backpropagate(goal, trace, modes.GUIDED, "one")
    made = record("guided_grad_cam", net, x, **goal.choices(len(x)), layer=variable)
    return Heatmap(values, False, made, background(net, x, values), goal.measures(trace))


def _weighted(goal: Target, trace: Trace, variable: str) -> Array:
    """Return sum_k alpha_k A_k for each row of the target, rows x h x w x 1."""
    alpha = gradient_at(goal, trace, variable).mean(axis=(1, 2), keepdims=True)
    return (goal.per_row(trace[variable]) * alpha).sum(axis=3, keepdims=True)


def _positive(maps: Array) -> Array:
    return array_module(maps).maximum(maps, 0)
