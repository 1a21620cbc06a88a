"""Excitation backprop (Zhang et al. 2016): how probably a random walk down from the target passes a position.

The walk starts at the target, and goes from each unit to one of those that excite it (`refvis.layers.lrp.excitation`).
The map is the probability at each position of a hidden layer, all channels together. The contrastive map takes away
the probability for the target's opposite, a unit with the weights -W, and keeps what is positive.
"""

from functools import partial
from typing import Any

from refvis.backpropagation.backward_pass import above, backpropagate
from refvis.deconvolutional.maps import heatmap_of_maps, map_layer
from refvis.layers import Array, BatchNorm, Pool, ROIPool, Rule, Scale, Sum, Trace, array_module, lrp, modes, title
from refvis.layers.base.arrays import to_host
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
    """Return the excitation backprop map of each target (Zhang et al. 2016).

    Parameters:

        net          the network
        x            images as its input, N x H x W x C, float32 or float64: see `Network.preprocess`
        at           the layer or variable explained. Default: the scores before softmax
        channel      its channel, by number or class name; a sequence of them; or "all". Default: the strongest. Of
                     several positions or channels, the random walk is equally likely to start at each
        layer        the layer or variable whose positions get probabilities, below the target, or the input. Default:
                     the second to last of the pooling layers that have a stride (pool4 in VGG-16)
        contrastive  whether what excites the target's opposite is subtracted at the layer that writes the target, and
                     the positive part returned. Default: no
        signed       how inputs below zero are treated: "clamp", "shift" or "keep", as in `lrp.excitation`
        upsample     whether maps are upsampled bilinearly to the size of `x`. Default: yes
        position     one position (y, x) of the channel's map. Default: all positions

    The heatmap's `values` are unsigned, a row for each target: N x H x W x 1, or N x h x w x 1 at the layer's size.
    `measures` has for each row "score", and "arrived", the sum of the map before upsampling and before the positive
    part is taken: 1 minus what was lost where nothing excites a unit, and about 0 for a contrastive map.
    Raises ValueError for names and numbers that the network lacks, for a layer not below the target, and for NaN.

    >>> import refvis
    >>> net = refvis.load("scenes")
    >>> x = net.preprocess(refvis.scenes.scene(7).image)
    >>> refvis.excitation_backprop(net, x, channel="heart", contrastive=True, upsample=False).values.shape
    (1, 8, 8, 1)
    """
    goal, trace = target(net, x, Selection(at, channel, position))
    variable = map_layer(goal, trace, _before_last_pooling(goal) if layer is None else layer)
    rules = excitation_rules(signed) | (_contrastive_rule(goal, signed) if contrastive else {})
    probabilities = backpropagate(above(goal, variable), trace, rules, _start(goal, trace), variable)
    maps = probabilities.sum(axis=3, keepdims=True)
    options = {"layer": variable, "contrastive": contrastive, "signed": signed, "upsample": upsample}
    provenance = record("excitation_backprop", net, x, **goal.choices(len(x)), **options)
    positive = array_module(maps).maximum(maps, 0) if contrastive else maps
    arrived = {"arrived": to_host(maps.sum(axis=(1, 2, 3), dtype="float64"))}
    return heatmap_of_maps(net, x, positive, False, provenance, upsample, goal.measures(trace) | arrived)


def excitation_rules(signed: str) -> dict[Any, Rule]:
    """Return the mode "excitation" with that treatment of inputs below zero."""
    rule = partial(lrp.excitation, signed=signed)
    pools = dict.fromkeys((Pool, ROIPool), partial(lrp.pool, average=rule))
    return modes.EXCITATION | dict.fromkeys((*FILTERED, BatchNorm, Scale, Sum), rule) | pools


def _contrastive_rule(goal: Target, signed: str) -> dict[Any, Rule]:
    """Return the contrastive rule for the layer that writes the target."""
    node = goal.net.node(goal.variable)
    if not isinstance(node.layer, FILTERED):
        raise ValueError(
            f"layer {node.name!r} ({title(node.layer)}) has no weights to negate: a contrastive map starts at a "
            "convolution or a fully connected layer, name one with at="
        )
    return {node.name: partial(lrp.contrastive, signed=signed)}


def _before_last_pooling(goal: Target) -> str:
    """Return the second to last pooling layer that makes maps smaller; ValueError if there are fewer than two."""
    pools = [node.name for node in goal.net.nodes if isinstance(node.layer, Pool) and node.layer.stride != (1, 1)]
    if len(pools) < 2:
        first, name = goal.net.nodes[0].name, goal.net.inputs[0]
        raise ValueError(
            f"below {goal.variable!r} are {len(pools)} pooling layers with a stride, expected 2 or more to choose the "
            f"second to last: give a layer, layer={first!r}, or the input, layer={name!r}"
        )
    return pools[-2]


def _start(goal: Target, trace: Trace) -> Array:
    """Return the probability to start at each value of the target: equal at all that are explained, 1 in sum."""
    ones = goal.weights(goal.per_row(trace[goal.variable]))
    return ones / ones.sum(axis=(1, 2, 3), keepdims=True)
