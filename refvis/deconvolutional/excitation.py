"""Excitation backprop (Zhang et al. 2016): how probably a random walk down from the target passes a position.

The walk starts at the target, and goes from each unit to one of those that excite it (`refvis.layers.lrp.excitation`).
The map is the probability at each position of a hidden layer, all channels together. The contrastive map takes away
the probability for the target's opposite, a unit with the weights -W, and keeps what is positive.
"""

from functools import partial
from typing import Any

from refvis.backpropagation.backward_pass import above, backpropagate
from refvis.deconvolutional.backward.maps import map_layer, shown
from refvis.layers import Array, BatchNorm, Pool, ROIPool, Rule, Scale, Sum, Trace, array_module, lrp, modes, title
from refvis.layers.base.arrays import moved
from refvis.layers.modes.composites import FILTERED
from refvis.network import Network
from refvis.results import Heatmap, record
from refvis.targets import Target, target
from refvis.units import Channel, Selection


def excitation_backprop(
    net: Network,
    x: Array,
    at: str | None = None,
    channel: Channel = None,
    *,
    layer: str | None = None,
    contrastive: bool = False,
    signed: str = "clamp",
    upsample: bool = True,
    position: tuple[int, int] | None = None,
) -> Heatmap:
    """Return the excitation backprop map of each target of `x` (N x H x W x C); targets as in `deconvolution`.

    `layer` names the layer or variable whose positions are asked about (None: the last but one of the pooling layers
    that have a stride, pool4 in VGG-16; the network's input will do, too). Of a target with several positions or
    channels, the walk is equally likely to start at each. `contrastive` subtracts, at the layer that writes the target,
    what excites its opposite. `signed` says what inputs below zero are taken for: "clamp", "shift" or "keep", as in
    `lrp.excitation`. `values` is N x H x W x 1, upsampled bilinearly to the input's size, or N x h x w x 1.

    `measures` has, for each row, "score", and "arrived": the sum over the map before it is upsampled, or a contrastive
    one cut. It is 1 less what got lost where nothing excites a unit, and about 0 for a contrastive map.
    Raises ValueError for what does not exist, or is not below the target, and for NaN.
    """
    goal, trace = target(net, x, Selection(at, channel, position))
    variable = map_layer(goal, trace, _before_last_pooling(goal) if layer is None else layer)
    mode = excited(signed) | (_contrast(goal, signed) if contrastive else {})
    found = backpropagate(above(goal, variable), trace, mode, _started(goal, trace), variable)
    maps = found.sum(axis=3, keepdims=True)
    options = {"layer": variable, "contrastive": contrastive, "signed": signed, "upsample": upsample}
    made = record("excitation_backprop", net, x, **goal.choices(len(x)), **options)
    kept = array_module(maps).maximum(maps, 0) if contrastive else maps
    arrived = {"arrived": moved(maps.sum(axis=(1, 2, 3), dtype="float64"), "numpy")}
    return shown(net, x, kept, False, made, upsample, goal.measures(trace) | arrived)


def excited(signed: str) -> dict[Any, Rule]:
    """Return the mode "excitation" with that choice about inputs below zero."""
    rule = partial(lrp.excitation, signed=signed)
    pools = dict.fromkeys((Pool, ROIPool), partial(lrp.pool, average=rule))
    return modes.EXCITATION | dict.fromkeys((*FILTERED, BatchNorm, Scale, Sum), rule) | pools


def _contrast(goal: Target, signed: str) -> dict[Any, Rule]:
    """Return the contrastive rule for the layer that writes the target."""
    node = goal.net.node(goal.variable)
    if not isinstance(node.layer, FILTERED):
        raise ValueError(
            f"layer {node.name!r} ({title(node.layer)}) has no weights whose signs could be turned: contrast starts at "
            "a convolution or a fully connected layer, name one with at="
        )
    return {node.name: partial(lrp.contrastive, signed=signed)}


def _before_last_pooling(goal: Target) -> str:
    """Return the last but one of the pooling layers that make maps smaller; ValueError if there are fewer than two."""
    pools = [node.name for node in goal.net.nodes if isinstance(node.layer, Pool) and node.layer.stride != (1, 1)]
    if len(pools) < 2:
        raise ValueError(
            f"below {goal.variable!r} are {len(pools)} pooling layers with a stride, expected 2 or more to choose the "
            f"last but one: name a layer, layer={goal.net.nodes[0].name!r}, or the input, layer={goal.net.inputs[0]!r}"
        )
    return pools[-2]


def _started(goal: Target, trace: Trace) -> Array:
    """Return the probability to start at each value of the target: equal at all that are explained, 1 in sum."""
    ones = goal.weights(goal.per_row(trace[goal.variable]))
    return ones / ones.sum(axis=(1, 2, 3), keepdims=True)
