"""Forward passes of an image with changed boxes, by definition: paste each box into a copy, and compute everything.

`plan.py` computes the same with less work; a property test compares it with this file.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

from refvis.layers.base.arrays import Array, array_module
from refvis.layers.base.errors import ShapeError
from refvis.layers.base.limits import MEMORY, count_at_once
from refvis.layers.base.node import Node
from refvis.layers.calls import forward_of
from refvis.layers.graph.network import Graph
from refvis.layers.graph.trace import Trace
from refvis.layers.incremental.rectangles import Rectangle, size
from refvis.layers.operators import is_per_image

Content: TypeAlias = Callable[[int], Array]
"""Number of a box -> its content: h x w x C, or what broadcasts to it."""

MOST = 64
"""The default of the largest batch of boxes."""


def forward_changes(
    graph: Graph,
    trace: Trace,
    boxes: Sequence[Rectangle],
    content: Content,
    limit: int = MEMORY,
    most: int = MOST,
    source: str | None = None,
) -> Iterator[tuple[list[int], Array]]:
    """Yield (numbers of boxes, the network's output for each, B x H x W x C), in batches, until all boxes are done.

    Parameters and errors are those of `refvis.layers.incremental.forward_changes`.
    """
    source, end = source or graph.inputs[0], only_output(graph)
    nodes = dependents(graph, trace, source)
    count = batch_size(
        nodes, sum(trace[name].nbytes for name in (source, *(node.output for node in nodes))), limit, most
    )
    for first in range(0, len(boxes), count):
        numbers = list(range(first, min(first + count, len(boxes))))
        changed = trace[source].repeat(len(numbers), axis=0)
        for i, n in enumerate(numbers):
            (top, bottom), (left, right) = boxes[n]
            changed[i, top:bottom, left:right] = fit_content(content(n), boxes[n], trace[source], n)
        yield numbers, compute_variable(nodes, {source: changed}, trace, len(numbers), end)


def only_output(graph: Graph) -> str:
    """Return the name of the network's output; ValueError if there are several."""
    if len(graph.outputs) != 1:
        names = ", ".join(graph.outputs)
        raise ValueError(f"the network has {len(graph.outputs)} outputs ({names}): cut it with upto(name)")
    return graph.outputs[0]


def dependents(graph: Graph, trace: Trace, source: str) -> list[Node]:
    """Return the nodes that depend on a variable, among those whose output is in the trace."""
    seen, nodes = {source}, []
    for node in graph.nodes:
        if not seen.isdisjoint(node.inputs) and node.output in trace:
            seen.add(node.output)
            nodes.append(node)
    return nodes


def batch_size(nodes: Sequence[Node], each: int, limit: int, most: int) -> int:
    """Return how many boxes to compute at once. A box has `each` bytes of variables, and layers need as much again."""
    return max(1, min(most, count_at_once(2 * each, limit))) if all(is_per_image(node.layer) for node in nodes) else 1


def compute_variable(nodes: Sequence[Node], given: dict[str, Array], trace: Trace, count: int, end: str) -> Array:
    """Return the variable `end` for `count` images, with the `given` variables and all others as in the trace."""
    variables = dict(given)

    def value(name: str) -> Array:
        return variables[name] if name in variables else repeat_image(trace[name], count)

    for node in nodes:
        variables[node.output] = forward_of(node.layer, *(value(name) for name in node.inputs))
    return value(end)


def repeat_image(values: Array, count: int) -> Array:
    """Return the values of one image (1 x H x W x C) as those of `count` images, a view."""
    return array_module(values).broadcast_to(values, (count, *values.shape[1:]))


def fit_content(values: Array, box: Rectangle, known: Array, number: int) -> Array:
    """Return the content of a box, h x w x C in the dtype of `known`; ShapeError if it does not fit."""
    xp, expected = array_module(values, known), (*size(box), known.shape[3])
    try:
        return xp.broadcast_to(values, expected).astype(known.dtype, copy=False)
    except ValueError:
        content = f"box {number} is filled with an array of shape {values.shape}"
        raise ShapeError(f"{content}, expected {expected}, or an array that broadcasts to it") from None
