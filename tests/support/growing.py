"""Hypothesis strategies: random graphs that grow from one image, and boxes of it with what fills them."""

from typing import Any, NamedTuple

import numpy as np
from hypothesis import strategies as st
from support.cases import ON, Draw, fill, generators

from refvis import layers
from refvis.layers.incremental.rectangles import Rectangle


class Occluded(NamedTuple):
    """A graph with one output, one image, boxes of it, and the contents of each (h x w x C or 1 x 1 x C)."""

    graph: layers.Graph
    x: np.ndarray
    boxes: list[Rectangle]
    contents: list[np.ndarray]


SINGLE = (*(name for name in ON if name != "full"), "conv", "pool", "relu")
"""Layers of one input; those that are met most come twice."""


@st.composite
def spans(draw: Draw, extent: int) -> tuple[int, int]:
    """Some rows of an axis, from one to all."""
    first, last = sorted((draw(st.integers(0, extent - 1)), draw(st.integers(0, extent - 1))))
    return first, last + 1


def _scale(draw: Draw, shape: tuple[int, ...]) -> layers.Scale:
    """Return a scale with a factor per channel, or one for each place, and perhaps an offset."""
    own = draw(st.sampled_from([(1, 1, 1, shape[3]), shape, (1, shape[1], 1, 1)]))
    return layers.Scale(fill(draw, own), draw(st.sampled_from([None, fill(draw, (shape[3],))])))


def _node(draw: Draw, shapes: dict[str, tuple[int, ...]], number: int) -> layers.Node:
    """Return a layer on the newest variable; or on an older one; or where two meet."""
    newest, name = list(shapes)[-1], f"v{number}"
    other = draw(st.sampled_from(list(shapes)))
    first, second = shapes[newest], shapes[other]
    meetings: list[Any] = [None] * 4
    if second == first:
        meetings += [layers.Sum(), layers.Scale()]
    if second[1:3] == first[1:3]:
        meetings.append(layers.Concat())
    if second[1] >= first[1] and second[2] >= first[2]:
        meetings.append(layers.Crop(draw(st.integers(0, 3))))
    meet = draw(st.sampled_from(meetings))
    if isinstance(meet, layers.Crop):
        return layers.Node(f"crop{number}", meet, (other, newest), name)
    if meet is not None:
        return layers.Node(f"meet{number}", meet, (newest, other), name)
    below = draw(st.sampled_from([newest, newest, newest, other]))
    kind = draw(st.sampled_from([*SINGLE, "scale"]))
    layer = _scale(draw, shapes[below]) if kind == "scale" else ON[kind](draw, shapes[below])
    return layers.Node(f"{kind}{number}", layer, below, name)


@st.composite
def occluded(draw: Draw, dtype: str = "float64", most: int = 7) -> Occluded:
    """A graph of up to `most` layers, of which only what leads to the last one is kept, and one to five boxes."""
    size = draw(st.lists(st.integers(2, 14), min_size=3, max_size=3, unique=True))
    shape = (1, *size[:2], 1 + size[2] % 4)
    shapes, nodes = {"x": shape}, []
    for number in range(draw(st.integers(1, most))):
        node = _node(draw, shapes, number)
        nodes.append(node)
        shapes[node.output] = layers.output_shape(node.layer, *(shapes[name] for name in node.inputs))
        if min(shapes[node.output][1:3]) > 40:
            break
    graph = layers.Graph(nodes).upto(nodes[-1].name)
    x = fill(draw, shape, dtype, ("normal",))
    boxes = [(draw(spans(shape[1])), draw(spans(shape[2]))) for _ in range(draw(st.integers(1, 5)))]
    random = draw(generators())
    sizes = [(b - a, d - c) if draw(st.booleans()) else (1, 1) for (a, b), (c, d) in boxes]
    contents = [random.normal(0, 2, (*one, shape[3])).astype(dtype) for one in sizes]
    return Occluded(graph, x, boxes, contents)
