"""Receptive fields against what really matters: raise one pixel, and see which outputs change.

With positive weights and a pixel raised far above the rest, every output that can see the pixel changes.
"""

from typing import Any

import cases
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from refvis import layers
from refvis.layers import Conv, Graph, Node, Pool, ReceptiveField, ReLU, chain, receptive_fields


def positive(layer: Any) -> Any:
    return Conv(np.abs(layer.filters) + 0.1, None, layer.stride, layer.pad, layer.dilate)


@st.composite
def windows(draw: Any) -> tuple[Graph, tuple[int, ...]]:
    shape, found = draw(cases.shapes(9)), {}
    extent = shape[1:]
    for name in draw(st.lists(st.sampled_from(["conv", "pool", "relu"]), min_size=1, max_size=4)):
        layer = cases.ON[name](draw, shape)
        found[f"{name}{len(found)}"] = layer = positive(layer) if name == "conv" else layer
        shape = layers.output_shape(layer, shape)
    return Graph(chain(found)), extent


@given(windows())
def test_it_is_what_matters(case: tuple[Graph, tuple[int, ...]]) -> None:
    graph, (height, width, channels) = case
    calm = np.ones((1, height, width, channels))
    raised = np.repeat(calm, height * width, axis=0)
    raised[np.arange(height * width), *np.indices((height, width)).reshape(2, -1)] = 100
    end = graph.outputs[0]
    before, after = graph.forward(calm)[end], graph.forward(raised)[end]
    changed = (after > before * (1 + 1e-9)).any(axis=3)
    field = receptive_fields(graph)[end]
    for position in np.ndindex(*changed.shape[1:]):
        seen = np.argwhere(changed[:, *position].reshape(height, width))
        first = np.add(field.offset, np.multiply(position, field.stride))
        last = first + field.size - 1
        np.testing.assert_array_equal((first <= seen) & (seen <= last), np.ones(seen.shape))
        if min(first) >= 0 and np.less(last, (height, width)).all():
            np.testing.assert_array_equal((seen.min(axis=0), seen.max(axis=0)), (first, last))


def test_alexnet_by_hand() -> None:
    weights = {1: (11, 3), 2: (5, 3), 3: (3, 3)}
    f1, f2, f3 = (np.ones((3, size, size, depth)) for size, depth in weights.values())
    graph = Graph(
        chain(
            {
                "conv1": Conv(f1, stride=4),
                "relu1": ReLU(),
                "pool1": Pool(3, 2),
                "conv2": Conv(f2, pad=2),
                "pool2": Pool(3, 2),
                "conv3": Conv(f3, pad=1),
            }
        )
    )
    found = receptive_fields(graph)
    expected = [(1, 1), (11, 4), (11, 4), (19, 8), (51, 8), (67, 16), (99, 16)]
    np.testing.assert_equal([(found[f"x{i}"].size[0], found[f"x{i}"].stride[0]) for i in range(7)], expected)


def test_branches_give_their_hull(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(layers.OPERATORS, dict, layers.Operator(max, max, max))
    meet = Node("meet", {}, ("a", "b"), "y")
    near = Node("near", Conv(np.ones((1, 3, 3, 1)), pad=1), "x", "a")
    far = Node("far", Conv(np.ones((1, 2, 1, 1)), dilate=4, pad=(0, 4, 0, 0)), "x", "b")
    found = receptive_fields(Graph([near, far, meet]))["y"]
    np.testing.assert_equal(found, ReceptiveField((6, 3), (1, 1), (-1, -1)))
    coarse = Node("far", Conv(np.ones((1, 1, 1, 1)), stride=2), "x", "b")
    np.testing.assert_equal(receptive_fields(Graph([near, coarse, meet]))["y"], None)


def test_whole_images_and_unknown_layers() -> None:
    full = layers.FullyConnected(np.ones((2, 6)))
    found = receptive_fields(Graph(chain({"fc": full, "relu": ReLU(), "odd": layers.Unknown("odd")})))
    np.testing.assert_equal(found, {"x0": ReceptiveField((1, 1), (1, 1), (0, 0)), "x1": None, "x2": None})


def test_a_source_that_is_not_there() -> None:
    with pytest.raises(ValueError, match=r"no layer or variable 'y0'"):
        receptive_fields(Graph(chain({"relu": ReLU()})), "y0")
