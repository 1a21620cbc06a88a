"""The backward pass: seeds for what is explained, and their backpropagation to the input or to a variable."""

from collections.abc import Iterator
from dataclasses import replace
from difflib import get_close_matches
from typing import Any

from refvis.layers import Array, ShapeError, Trace, array_module, modes
from refvis.layers.base.arrays import to_host
from refvis.layers.base.limits import count_at_once
from refvis.layers.graph.nodes import label_of
from refvis.layers.graph.not_finite import finite_signals
from refvis.targets import Target
from refvis.units import Channel, is_sequence

SEEDS = ("one", "activation")

LISTED = 8
"""Channels of a seed that a record lists."""


def default_seed(rules: modes.Mode) -> str:
    """Return the usual seed of a mode: the activation for relevance, else one."""
    return "activation" if modes.is_relevance(rules) else "one"


def choose_seed(
    seed: str | Array | None, rules: modes.Mode, goal: Target, images: int, channel: Channel
) -> tuple[Target, str | Array, dict[str, Any]]:
    """Return the target, the seed for each of its rows ("one", "activation" or an array), and both for a record.

    A seed of None is the usual one of the rules. An array sets where the signal starts by itself: the target then has a
    row for each of the array's rows, and `channel` may name one for each of them.
    Raises ValueError for another name, and for an array together with a position, `against` or a single channel;
    ShapeError unless an array has a row for each image (or a multiple), or one for each named channel of each image.
    """
    if seed is None or isinstance(seed, str):
        name = default_seed(rules) if seed is None else seed
        if name not in SEEDS:
            raise ValueError(f"the seed is {seed!r}, expected 'one', 'activation' or an array")
        return goal, name, {**goal.choices(images), "seed": name}
    goal = _one_row_each(seed, goal, images, channel)
    nonzero = to_host((seed != 0).any(axis=(0, 1, 2)))
    (used,) = nonzero.nonzero()
    text = f"{len(used)} of {len(nonzero)}" if len(used) > LISTED else ", ".join(map(str, used)) or "none"
    if is_sequence(channel):
        return goal, seed, {**goal.choices(images), "seed": "given, a row for each channel", "seed_channels": text}
    return goal, seed, {"at": goal.variable, "seed": "given", "seed_channels": text}


def _one_row_each(seed: Array, goal: Target, images: int, channel: Channel) -> Target:
    """Return the target with one row for each row of a seed that is an array."""
    array_module(seed)
    if goal.position is not None or goal.against:
        raise ValueError("the seed is an array, which sets where the signal starts: leave position and against out")
    if channel is not None and not is_sequence(channel):
        raise ValueError(
            f"the seed is an array, which sets where the signal starts, and channel is {channel!r}: leave channel "
            "out, or name one for each row in a sequence"
        )
    rows = len(goal.channels)
    units = 1 if is_sequence(channel) else max(1, len(seed) // images)
    if len(seed) != rows * units:
        raise ShapeError(f"the seed has {len(seed)} rows, expected {rows}: one for each channel of each image")
    return goal.repeated(units)


def seed_signal(goal: Target, values: Array, seed: str | Array) -> Array:
    """Return the signal that a seed starts, rows x H x W x C, at `values` of that shape.

    The seed "one" is 1 at each position of a row's channel (and -1 at the channel it is set against), "activation" is
    that times the values. An array is taken as it is.
    """
    if not isinstance(seed, str):
        return seed
    return goal.weights(values) * values if seed == "activation" else goal.weights(values)


def variable_on_path(goal: Target, to: str | None) -> str:
    """Return the variable that `to` stands for (None: the input); ValueError unless the signal passes it."""
    if to is None:
        return goal.net.inputs[0]
    nodes = goal.net.nodes
    path = dict.fromkeys(name for node in nodes for name in (*node.inputs, node.output))
    names = {name: name for name in path} | {node.name: node.output for node in nodes}
    if to not in names:
        near = get_close_matches(str(to), list(names), 2)
        hint = f"did you mean {' or '.join(map(repr, near))}? " if near else ""
        passes = ", ".join(label_of(nodes, name) for name in path)
        raise ValueError(
            f"the signal from {label_of(nodes, goal.variable)} does not pass {to!r}: {hint}it passes {passes}"
        )
    return names[to]


def backpropagate(goal: Target, trace: Trace, rules: modes.Mode, seed: str | Array, to: str | None = None) -> Array:
    """Return the signal at the variable `to` (None: the input) for each row of the target, rows x H x W x C.

    `trace` is that of the N images; `seed` is "one", "activation" or an array with a row for each of the target's. One
    unit of each image takes one backward pass for all images. Several units take one pass for each image, along its
    trace, repeated without a copy; or one for each unit, where a layer mixes the images.
    """
    end = goal.net.inputs[0] if to is None else to
    images = len(trace[goal.variable])
    units = len(goal.channels) // images

    def signal(rows: slice, along: Trace) -> Array:
        start = seed_signal(goal.rows(rows), along[goal.variable], seed if isinstance(seed, str) else seed[rows])
        return finite_signals(goal.net, along, {goal.variable: start}, rules, end)[end]

    if units == 1:
        return signal(slice(None), trace)
    xp = array_module(trace[goal.variable])
    if goal.net.is_per_image(trace):
        return xp.concatenate([signal(rows, _repeat(trace, rows, units)) for rows in _parts(trace, images, units)])
    each = [signal(slice(unit, None, units), trace) for unit in range(units)]
    return xp.stack(each, axis=1).reshape(-1, *each[0].shape[1:])


def gradient_at(goal: Target, trace: Trace, variable: str) -> Array:
    """Return d score / d variable for each row of the target, rows x H x W x C.

    The variable lies below the target. The backward pass ends there.
    """
    return backpropagate(above(goal, variable), trace, modes.GRADIENT, "one", variable)


def above(goal: Target, variable: str) -> Target:
    """Return the target with only those layers of its network that depend on the variable."""
    dependent, nodes = {variable}, []
    for node in goal.net.nodes:
        if not dependent.isdisjoint(node.inputs):
            dependent.add(node.output)
            nodes.append(node)
    return replace(goal, net=replace(goal.net, nodes=tuple(nodes)))


def _parts(trace: Trace, images: int, units: int) -> Iterator[slice]:
    """Yield rows, of one image each, whose signals fit into the memory together."""
    most = count_at_once(sum(values.nbytes for values in trace.values()) // images)
    for image in range(images):
        for first in range(0, units, most):
            yield slice(image * units + first, image * units + min(first + most, units))


def _repeat(trace: Trace, rows: slice, units: int) -> Trace:
    """Return the trace of one image, repeated for each of these rows: views, no copies."""
    image, count = rows.start // units, rows.stop - rows.start
    xp = array_module(*trace.values())
    views = {name: xp.broadcast_to(v[image : image + 1], (count, *v.shape[1:])) for name, v in trace.items()}
    return replace(trace, variables=views)
