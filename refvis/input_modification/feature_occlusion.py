"""Occlusion of feature maps: channels of a hidden layer are set to a value, and what changes above is watched."""

from collections.abc import Iterable
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
from refvis.units import Against, Channel, Selection, checked_channels

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
    """Return how much the target falls when channels of a layer's output are set to `value`, in a region or everywhere.

    `layer` is a layer or variable below the target, or the input; x is 1 x H x W x C. `channels` is a sequence of what
    is set at a time: a channel, or several, (0, 3), at once; None: each channel by itself. `region` is rows and columns
    of the layer's map, ((top, bottom), (left, right)), the last ones not included; None: all. Targets, `measure` and
    all other options are those of `occlusion`; Ctrl-C leaves NaN for what is not done, and "partial" in the record.
    Raises ValueError for what does not exist, or does not lie below the target; ShapeError for more than one image.
    Source: the evaluation of DagNN models in FeatureVis (Gruen et al. 2016).
    """
    if len(x) != 1:
        raise ShapeError(f"feature_occlusion takes one image, found {len(x)}: give x[i:i+1]")
    measuring, passes = find_measure(measure), Passes(incremental, memory, batch)
    goal, trace = target(net, x, Selection(at, channel, position, against))
    variable = _below(goal, net, trace, layer)
    known = trace[variable]
    groups = _groups(channels, known.shape[3], variable)
    box = _region(region, known.shape, variable)

    def content(number: int) -> Array:
        (top, bottom), (left, right) = box
        part = known[0, top:bottom, left:right].copy()
        part[..., list(groups[number])] = value
        return part

    boxes = [box] * len(groups)
    runs = passes.run(goal, trace, boxes, content, variable)
    found = collect_effects(goal, trace[goal.variable], runs, len(groups), measuring, "feature occlusion", progress, "groups")
    values = found.values
    values[:, [n for n, done in enumerate(found.done) if not done]] = float("nan")
    choices = {
        "layer": variable,
        "region": str(box),
        "value": value,
        "measure": describe(measure),
    }
    computed = passes.words(goal, trace, boxes, variable)
    made = record("feature_occlusion", net, **choices, **goal.choices(1), computed=computed, **found.partial)
    return FeatureEffects(values, tuple(groups), measuring not in UNSIGNED, made)


def _below(goal: Target, net: Network, trace: Any, layer: str) -> str:
    """Return the variable that `layer` stands for; ValueError unless the target depends on it."""
    variable = net.variable(layer)
    above = {node.output for node in dependents(goal.net, trace, variable)}
    if goal.variable not in above:
        raise ValueError(f"{layer!r} does not lie below {goal.variable!r}, which is watched: name one that does")
    return variable


def _groups(channels: Any, count: int, variable: str) -> list[Channels]:
    """Return which channels are set together, one time after the other."""
    if channels is None:
        return [(k,) for k in range(count)]
    if not isinstance(channels, Iterable) or isinstance(channels, str):
        raise ValueError(f"channels is {channels!r}, expected a sequence of channels, or of several: [0, 3, (1, 2)]")
    groups = [checked_channels(one, count, variable) for one in channels]
    if not groups:
        raise ValueError("channels is empty, expected at least one; None stands for each by itself")
    return groups


def _region(region: Any, shape: tuple[int, ...], variable: str) -> Rectangle:
    """Return the rows and columns that are changed; ValueError unless they lie inside."""
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
