"""Signals at many inputs, such as noisy copies of an image, computed in batches that fit into the memory."""

from collections.abc import Callable, Iterator

from refvis.backpropagation.backward_pass import backpropagate
from refvis.layers import Array, Trace, array_module, modes
from refvis.layers.base.limits import count_at_once
from refvis.layers.graph.not_finite import finite_trace
from refvis.targets import Target

Point = Callable[[int], Array]
"""Number of a point -> the input there, 1 x H x W x C."""


def signals(goal: Target, rules: modes.Mode, seed: str, point: Point, count: int, batch: int) -> Iterator[Array]:
    """Yield the signal at the input for each of `count` points in turn: units x H x W x C.

    `goal` is the target of one image, with a row for each unit. `seed` is "one", or "activation", that at each point.
    `batch` points are computed at once.
    """
    units = range(len(goal.channels))
    for first in range(0, count, batch):
        each = [point(number) for number in range(first, min(first + batch, count))]
        points = array_module(*each).concatenate(each)
        trace = finite_trace(goal.net, points)
        values = [
            backpropagate(goal.rows(slice(unit, unit + 1)).repeated(len(points)), trace, rules, seed) for unit in units
        ]
        yield from array_module(*values).stack(values, axis=1)


def batch_size(goal: Target, trace: Trace, batch: int | None) -> int:
    """Return how many points to compute at once: `batch`; None: as many as fit into the memory.

    It is 1 where layers mix images, since the points would not be computed by themselves. `trace` is of one image.
    Raises ValueError for a batch below 1.
    """
    if batch is not None and batch < 1:
        raise ValueError(f"batch is {batch}, expected 1 or more (None: as many as fit into the memory)")
    if not goal.net.is_per_image(trace):
        return 1
    return batch or count_at_once(2 * sum(values.nbytes for values in trace.values()))
