"""Incremental forward passes: when only a box of the input changes, only what the box can reach is computed anew.

A change of rows r0 ... r1 - 1 reaches, through a window of `covered` rows that moves by `stride` over an axis padded by
`before`, the rows from ceil((r0 + before - covered + 1) / stride) to floor((r1 - 1 + before) / stride) of the output;
columns likewise. So each variable has, for each box, a rectangle outside of which it keeps its known values. To compute
a rectangle of a layer's output, cut what its windows see out of the known input, paste the changed rectangle in, and
apply the layer without padding: where windows look beyond the border, the patch holds what padding stands for. Boxes
whose rectangles have the same sizes everywhere go together, as a batch. The result is that of a full pass, to rounding.

The first layer that is not local (`LOCAL` says which are), or whose windows are as large as its input, takes the whole
of it: from there on everything is computed, for all boxes in one batch.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import ceil, floor
from typing import Any

from refvis.layers.arrays import Array, array_module
from refvis.layers.geometry import place
from refvis.layers.local import is_local, on_patches, outside
from refvis.layers.network import Graph
from refvis.layers.nodes import Node, Trace
from refvis.layers.operators import OPERATORS, operator
from refvis.layers.windows import POINT, Window

Span = tuple[int, int]
Rectangle = tuple[Span, Span]
"""Rows and columns, each from the first to before the last; empty where nothing changes."""

LIMIT = 512 << 20
"""Bytes that the patches, or the whole variables, of the boxes computed at once may take, unless told otherwise."""


@dataclass(frozen=True)
class Changed:
    """Rectangles of one variable, B x h x w x C, and where each of the B stands."""

    values: Array
    corners: tuple[tuple[int, int], ...]


def forward_changes(
    graph: Graph,
    trace: Trace,
    boxes: Sequence[Rectangle],
    content: Callable[[int], Array],
    limit: int = LIMIT,
) -> Iterator[tuple[list[int], Array]]:
    """Yield (numbers of boxes, the network's output for each, B x H x W x C) until all boxes had their turn.

    `trace` is that of one image; box n of the first input (rows and columns inside it) is replaced by ``content(n)``
    (h x w x C). At most about `limit` bytes are held at once. Every number comes once, in order.
    """
    plan = Plan(graph, trace)
    count = max(1, limit // (2 * plan.whole_bytes))
    for first in range(0, len(boxes), count):
        numbers = list(range(first, min(first + count, len(boxes))))
        yield numbers, plan.output(numbers, boxes, content, limit)


class Plan:
    """What is computed in rectangles, and what in whole, for one network and one image."""

    def __init__(self, graph: Graph, trace: Trace) -> None:
        """Find the nodes that are local all the way from the input."""
        self.graph, self.trace, self.source = graph, trace, graph.inputs[0]
        self.local, self.rest = _parted(graph, trace, self.source)
        known = {self.source, *(node.output for node in self.local)}
        read = {name for node in self.rest for name in node.inputs}
        self.frontier = [name for name in trace if name in known and (name in read or name in graph.outputs)]
        whole = [*self.frontier, *(node.output for node in self.rest)]
        self.whole_bytes = sum(trace[name].nbytes for name in whole)

    def output(
        self, numbers: list[int], boxes: Sequence[Rectangle], content: Callable[[int], Array], limit: int
    ) -> Array:
        """Return the network's output (B x H x W x C) for the boxes of those numbers."""
        whole = {name: self.trace[name].repeat(len(numbers), axis=0) for name in self.frontier}
        for members in self._alike([boxes[n] for n in numbers], limit):
            changed = self._rectangles([boxes[numbers[i]] for i in members], [content(numbers[i]) for i in members])
            for name in self.frontier:
                if name in changed:
                    for i, values, corner in zip(members, changed[name].values, changed[name].corners, strict=True):
                        place(values, whole[name][i], corner)
        for node in self.rest:
            inputs = (whole[name] if name in whole else self._repeated(name, len(numbers)) for name in node.inputs)
            whole[node.output] = operator(node.layer).forward(node.layer, *inputs)
        return whole[self.graph.outputs[0]]

    def reached(self, box: Rectangle) -> dict[str, Rectangle]:
        """Return the rectangle of each local variable that a box can change."""
        found = {self.source: box}
        for node in self.local:
            windows = _window(node)
            seen = [found[name] for name in _read(node) if name in found and not _empty(found[name])]
            extent = self.trace[node.output].shape[1:3]
            if seen:
                found[node.output] = tuple(  # type: ignore[assignment]
                    _through(_hull([one[axis] for one in seen]), windows, axis, extent[axis]) for axis in (0, 1)
                )
        return found

    def _alike(self, boxes: list[Rectangle], limit: int) -> Iterator[list[int]]:
        """Yield the places in the list of boxes whose rectangles have equal sizes everywhere, few enough at once."""
        groups: dict[Any, list[int]] = {}
        for i, box in enumerate(boxes):
            sizes = tuple((b - a, d - c) for (a, b), (c, d) in self.reached(box).values())
            groups.setdefault((tuple(self.reached(box)), sizes), []).append(i)
        for (names, sizes), members in groups.items():
            held = sum(h * w * self.trace[name].shape[3] for name, (h, w) in zip(names, sizes, strict=True))
            count = max(1, limit // (4 * max(1, held) * self.trace[self.source].itemsize))
            for first in range(0, len(members), count):
                yield members[first : first + count]

    def _rectangles(self, boxes: list[Rectangle], contents: list[Array]) -> dict[str, Changed]:
        """Return every local variable's rectangles for boxes that are alike."""
        xp = array_module(self.trace[self.source])
        reached = [self.reached(box) for box in boxes]
        filled = [xp.broadcast_to(one, (*_size(box), one.shape[2])) for one, box in zip(contents, boxes, strict=True)]
        values = xp.stack(filled).astype(self.trace[self.source].dtype, copy=False)
        found = {self.source: Changed(values, _corners(boxes))}
        for node in self.local:
            if node.output in reached[0] and not _empty(reached[0][node.output]):
                found[node.output] = self._computed(node, found, [one[node.output] for one in reached])
        return found

    def _computed(self, node: Node, found: dict[str, Changed], rectangles: list[Rectangle]) -> Changed:
        """Return the rectangles of a node's output."""
        window, corners = _window(node), _corners(rectangles)
        needed = [tuple(_needed(span, window, axis) for axis, span in enumerate(one)) for one in rectangles]
        patches = [self._patches(node, name, found.get(name), needed) for name in _read(node)]  # type: ignore[arg-type]
        extent = self.trace[node.inputs[0]].shape[1:3]
        values = on_patches(node.layer, patches, _corners(needed), corners, _size(rectangles[0]), extent)  # type: ignore[arg-type]
        return Changed(values, corners)

    def _patches(self, node: Node, name: str, changed: Changed | None, needed: list[Rectangle]) -> Array:
        """Return B patches of a variable: known values, the changed ones over them, padding's value outside."""
        known = self.trace[name]
        xp, size = array_module(known), _size(needed[0])
        if changed is not None and changed.values.shape[1:3] == size and changed.corners == _corners(needed):
            return changed.values
        patches = xp.full((len(needed), *size, known.shape[3]), outside(node.layer), known.dtype)
        for i, ((top, _), (left, _)) in enumerate(needed):
            place(known[0], patches[i], (-top, -left))
            if changed is not None:
                row, column = changed.corners[i]
                place(changed.values[i], patches[i], (row - top, column - left))
        return patches

    def _repeated(self, name: str, count: int) -> Array:
        known = self.trace[name]
        return array_module(known).broadcast_to(known, (count, *known.shape[1:]))


def _parted(graph: Graph, trace: Trace, source: str) -> tuple[list[Node], list[Node]]:
    """Return the nodes that see the source through local layers only, and the others that see it."""
    local, rest = [], []
    near, far = {source}, set[str]()
    for node in graph.nodes:
        if not far.isdisjoint(node.inputs) or (not near.isdisjoint(node.inputs) and not _is_local(node, trace)):
            far.add(node.output)
            rest.append(node)
        elif not near.isdisjoint(node.inputs):
            near.add(node.output)
            local.append(node)
    return local, rest


def _is_local(node: Node, trace: Trace) -> bool:
    """Return whether a node is local, and its windows smaller than the map they slide over."""
    if not is_local(node.layer):
        return False
    covered, extent = _window(node)[0], trace[node.inputs[0]].shape[1:3]
    return covered == (1, 1) or covered[0] < extent[0] or covered[1] < extent[1]


def _window(node: Node) -> Window:
    found = OPERATORS[type(node.layer)].window
    return (found(node.layer) if found else POINT) or POINT


def _read(node: Node) -> list[str]:
    """Return the inputs of which a node reads more than the shape."""
    unread = OPERATORS[type(node.layer)].shape_only
    return [name for i, name in enumerate(node.inputs) if i not in unread]


def _through(span: Span, window: Window, axis: int, extent: int) -> Span:
    """Return what of an output axis of that extent a change of `span` reaches."""
    covered, stride, before = (one[axis] for one in window)
    first = max(0, ceil((span[0] + before - covered + 1) / stride))
    last = min(extent - 1, floor((span[1] - 1 + before) / stride))
    return (first, last + 1) if first <= last else (0, 0)


def _needed(span: Span, window: Window, axis: int) -> Span:
    """Return what of the input axis the outputs in `span` see, beyond the border where windows do."""
    covered, stride, before = (one[axis] for one in window)
    return floor(span[0] * stride - before), ceil((span[1] - 1) * stride - before + covered)


def _hull(spans: list[Span]) -> Span:
    return min(first for first, _ in spans), max(last for _, last in spans)


def _empty(rectangle: Rectangle) -> bool:
    return any(first == last for first, last in rectangle)


def _size(rectangle: Rectangle) -> tuple[int, int]:
    (top, bottom), (left, right) = rectangle
    return bottom - top, right - left


def _corners(rectangles: Sequence[Rectangle]) -> tuple[tuple[int, int], ...]:
    return tuple((rows[0], columns[0]) for rows, columns in rectangles)
