"""Forward passes of an image with changed boxes, fast: only what a box can influence is computed again, exactly.

A change of a box affects one rectangle of each variable (`rectangles.py`); outside it, the known values stay. To
compute a rectangle of a layer's output, cut the part that its windows see out of the known input, paste the changed
rectangle in, and apply the layer without padding. Where windows look beyond the border, the patch holds the values of
the padding. Rectangles of similar size are widened to the same size, so that their boxes form a batch; to compute more
than the change affects is no error. The result is that of a full pass (`full_passes.py`), to rounding.

The first layer that is not local (its row says so), or whose rectangles cover nearly everything, takes the whole of its
input. From there on everything is computed, for all boxes of a batch.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from refvis.layers.base.arrays import Array, array_module
from refvis.layers.base.exactness import twin_of
from refvis.layers.base.geometry import Corner, place
from refvis.layers.base.limits import MEMORY
from refvis.layers.base.node import Node
from refvis.layers.base.operator import Cut
from refvis.layers.graph.network import Graph
from refvis.layers.graph.trace import Trace
from refvis.layers.incremental import full_passes as changes
from refvis.layers.incremental.full_passes import MOST, Content, batch_size, compute_variable, fit_content, only_output
from refvis.layers.incremental.influence import read_inputs, split_nodes
from refvis.layers.incremental.local import border, on_patches
from refvis.layers.incremental.rectangles import Rectangle, corner, needed_input, size
from refvis.layers.operators import local_window


@dataclass(frozen=True)
class ChangedParts:
    """Rectangles of one variable for B boxes: values B x h x w x C, and the corner of each."""

    values: Array
    corners: tuple[Corner, ...]

    def paste(self, target: Array, corners: Sequence[Corner]) -> None:
        """Write the rectangles into parts of the variable (B x H x W x C) that have these corners."""
        for values, part, (row, column), (top, left) in zip(self.values, target, self.corners, corners, strict=True):
            place(values, part, (row - top, column - left))


@twin_of(changes.forward_changes)
def forward_changes(
    graph: Graph,
    trace: Trace,
    boxes: Sequence[Rectangle],
    content: Content,
    limit: int = MEMORY,
    most: int = MOST,
    source: str | None = None,
) -> Iterator[tuple[list[int], Array]]:
    """Yield (numbers of boxes, the network's output for each), as ``full_passes.forward_changes`` does, to rounding.

    The order of the boxes may differ.
    """
    plan = Plan(graph, trace, boxes, source)
    count = batch_size(plan.rest, plan.whole_bytes, limit, most)
    ordered = sorted(range(len(boxes)), key=lambda n: plan.influence.family(boxes[n]))
    for first in range(0, len(boxes), count):
        numbers = ordered[first : first + count]
        yield numbers, plan.output(numbers, content, limit)


class Plan:
    """The nodes to compute in rectangles and those to compute whole, for one network, one image, and given boxes.

        graph    the network, with one output
        trace    its forward pass of one image
        boxes    ((top, bottom), (left, right)) in pixels of `source`; bottom and right are the first ones outside
        source   the variable that has the boxes. Default: the first input

    `words` says up to which layer rectangles are computed. Raises ValueError for several outputs.

    >>> import numpy as np
    >>> from refvis import layers
    >>> fc = layers.FullyConnected(np.ones((1, 16)))
    >>> net = layers.Graph(layers.chain({"conv1": layers.Conv(np.ones((1, 3, 3, 1)), pad=1), "fc2": fc}))
    >>> trace = net.forward(np.zeros((1, 4, 4, 1)))
    >>> layers.incremental.Plan(net, trace, [((0, 1), (0, 1))]).words
    'windows up to conv1, then everything'
    """

    def __init__(self, graph: Graph, trace: Trace, boxes: Sequence[Rectangle], source: str | None = None) -> None:
        """Divide the nodes: those that are local all the way from the source, and the rest."""
        self.trace, self.boxes, self.source, self.end = trace, boxes, source or graph.inputs[0], only_output(graph)
        self.nodes = graph.nodes
        self.local, self.rest, self.influence = split_nodes(graph, trace, self.source, boxes)
        unknown = {name for node in self.rest for name in node.inputs} | {self.end}
        self.frontier = [name for name in self.influence.names if name in unknown]
        self.whole_bytes = sum(trace[name].nbytes for name in (*self.frontier, *(node.output for node in self.rest)))

    @property
    def words(self) -> str:
        """A description of the plan in words."""
        if not self.local:
            return "everything"
        if not self.rest:
            return "windows throughout"
        last = self.local[-1].name
        order = [node.name for node in self.nodes]
        if order.index(last) < order.index(self.rest[0].name):
            return f"windows up to {last}, then everything"
        return f"windows in {len(self.local)} layers, the last of them {last}; everything in {len(self.rest)} others"

    def output(self, numbers: Sequence[int], content: Content, limit: int) -> Array:
        """Return the network's output (B x H x W x C) for the boxes of those numbers."""
        whole = {name: self.trace[name].repeat(len(numbers), axis=0) for name in self.frontier}
        done = 0
        for members in self._similar_boxes(numbers, limit):
            changed = self._compute_changes(members, content)
            for name in self.frontier:
                if name in changed:
                    changed[name].paste(whole[name][done : done + len(members)], [(0, 0)] * len(members))
            done += len(members)
        return compute_variable(self.rest, whole, self.trace, len(numbers), self.end)

    def _similar_boxes(self, numbers: Sequence[int], limit: int) -> Iterator[list[int]]:
        """Yield batches of boxes that belong to one family and fit into the memory."""
        for _, run in groupby(numbers, key=lambda n: self.influence.family(self.boxes[n])):
            members = list(run)
            sizes = {
                name: size(self.influence.rectangle(name, self.boxes[members[0]])) for name in self.influence.names
            }
            held = sum(h * w * self.trace[name].shape[3] for name, (h, w) in sizes.items())
            count = max(1, limit // (4 * held * self.trace[self.source].itemsize))
            yield from (members[first : first + count] for first in range(0, len(members), count))

    def _compute_changes(self, numbers: Sequence[int], content: Content) -> dict[str, ChangedParts]:
        """Return the rectangles of every local variable that boxes of one family influence."""
        boxes = [self.boxes[n] for n in numbers]
        changed = {self.source: self._fill_boxes(numbers, content)}
        for node in self.local:
            parts = [self.influence.rectangle(node.output, box) for box in boxes]
            if 0 not in size(parts[0]):
                changed[node.output] = self._compute_parts(node, changed, parts)
        return changed

    def _fill_boxes(self, numbers: Sequence[int], content: Content) -> ChangedParts:
        """Return the source's rectangles, which are the boxes, or a little wider: known values around the contents."""
        known, boxes = self.trace[self.source], [self.boxes[n] for n in numbers]
        parts = [self.influence.rectangle(self.source, box) for box in boxes]
        values = array_module(known).stack([known[0, slice(*rows), slice(*columns)] for rows, columns in parts])
        for n, box, part, target in zip(numbers, boxes, parts, values, strict=True):
            at = box[0][0] - part[0][0], box[1][0] - part[1][0]
            place(fit_content(content(n), box, known, n), target, at)
        return ChangedParts(values, tuple(map(corner, parts)))

    def _compute_parts(self, node: Node, changed: dict[str, ChangedParts], parts: list[Rectangle]) -> ChangedParts:
        """Return these rectangles of a node's output."""
        shapes = [self.trace[name].shape for name in node.inputs]
        seen = [needed_input(part, local_window(node.layer, *shapes)) for part in parts]
        largest = max(size(one)[0] for one in seen), max(size(one)[1] for one in seen)
        cut = Cut(tuple(map(corner, seen)), tuple(map(corner, parts)), size(parts[0]), shapes[0][1:3])
        patches = [
            self._cut_patches(name, changed.get(name), cut.seen, largest, border(node.layer))
            for name in read_inputs(node)
        ]
        return ChangedParts(on_patches(node.layer, patches, cut), cut.written)

    def _cut_patches(
        self, name: str, changed: ChangedParts | None, corners: tuple[Corner, ...], size: tuple[int, int], beyond: float
    ) -> Array:
        """Return patches of a variable: known values, the changed ones over them, `beyond` outside the map."""
        if changed is not None and changed.corners == corners and changed.values.shape[1:3] == size:
            return changed.values
        known = self.trace[name]
        patches = array_module(known).full((len(corners), *size, known.shape[3]), beyond, known.dtype)
        for patch, (top, left) in zip(patches, corners, strict=True):
            place(known[0], patch, (-top, -left))
        if changed is not None:
            changed.paste(patches, corners)
        return patches
