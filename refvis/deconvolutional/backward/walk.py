"""The walk back from what is explained, for one or for several units of each image."""

from collections.abc import Iterator
from dataclasses import replace
from difflib import get_close_matches

from refvis.layers import Array, Trace, array_module, modes
from refvis.layers.graph.nodes import called
from refvis.layers.graph.per_image import apart
from refvis.targets import Target

MEMORY = 512 << 20
"""Bytes of signals, about, that walk back at once where there are several units."""

SEEDS = ("one", "activation")


def seed_name(seed: str | Array | None, mode: modes.Mode) -> str:
    """Return a seed's name, "given" for an array; None stands for the activation for relevance, for one otherwise."""
    if seed is None:
        return "activation" if modes.is_relevance(mode) else "one"
    if not isinstance(seed, str):
        return "given"
    if seed not in SEEDS:
        raise ValueError(f"the seed is {seed!r}, expected 'one', 'activation' or an array")
    return seed


def passed(goal: Target, to: str | None) -> str:
    """Return the variable that `to` stands for (None: the input); ValueError unless the signal passes it."""
    if to is None:
        return goal.net.inputs[0]
    nodes = goal.net.nodes
    way = dict.fromkeys(name for node in nodes for name in (*node.inputs, node.output))
    found = {name: name for name in way} | {node.name: node.output for node in nodes}
    if to not in found:
        near = get_close_matches(str(to), list(found), 2)
        hint = f"did you mean {' or '.join(map(repr, near))}? " if near else ""
        passes = ", ".join(called(nodes, name) for name in way)
        raise ValueError(
            f"the signal from {called(nodes, goal.variable)} does not pass {to!r}: {hint}it passes {passes}"
        )
    return found[to]


def walked(goal: Target, trace: Trace, mode: modes.Mode, seed: str | Array, to: str) -> Array:
    """Return the signal at the variable `to` for each row of the target, rows x H x W x C.

    `trace` is that of the N images; `seed` is "one", "activation" or an array, a row for each of the target's. One unit
    of each image is one walk with all images. Several are one walk for each image, along its trace, repeated without a
    copy; or one for each unit where a layer mixes the images.
    """
    images = len(trace[goal.variable])
    units = len(goal.channels) // images

    def walk(part: slice, along: Trace) -> Array:
        start = started(goal.rows(part), along[goal.variable], seed if isinstance(seed, str) else seed[part])
        return goal.net.backward(along, {goal.variable: start}, mode)[to]

    if units == 1:
        return walk(slice(None), trace)
    xp = array_module(trace[goal.variable])
    if apart(goal.net, trace):
        return xp.concatenate([walk(part, _repeated(trace, part, units)) for part in _parts(trace, images, units)])
    each = [walk(slice(unit, None, units), trace) for unit in range(units)]
    return xp.stack(each, axis=1).reshape(-1, *each[0].shape[1:])


def gradient_at(goal: Target, trace: Trace, variable: str) -> Array:
    """Return d score / d variable for each row of the target, rows x H x W x C.

    The variable lies below the target; what lies below the variable is not walked.
    """
    return walked(down_to(goal, variable), trace, modes.GRADIENT, "one", variable)


def down_to(goal: Target, variable: str) -> Target:
    """Return the target with only those layers of its network that depend on the variable."""
    depends, kept = {variable}, []
    for node in goal.net.nodes:
        if not depends.isdisjoint(node.inputs):
            depends.add(node.output)
            kept.append(node)
    return replace(goal, net=replace(goal.net, nodes=tuple(kept)))


def of_rows(goal: Target, values: Array) -> Array:
    """Return `values` of N images for each row of the target: each image's as often as it has units."""
    return values.repeat(len(goal.channels) // len(values), axis=0)


def started(goal: Target, values: Array, seed: str | Array) -> Array:
    """Return the seed, rows x H x W x C, for `values` of that shape: "one", "activation", or the array itself."""
    if not isinstance(seed, str):
        return seed
    return goal.weights(values) * values if seed == "activation" else goal.weights(values)


def _parts(trace: Trace, images: int, units: int) -> Iterator[slice]:
    """Yield rows, of one image each, whose signals fit into the memory together."""
    most = max(1, MEMORY * images // sum(values.nbytes for values in trace.values()))
    for image in range(images):
        for first in range(0, units, most):
            yield slice(image * units + first, image * units + min(first + most, units))


def _repeated(trace: Trace, part: slice, units: int) -> Trace:
    """Return the trace of one image, repeated for each of these rows: views, no copies."""
    image, count = part.start // units, part.stop - part.start
    xp = array_module(*trace.values())
    views = {name: xp.broadcast_to(v[image : image + 1], (count, *v.shape[1:])) for name, v in trace.items()}
    return replace(trace, variables=views)
