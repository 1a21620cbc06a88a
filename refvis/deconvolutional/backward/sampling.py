"""Signals at many inputs near or on the way to one image, point by point, with bounded memory."""

from collections.abc import Callable, Iterator

from refvis.deconvolutional.backward.walk import MEMORY, passed, walked
from refvis.layers import Array, Trace, array_module, modes
from refvis.layers.graph.per_image import apart
from refvis.targets import Target

Point = Callable[[int], Array]
"""Number of a point -> the input there, 1 x H x W x C."""


def signals(goal: Target, mode: modes.Mode, seed: str, point: Point, count: int, batch: int) -> Iterator[Array]:
    """Yield the signal at the input for each of `count` points in turn: units x H x W x C.

    `goal` is the target of one image, with a row for each unit; `seed` is "one" or "activation", at each point its own.
    `batch` points are computed at once.
    """
    units = range(len(goal.channels))
    for first in range(0, count, batch):
        each = [point(number) for number in range(first, min(first + batch, count))]
        points = array_module(*each).concatenate(each)
        trace = goal.net.forward(points)
        found = [
            walked(goal.rows(slice(unit, unit + 1)).repeated(len(points)), trace, mode, seed, passed(goal, None))
            for unit in units
        ]
        yield from array_module(*found).stack(found, axis=1)


def batch_size(goal: Target, trace: Trace, batch: int | None) -> int:
    """Return how many points to compute at once: `batch`; None: as many as the memory holds.

    It is 1 where layers mix images, since the points would not be computed by themselves. `trace` is of one image.
    """
    if batch is not None and batch < 1:
        raise ValueError(f"batch is {batch}, expected 1 or more (None: as many as fit into the memory)")
    if not apart(goal.net, trace):
        return 1
    return batch or max(1, MEMORY // (2 * sum(values.nbytes for values in trace.values())))
