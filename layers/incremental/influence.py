"""Influence of boxes of an image on the variables of a network, and the point up to which partial computation pays.

Rows and columns pass through windows independently, so spans are looked up axis by axis: a grid of boxes has few
different ones.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import TypeAlias

from refvis.layers.base.node import Node
from refvis.layers.graph.network import Graph
from refvis.layers.graph.trace import Trace
from refvis.layers.incremental.full_passes import dependents
from refvis.layers.incremental.rectangles import Rectangle, Span, affected_span, hull, length, widen
from refvis.layers.operators import OPERATORS, local, local_window

Spans: TypeAlias = dict[Span, Span]
"""Rows (or columns) of a box -> those of a variable that they influence."""

WORTH = 0.8
"""Largest mean share of a variable that rectangles may cover: above it, patches cost more than they save."""

STEP = 4
"""Spans whose lengths round up to the same multiple of this are computed together: fewer, larger batches."""


@dataclass(frozen=True)
class Influence:
    """For rows and for columns: the spans of each variable, and the family of each box's span.

    Boxes whose rows belong to one family, and whose columns do, have rectangles of equal sizes in all variables.
    """

    spans: tuple[Mapping[str, Spans], Mapping[str, Spans]]
    families: tuple[Mapping[Span, int], Mapping[Span, int]]

    @property
    def names(self) -> list[str]:
        """The variables, in order."""
        return list(self.spans[0])

    def rectangle(self, name: str, box: Rectangle) -> Rectangle:
        """Return the rectangle of a variable that a box influences; it may be a little larger than necessary."""
        return self.spans[0][name][box[0]], self.spans[1][name][box[1]]

    def family(self, box: Rectangle) -> tuple[int, int]:
        """Return the families of a box's rows and columns."""
        return self.families[0][box[0]], self.families[1][box[1]]


def split_nodes(
    graph: Graph, trace: Trace, source: str, boxes: Sequence[Rectangle]
) -> tuple[list[Node], list[Node], Influence]:
    """Return the nodes to compute in rectangles, those to compute whole, and the boxes' influence on the former."""
    known: list[dict[str, Spans]] = [{source: {box[axis]: box[axis] for box in boxes}} for axis in (0, 1)]
    near_nodes, rest, far = [], [], set[str]()
    for node in dependents(graph, trace, source):
        near = not known[0].keys().isdisjoint(read_inputs(node))
        spans = (
            [_influence_through(node, trace, known[axis], axis) for axis in (0, 1)]
            if near and _is_local(node, trace)
            else []
        )
        if not far.isdisjoint(read_inputs(node)) or (near and not _is_worthwhile(spans, trace[node.output].shape)):
            rest.append(node)
            far.add(node.output)
        elif near:
            near_nodes.append(node)
            known[0][node.output], known[1][node.output] = spans
    (rows, row_families), (columns, column_families) = (_group_in_families(known[a], trace, a) for a in (0, 1))
    return near_nodes, rest, Influence((rows, columns), (row_families, column_families))


def read_inputs(node: Node) -> list[str]:
    """Return the inputs of a node of which it reads the values, not only the shape."""
    row = OPERATORS.get(type(node.layer))
    unread = row.shape_only if row else ()
    return [name for i, name in enumerate(node.inputs) if i not in unread]


def _is_local(node: Node, trace: Trace) -> bool:
    """Return whether a node is local, and reads maps of one size."""
    return local(node.layer) is not None and len({trace[name].shape[1:3] for name in read_inputs(node)}) == 1


def _influence_through(node: Node, trace: Trace, known: Mapping[str, Spans], axis: int) -> Spans:
    """Return the spans of a node's output that the spans of its inputs influence together."""
    seen = local_window(node.layer, *(trace[name].shape for name in node.inputs))
    inputs = [known[name] for name in read_inputs(node) if name in known]
    extent = trace[node.output].shape[axis + 1]
    return {box: affected_span(hull([spans[box] for spans in inputs]), seen, axis, extent) for box in inputs[0]}


def _is_worthwhile(spans: Sequence[Spans], shape: tuple[int, ...]) -> bool:
    """Return whether there are spans, and their rectangles cover a small enough part of a variable, on average."""
    if not spans:
        return False
    covered = [sum(map(length, one.values())) for one in spans]
    count = len(spans[0]) * len(spans[1])
    return covered[0] * covered[1] <= WORTH * shape[1] * shape[2] * count


def _group_in_families(known: Mapping[str, Spans], trace: Trace, axis: int) -> tuple[dict[str, Spans], dict[Span, int]]:
    """Return the spans, widened to the largest of their family, and the number of each box's family.

    A family has sizes that round up to the same multiples of STEP in all variables.
    """
    members: dict[tuple[int, ...], list[Span]] = {}
    for box in next(iter(known.values())):
        members.setdefault(tuple(ceil(length(spans[box]) / STEP) for spans in known.values()), []).append(box)
    wide: dict[str, Spans] = {name: {} for name in known}
    for name, spans in known.items():
        for family in members.values():
            most = max(length(spans[box]) for box in family)
            wide[name].update((box, widen(spans[box], most, trace[name].shape[axis + 1])) for box in family)
    return wide, {box: number for number, family in enumerate(members.values()) for box in family}
