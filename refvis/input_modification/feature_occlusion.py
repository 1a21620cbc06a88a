"""Occlusion of feature maps: the fall of a score when channels of a hidden layer are set to a value."""

from collections.abc import Iterable
from math import isfinite
from operator import index
from typing import Any

from refvis.input_modification.boxes.effects import Passes, collect_effects
from refvis.input_modification.boxes.feature_effects import FeatureEffects
from refvis.input_modification.boxes.fills import describe
from refvis.input_modification.boxes.measures import UNSIGNED, find_measure
from refvis.layers import Array, ShapeError
from refvis.layers.base.limits import MEMORY
from refvis.layers.incremental.full_passes import MOST, dependents
from refvis.layers.incremental.rectangles import Rectangle
from refvis.network import Network
from refvis.results import record
from refvis.targets import Target, target
from refvis.units import Against, Channel, Selection, check_channels

Channels = tuple[int, ...]


def feature_occlusion(
    net: Network,
    x: Array,
    layer: str,
    channels: Any = None,
    region: Any = None,
    value: float = 0.0,
    at: str | None = None,
    channel: Channel = None,
    *,
    measure: Any = "difference",
    position: tuple[int, int] | None = None,
    against: Against = None,
    incremental: bool = True,
    memory: int = MEMORY,
    batch: int = MOST,
    progress: bool = False,
) -> FeatureEffects:
    """Return how much a score falls when channels of a layer's output are set to a value.

    Source: the evaluation of DagNN models in FeatureVis (Gruen et al. 2016).

    Parameters:

        net          the network
        x            one image, 1 x H x W x C, float32 or float64
        layer        the layer or variable whose channels are set, below the target; or the input
        channels     a sequence; each element is a channel, or several channels that are set together: [0, 3, (1, 2)].
                     Default: each channel by itself
        region       rows and columns of the layer's map, ((top, bottom), (left, right)), the ends not included.
                     Default: the whole map
        value        the finite number that the channels are set to. Default: 0
        at           layer or variable to explain. Default: the scores before softmax
        channel      a channel (number from 0, or name of a class), a sequence of channels, or "all" (the whole layer).
                     Default: the strongest
        measure      "difference", "absolute", "euclidean", "spectral" or a function, as in `occlusion`
        position     one position (y, x) of the target's map. Default: the mean over all
        against      a channel whose map is subtracted, or one for each channel. Default: none
        incremental  recompute only what the region can change; the values are the same up to rounding
        memory       bytes for the groups computed at once, about. Default: 512 MiB
        batch        most groups computed at once. Default: 64
        progress     show a bar, on a terminal

    Returns FeatureEffects with values units x groups. Ctrl-C ends the run early with a warning: groups that are not
    done are NaN, and the record has "partial".
    Raises ValueError for a layer, channel, region or measure that does not exist, for a layer that is not below the
    target, and for NaN or infinity in `x` or as `value`; ShapeError for more than one image.

    Example:

    >>> import numpy as np
    >>> import refvis
    >>> scores = refvis.layers.FullyConnected(np.array([[2.0, -1.0, 0.0, 3.0]]))
    >>> net = refvis.chain({"relu": refvis.layers.ReLU(), "fc": scores})
    >>> x = np.array([1.0, 4.0, 9.0, 0.5]).reshape(1, 1, 1, 4)
    >>> refvis.feature_occlusion(net, x, "relu").ranked(2)
    [((0,), 2.0), ((3,), 1.5)]
    """
    if len(x) != 1:
        raise ShapeError(f"feature_occlusion takes one image, found {len(x)}: give x[i:i+1]")
    if not isfinite(value):
        raise ValueError(f"value is {value!r}, expected a finite number: every score would be NaN or infinite")
    measuring, passes = find_measure(measure), Passes(incremental, memory, batch)
    goal, trace = target(net, x, Selection(at, channel, position, against))
    variable = _variable_below(goal, net, trace, layer)
    known = trace[variable]
    groups = _groups(channels, known.shape[3], variable)
    box = _region(region, known.shape, variable)

    def content(number: int) -> Array:
        (top, bottom), (left, right) = box
        part = known[0, top:bottom, left:right].copy()
        part[..., list(groups[number])] = value
        return part

    boxes = [box] * len(groups)
    outputs, count = passes.run(goal, trace, boxes, content, variable), len(groups)
    effects = collect_effects(
        goal, trace[goal.variable], outputs, count, measuring, "feature occlusion", progress, "groups"
    )
    effects.values[:, [n for n, done in enumerate(effects.done) if not done]] = float("nan")
    choices = {"layer": variable, "region": str(box), "value": value, "measure": describe(measure)}
    computed = passes.describe(goal, trace, boxes, variable)
    run_record = record("feature_occlusion", net, **choices, **goal.choices(1), computed=computed, **effects.partial)
    return FeatureEffects(effects.values, tuple(groups), measuring not in UNSIGNED, run_record)


def _variable_below(goal: Target, net: Network, trace: Any, layer: str) -> str:
    """Return the variable that `layer` stands for; ValueError unless the target depends on it."""
    variable = net.variable(layer)
    above = {node.output for node in dependents(goal.net, trace, variable)}
    if goal.variable not in above:
        raise ValueError(f"{layer!r} does not lie below the target, {goal.variable!r}: name a layer that does")
    return variable


def _groups(channels: Any, count: int, variable: str) -> list[Channels]:
    """Return the groups of channels that are set together."""
    if channels is None:
        return [(k,) for k in range(count)]
    if not isinstance(channels, Iterable) or isinstance(channels, str):
        raise ValueError(f"channels is {channels!r}, expected a sequence of channels, or of several: [0, 3, (1, 2)]")
    groups = [check_channels(one, count, variable) for one in channels]
    if not groups:
        raise ValueError("channels is empty, expected at least one; None stands for each by itself")
    return groups


def _region(region: Any, shape: tuple[int, ...], variable: str) -> Rectangle:
    """Return the rows and columns that are changed; ValueError unless they lie inside the map."""
    extent = shape[1], shape[2]
    try:
        (top, bottom), (left, right) = ((0, extent[0]), (0, extent[1])) if region is None else region
        box = (index(top), index(bottom)), (index(left), index(right))
    except (TypeError, ValueError):
        raise ValueError(f"region is {region!r}, expected ((top, bottom), (left, right)) in whole numbers") from None
    if not all(0 <= first < last <= most for (first, last), most in zip(box, extent, strict=True)):
        raise ValueError(
            f"region {box} of {variable!r}: expected rows in 0 ... {extent[0]}, columns in 0 ... {extent[1]}"
        )
    return box
