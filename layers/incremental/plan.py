"""Forward passes of an image with changed boxes, fast: only what a box can influence is computed again, exactly.

A change of a box affects, in each variable, a rectangle (`rectangles.py`), outside of which the known values stay. To
compute a rectangle of a layer's output, cut what its windows see out of the known input, paste the changed rectangle
in, and apply the layer without padding: where windows look beyond the border, the patch holds what padding stands for.
Rectangles of nearly the same size are widened to the same, so that their boxes go together as a batch; to compute
more than the change affects is no error. The result is that of a full pass (`full_passes.py`), to rounding.

The first layer that is not local (its row says so), or of which the rectangles leave too little out, takes the whole of
its input: from there on everything is computed, for all boxes of a batch.
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
from refvis.layers.incremental.influence import read, split_nodes
from refvis.layers.incremental.local import border, on_patches
from refvis.layers.incremental.rectangles import Rectangle, corner, needed, size
from refvis.layers.operators import local_window


@dataclass(frozen=True)
class Changed:
    """Rectangles of one variable for B boxes: values B x h x w x C, and where each stands."""

    values: Array
    corners: tuple[Corner, ...]

    def paste(self, target: Array, corners: Sequence[Corner]) -> None:
        """Write them into parts of the variable (B x H x W x C), whose corners are given."""
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
    """Yield what ``changes.forward_changes`` yields, to rounding, in batches of boxes in another order."""
    plan = Plan(graph, trace, boxes, source)
    count = batch_size(plan.rest, plan.whole_bytes, limit, most)
    ordered = sorted(range(len(boxes)), key=lambda n: plan.influence.family(boxes[n]))
    for first in range(0, len(boxes), count):
        numbers = ordered[first : first + count]
        yield numbers, plan.output(numbers, content, limit)


class Plan:
    """What is computed in rectangles, and what in whole, for one network, one image, and given boxes."""

    def __init__(self, graph: Graph, trace: Trace, boxes: Sequence[Rectangle], source: str | None = None) -> None:
        """Find the nodes that are local all the way from the source, and what the boxes influence in them."""
        self.trace, self.boxes, self.source, self.end = trace, boxes, source or graph.inputs[0], only_output(graph)
        self.nodes = graph.nodes
        self.local, self.rest, self.influence = split_nodes(graph, trace, self.source, boxes)
        unknown = {name for node in self.rest for name in node.inputs} | {self.end}
        self.frontier = [name for name in self.influence.names if name in unknown]
        self.whole_bytes = sum(trace[name].nbytes for name in (*self.frontier, *(node.output for node in self.rest)))

    @property
    def words(self) -> str:
        """What is computed how, in words."""
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
        for members in self._alike(numbers, limit):
            changed = self._changed(members, content)
            for name in self.frontier:
                if name in changed:
                    changed[name].paste(whole[name][done : done + len(members)], [(0, 0)] * len(members))
            done += len(members)
        return compute_variable(self.rest, whole, self.trace, len(numbers), self.end)

    def _alike(self, numbers: Sequence[int], limit: int) -> Iterator[list[int]]:
        """Yield runs of boxes that are of one family, and few enough for the memory."""
        for _, run in groupby(numbers, key=lambda n: self.influence.family(self.boxes[n])):
            members = list(run)
            sizes = {
                name: size(self.influence.rectangle(name, self.boxes[members[0]])) for name in self.influence.names
            }
            held = sum(h * w * self.trace[name].shape[3] for name, (h, w) in sizes.items())
            count = max(1, limit // (4 * held * self.trace[self.source].itemsize))
            yield from (members[first : first + count] for first in range(0, len(members), count))

    def _changed(self, numbers: Sequence[int], content: Content) -> dict[str, Changed]:
        """Return the rectangles of every local variable that boxes of one family influence."""
        boxes = [self.boxes[n] for n in numbers]
        changed = {self.source: self._filled(numbers, content)}
        for node in self.local:
            parts = [self.influence.rectangle(node.output, box) for box in boxes]
            if 0 not in size(parts[0]):
                changed[node.output] = self._computed(node, changed, parts)
        return changed

    def _filled(self, numbers: Sequence[int], content: Content) -> Changed:
        """Return the source's rectangles, which are the boxes, or a little wider: known values around the contents."""
        known, boxes = self.trace[self.source], [self.boxes[n] for n in numbers]
        parts = [self.influence.rectangle(self.source, box) for box in boxes]
        values = array_module(known).stack([known[0, slice(*rows), slice(*columns)] for rows, columns in parts])
        for n, box, part, target in zip(numbers, boxes, parts, values, strict=True):
            at = box[0][0] - part[0][0], box[1][0] - part[1][0]
            place(fit_content(content(n), box, known, n), target, at)
        return Changed(values, tuple(map(corner, parts)))

    def _computed(self, node: Node, changed: dict[str, Changed], parts: list[Rectangle]) -> Changed:
        """Return these rectangles of a node's output."""
        shapes = [self.trace[name].shape for name in node.inputs]
        seen = [needed(part, local_window(node.layer, *shapes)) for part in parts]
        largest = max(size(one)[0] for one in seen), max(size(one)[1] for one in seen)
        cut = Cut(tuple(map(corner, seen)), tuple(map(corner, parts)), size(parts[0]), shapes[0][1:3])
        patches = [self._patches(name, changed.get(name), cut.seen, largest, border(node.layer)) for name in read(node)]
        return Changed(on_patches(node.layer, patches, cut), cut.written)

    def _patches(
        self, name: str, changed: Changed | None, corners: tuple[Corner, ...], size: tuple[int, int], beyond: float
    ) -> Array:
        """Return patches of a variable: known values, the changed ones over them, `beyond` outside of the map."""
        if changed is not None and changed.corners == corners and changed.values.shape[1:3] == size:
            return changed.values
        known = self.trace[name]
        patches = array_module(known).full((len(corners), *size, known.shape[3]), beyond, known.dtype)
        for patch, (top, left) in zip(patches, corners, strict=True):
            place(known[0], patch, (-top, -left))
        if changed is not None:
            changed.paste(patches, corners)
        return patches
