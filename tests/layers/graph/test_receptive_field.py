"""Receptive fields against what really matters: raise one pixel, and see which outputs change.

With positive weights and a pixel raised far above the rest, every output that can see the pixel changes.
"""

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import cases

from refvis import layers
from refvis.layers import Conv, Graph, Node, Pool, ReceptiveField, ReLU, SubPixel, chain, receptive_fields


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


def test_blocks_of_pixels_as_channels_and_back() -> None:
    """The inverse sees a block of 3 x 3; the other way, each output lies in the window of the pixel it came from."""
    graph = Graph(chain({"down": SubPixel(3, inverse=True), "up": SubPixel(3)}))
    found = receptive_fields(graph)
    np.testing.assert_equal(tuple(found["x1"] or ()), ((3, 3), (3, 3), (0, 0)))
    field = found["x2"]
    assert field is not None
    np.testing.assert_equal((field.size, field.stride, field.offset), ((5, 5), (1, 1), (-2, -2)))
    up = receptive_fields(graph, "x1")["x2"]
    assert up is not None
    for place in range(9):
        first = up.offset[0] + place * up.stride[0]
        assert first <= place // 3 <= first + up.size[0] - 1


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


FRACTIONS = [
    (1, 3, 0, (3, 1), (1, 1), (-2, 0)),
    (2, 4, 1, (Fraction(5, 2), 1), (Fraction(1, 2), Fraction(1, 2)), (-1, Fraction(1, 2))),
    (3, 2, 0, (Fraction(4, 3), 1), (Fraction(1, 3), Fraction(1, 3)), (Fraction(-1, 3), 0)),
]


@pytest.mark.parametrize(("upsample", "height", "crop", "size", "stride", "offset"), FRACTIONS)
def test_transposed_convolutions_move_by_fractions(
    upsample: int, height: int, crop: int, size: Any, stride: Any, offset: Any
) -> None:
    layer = layers.ConvTranspose(np.ones((1, height, 1, 1)), upsample=upsample, crop=(crop, 0, crop, 0))
    found = receptive_fields(Graph(chain({"up": layer})))["x1"]
    np.testing.assert_equal(found, ReceptiveField(size, stride, offset))
    # MatConvNet counts from 1 and gives the centre: (2 crop - height + 1) / (2 upsample) + 1.
    centre = found.offset[0] + (found.size[0] - 1) / Fraction(2) + 1
    np.testing.assert_equal(centre, Fraction(2 * crop - height + 1, 2 * upsample) + 1)


@given(cases.single(("conv_transpose",), dtype="float64"))
def test_transposed_convolutions_see_what_matters(case: cases.Case) -> None:
    layer, (x,) = case
    height, width = x.shape[1:3]
    layer = layers.ConvTranspose(np.abs(layer.filters) + 0.1, None, layer.upsample, layer.crop, layer.groups)
    pixels = np.zeros((height * width, *x.shape[1:]))
    pixels[np.arange(height * width), *np.indices((height, width)).reshape(2, -1)] = 1
    reached = (layers.forward(layer, pixels) > 0).any(axis=3)
    field = receptive_fields(Graph(chain({"up": layer})))["x1"]
    for position in np.ndindex(*reached.shape[1:]):
        seen = np.zeros((height, width), bool)
        first = [o + s * p for o, s, p in zip(field.offset, field.stride, position, strict=True)]
        rows, columns = (
            slice(max(0, math.ceil(start)), max(0, math.floor(start + size - 1) + 1))
            for start, size in zip(first, field.size, strict=True)
        )
        seen[rows, columns] = True
        np.testing.assert_array_equal(reached[:, *position].reshape(height, width), seen)


def test_up_and_down_again_is_whole() -> None:
    up = layers.ConvTranspose(np.ones((1, 4, 4, 1)), upsample=2, crop=1)
    found = receptive_fields(Graph(chain({"down": Conv(np.ones((1, 3, 3, 1)), stride=2, pad=1), "up": up})))["x2"]
    np.testing.assert_equal(found, ReceptiveField((6, 6), (1, 1), (-3, -3)))
    np.testing.assert_equal({type(number) for pair in found for number in pair}, {int})


@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        (layers.Sum(), ReceptiveField((3, 3), (1, 1), (-1, -1))),
        (layers.Concat(), ReceptiveField((3, 3), (1, 1), (-1, -1))),
        (layers.Concat(1), None),
        (layers.Scale(), None),
        (layers.Scale(np.ones(1)), ReceptiveField((3, 3), (1, 1), (-1, -1))),
        (layers.Crop((2, 1)), ReceptiveField((1, 1), (1, 1), (2, 1))),
    ],
    ids=lambda value: layers.title(value) if hasattr(value, "__dataclass_fields__") else "",
)
def test_layers_of_two_inputs(layer: Any, expected: ReceptiveField | None) -> None:
    near = Node("near", Conv(np.ones((1, 3, 3, 1)), pad=1), "x", "a")
    found = receptive_fields(Graph([near, Node("meet", layer, ("x", "a"), "y")]))
    np.testing.assert_equal(found["y"], expected)


def test_the_input_that_only_gives_its_size_is_not_seen() -> None:
    graph = Graph([Node("crop", layers.Crop(), ("x", "like"), "y"), Node("relu", ReLU(), "y", "z")])
    np.testing.assert_equal(list(receptive_fields(graph, "like")), ["like"])
    np.testing.assert_equal(list(receptive_fields(graph, "x")), ["x", "y", "z"])


def test_batch_moments_see_everything() -> None:
    one = np.ones(1)
    own, given = layers.BatchNorm(one, one), layers.BatchNorm(one, one, np.ones((1, 2)))
    found = receptive_fields(Graph(chain({"given": given, "own": own, "relu": ReLU()})))
    np.testing.assert_equal(found["x1"], ReceptiveField((1, 1), (1, 1), (0, 0)))
    np.testing.assert_equal((found["x2"], found["x3"]), (None, None))
