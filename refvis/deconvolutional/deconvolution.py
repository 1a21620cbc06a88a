"""Deconvolutional methods: forward, choose a unit, and walk back by a table of rules."""

from typing import Any

from refvis.deconvolutional.walk import passed, seed_name, walked
from refvis.layers import Array, ShapeError, array_module, modes
from refvis.network import Network
from refvis.results import Heatmap, below, record
from refvis.targets import Target, target
from refvis.units import Against, Channel


def deconvolution(
    net: Network,
    x: Array,
    mode: str | modes.Mode = "guided",
    at: str | None = None,
    channel: Channel = None,
    seed: str | Array | None = None,
    *,
    position: tuple[int, int] | None = None,
    against: Against = None,
    to: str | None = None,
) -> Heatmap:
    """Return the signal at the input that walks back from a channel, or from several, by `mode`.

    `x` is N x H x W x C (``net.preprocess``). `mode` is "gradient" (Simonyan et al. 2014), "deconvnet" (Zeiler & Fergus
    2014), "guided" (Springenberg et al. 2015), "epsilon" (relevance; Bach et al. 2015), another name in `modes.MODES`,
    or a table of rules.

    What is explained: `at` is a layer or variable (None: the scores before softmax; naming the softmax explains the
    probability). `channel` counts from 0 (None: the strongest of each image); of a sequence, each has a map of its own,
    and `values` has a row for each, image by image; "all" is the whole layer at once. `position` (y, x) leaves one
    position of the map; `against` subtracts a channel's map, or one for each channel's.

    `seed` starts the signal: "one" at each position of the channel (so the gradient is that of the map's sum), its
    "activation" (both negative at the channel in `against`), or an array, taken as it is whatever the channel: of the
    variable's shape, or with a row for each map. None: the activation for relevance (any table with a rule of `lrp`),
    else one. The map of relevance is signed, for and against. `to` names the layer or variable whose signal is returned
    (None: the input). Raises ValueError for what does not exist, or is not on the way.
    """
    rules = modes.find(mode)
    start = seed_name(seed, rules)
    goal, trace = target(net, x, at, channel, position, against)
    choices = goal.choices(len(x))
    if start == "given":
        goal = with_rows_of(seed, goal, len(x))
    end = passed(goal, to)
    values = walked(goal, trace, rules, seed if start == "given" else start, end)
    if to is not None:
        choices["to"] = end
    name = mode if isinstance(mode, str) else modes.table(mode)
    made = record("deconvolution", net, mode=name, **choices, seed=start)
    return Heatmap(values, modes.is_relevance(rules), made, below(net, x, values))


def with_rows_of(seed: Any, goal: Target, images: int) -> Target:
    """Return the target with a row for each of a given seed's, where one channel leaves their number open."""
    array_module(seed)
    if goal.position is not None or goal.against:
        raise ValueError("the seed is an array, which says by itself where it starts: leave position and against out")
    rows = len(goal.channels)
    units = max(1, len(seed) // images) if rows == images else 1
    if len(seed) != rows * units:
        raise ShapeError(f"the seed has {len(seed)} rows, expected {rows}: one for each channel of each image")
    return goal.repeated(units)
