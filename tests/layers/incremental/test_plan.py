"""Incremental forward passes are full ones, to rounding: on random graphs, on known architectures, in little memory."""

import tracemalloc
from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.growing import occluded
from support.model_zoo import thin

from refvis import layers
from refvis.layers import incremental
from refvis.layers.base.limits import MEMORY
from refvis.layers.incremental import full_passes as changes
from refvis.layers.incremental import influence as reach


def replica(graph, x, boxes, contents):
    """One forward pass of the whole network for each box."""
    found = []
    for ((top, bottom), (left, right)), content in zip(boxes, contents, strict=True):
        changed = x.copy()
        changed[0, top:bottom, left:right] = content
        found.append(graph.forward(changed).output)
    return np.concatenate(found)


def gathered(passes):
    """The outputs in the order of the boxes; each has come once."""
    each = {n: one for numbers, output in passes for n, one in zip(numbers, output, strict=True)}
    assert sorted(each) == list(range(len(each)))
    return np.stack([each[n] for n in range(len(each))])


def check(found, expected, relative):
    assert found.dtype == expected.dtype
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=0, atol=relative * np.abs(expected).max())


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("passes", [incremental.forward_changes, changes.forward_changes])
def test_any_graph_any_boxes(passes, dtype):
    @settings(max_examples=150 if passes is incremental.forward_changes else 40)
    @given(occluded(dtype), st.sampled_from([0.8, 1.0]), st.sampled_from([1, 5000, MEMORY]), st.sampled_from([1, 3]))
    def run(case, worth, limit, most):
        graph, x, boxes, contents = case
        trace = graph.forward(x)
        with mock.patch.object(reach, "WORTH", worth):
            found = gathered(passes(graph, trace, boxes, contents.__getitem__, limit, most))
        check(found, replica(graph, x, boxes, contents), {"float64": 1e-10, "float32": 1e-5}[dtype])

    run()


RANDOM = np.random.default_rng(8)
MASK = RANDOM.integers(0, 2, (1, 12, 17, 3)) * 2.0
UP = layers.ConvTranspose(RANDOM.normal(size=(3, 1, 2, 2)), None, (2, 3), (1, 0, 2, 1))
ONE_INPUT = {
    "a mask with places": layers.Dropout(0.5, MASK),
    "an offset with places": layers.Scale(np.ones(3), MASK),
    "a sum over rows": layers.NormalizeLp(dimensions=1),
    "a sum over images and channels": layers.NormalizeLp(dimensions=(3, 4)),
    "the image's own moments": layers.BatchNorm(np.ones(3), np.ones(3)),
    "windows of another channel": layers.SpatialNorm((3, 2)),
    "steps of two phases at the border": UP,
    "means over the edge": layers.Pool((3, 4), (2, 1), (2, 1, 0, 3), "avg"),
    "channels as blocks of pixels": layers.SubPixel(2),
    "blocks of pixels as channels": layers.SubPixel(3, inverse=True),
    "constant channels": layers.NoiseLevel((0.5, -1.0)),
    "slopes of channels": layers.PReLU(RANDOM.normal(size=3)),
    "the mean of the image": layers.GlobalPool(),
    "rows and columns exchanged": layers.Permute((2, 1, 3)),
    "flat": layers.Flatten(),
    "fully connected": layers.FullyConnected(RANDOM.normal(size=(4, 12 * 17 * 3))),
}
TWO_INPUTS = {
    "images one below the other": (layers.Concat(1), "x"),
    "images side by side": (layers.Concat(2), "x"),
    "an offset without places": (layers.Scale(np.ones(3)), "corner"),
    "a factor with places": (layers.Scale(), "x"),
    "a crop that cuts boxes": (layers.Crop((1, 2)), "part"),
    "a crop that gives way": (layers.Crop((9, 9)), "part"),
    "a crop to itself": (layers.Crop(0), "x"),
}


@pytest.mark.parametrize("name", [*ONE_INPUT, *TWO_INPUTS])
@pytest.mark.parametrize("worth", [0.8, 1.0])
def test_single_layers(monkeypatch, name, worth):
    """Between the picture and a ReLU; some boxes end at a border, and are widened to the sizes of the others."""
    monkeypatch.setattr(reach, "WORTH", worth)
    whole = isinstance(ONE_INPUT.get(name), layers.SubPixel)  # the factors divide 12, 18, and 4 channels
    x = np.random.default_rng(6).normal(size=(1, 12, 18, 4) if whole else (1, 12, 17, 3))
    layer, other = TWO_INPUTS.get(name, (ONE_INPUT.get(name), None))
    nodes = [
        layers.Node("part", layers.Pool((4, 5), 1), "x", "part"),
        layers.Node("corner", layers.Pool(1, 17), "x", "corner"),
        layers.Node("layer", layer, ("x", other) if other else "x", "y"),
        layers.Node("relu", layers.ReLU(), "y", "z"),
    ]
    graph = layers.Graph(nodes).upto("relu")
    boxes = [((4, 6), (4, 6)), ((5, 7), (15, 17)), ((0, 2), (0, 2)), ((10, 12), (3, 5)), ((9, 11), (14, 16))]
    contents = [np.random.default_rng(n).normal(size=(2, 2, x.shape[3])) for n in range(len(boxes))]
    found = gathered(incremental.forward_changes(graph, graph.forward(x), boxes, contents.__getitem__))
    check(found, replica(graph, x, boxes, contents), 1e-12)


def grid(extent, size, stride):
    """Boxes in steps over an image, and some that reach its corners and all of it."""
    height, width = extent
    inside = [
        ((y, y + size), (x, x + size)) for y in range(3, height - size, stride) for x in range(5, width - size, stride)
    ]
    return [*inside, ((0, 9), (width - 7, width)), ((height - 1, height), (0, 1)), ((0, height), (0, width))]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("imagenet-matconvnet-alex", "windows up to pool5, then everything"),
        ("imagenet-vgg-verydeep-16", "windows up to pool5, then everything"),
        ("imagenet-googlenet-dag", "windows in "),
        ("imagenet-resnet-50-dag", "windows up to res5b_branch2a_relu, then everything"),
    ],
)
@pytest.mark.parametrize(("dtype", "relative"), [("float32", 1e-5), ("float64", 1e-10)])
def test_known_architectures(name, words, dtype, relative):
    net = thin(name)
    net = net.upto(net.scores).astype(dtype)
    height, width = net.input_size
    random = np.random.default_rng(1)
    x = random.normal(0, 50, (1, height, width, 3)).astype(dtype)
    boxes = grid((height, width), 32, 90)
    contents = [random.uniform(-100, 100, (b - a, d - c, 3)) for (a, b), (c, d) in boxes]
    trace = net.forward(x)
    assert incremental.Plan(net, trace, boxes[:-1]).words.startswith(words)
    found = gathered(incremental.forward_changes(net, trace, boxes, contents.__getitem__))
    check(found, replica(net, x, boxes, contents), relative)


def small(**more):
    """A chain that ends with one position."""
    random = np.random.default_rng(3)
    parts = {
        "conv": layers.Conv(random.normal(size=(5, 3, 3, 2)), None, pad=1),
        "pool": layers.Pool(3, 2),
        "mean": layers.Pool((6, 9), method="avg"),
    }
    return layers.Graph(layers.chain(parts | more)), random.normal(size=(1, 13, 19, 2))


def plan_words(graph, x, *boxes):
    return incremental.Plan(graph, graph.forward(x), boxes).words


def test_words():
    graph, x = small()
    box = (2, 5), (4, 6)
    assert plan_words(graph, x, box) == "windows up to pool, then everything"
    assert plan_words(graph.upto("pool"), x, box) == "windows throughout"
    assert plan_words(graph, x, ((0, 13), (0, 19))) == "everything"
    own_moments = layers.Graph(layers.chain({"bn": layers.BatchNorm(np.ones(2), np.ones(2)), "relu": layers.ReLU()}))
    assert plan_words(own_moments, x, box) == "everything"


def test_memory_is_bounded():
    net = thin("imagenet-matconvnet-alex", 4)
    net = net.upto(net.scores)
    x = np.random.default_rng(2).normal(0, 50, (1, 227, 227, 3)).astype("float32")
    trace = net.forward(x)
    boxes = [((y, y + 32), (x, x + 32)) for y in range(0, 196, 39) for x in range(0, 196, 39)]
    black, peaks, found = np.zeros((1, 1, 3), "float32"), [], []
    for limit in (2 << 20, MEMORY):
        tracemalloc.start()
        found.append(gathered(incremental.forward_changes(net, trace, boxes, lambda n: black, limit)))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[0] < 2 << 20 < peaks[1]
    check(found[0], found[1], 1e-6)


@pytest.mark.parametrize("passes", [incremental.forward_changes, changes.forward_changes])
def test_batches_hold_so_many_boxes(passes):
    graph, x = small()
    trace = graph.forward(x)
    boxes = [((n, n + 2), (3, 5)) for n in range(11)]
    counts = [len(numbers) for numbers, _ in passes(graph, trace, boxes, lambda n: x[0, :1, :1], most=4)]
    assert counts == [4, 4, 3]
    mixing = layers.Graph(layers.chain({"bn": layers.BatchNorm(np.ones(2), np.ones(2))}))
    passed = passes(mixing, mixing.forward(x), boxes[:3], lambda n: x[0, :1, :1], most=4)
    assert [len(numbers) for numbers, _ in passed] == [1, 1, 1], "layers that mix images"
    assert list(passes(graph, trace, [], lambda n: x[0])) == []


@pytest.mark.parametrize("passes", [incremental.forward_changes, changes.forward_changes])
def test_changes_of_a_hidden_variable(passes):
    """What goes around it stays as it was."""
    random = np.random.default_rng(4)
    first, second = (layers.Conv(random.normal(size=(2, 3, 3, 2)), None, pad=1) for _ in range(2))
    nodes = [layers.Node("first", first, "x", "a"), layers.Node("second", second, "a", "b")]
    graph = layers.Graph([*nodes, layers.Node("sum", layers.Sum(), ("x", "a", "b"), "y")])
    x = random.normal(size=(1, 9, 7, 2))
    trace = graph.forward(x)
    boxes = [((2, 4), (0, 3)), ((0, 9), (0, 7))]
    contents = [np.full((1, 1, 2), 5.0), random.normal(size=(9, 7, 2))]
    expected = []
    for ((top, bottom), (left, right)), content in zip(boxes, contents, strict=True):
        a = trace["a"].copy()
        a[0, top:bottom, left:right] = content
        expected.append(x + a + layers.forward(second, a))
    found = gathered(passes(graph, trace, boxes, contents.__getitem__, source="a"))
    check(found, np.concatenate(expected), 1e-12)


@pytest.mark.parametrize("passes", [incremental.forward_changes, changes.forward_changes])
def test_what_does_not_fit_is_refused(passes):
    graph, x = small()
    trace, boxes = graph.forward(x), [((0, 3), (4, 6))]
    message = r"box 0 is filled with an array of shape \(2, 2, 2\), expected \(3, 2, 2\), or an array that broadcasts"
    with pytest.raises(layers.ShapeError, match=message):
        list(passes(graph, trace, boxes, lambda n: x[0, :2, :2]))
    ends = layers.Graph([layers.Node("a", layers.ReLU(), "x", "a"), layers.Node("b", layers.ReLU(), "x", "b")])
    with pytest.raises(ValueError, match=r"2 outputs \(a, b\): cut it with upto"):
        list(passes(ends, ends.forward(x), boxes, lambda n: x[0, :1, :1]))


def test_an_output_that_the_boxes_do_not_reach():
    """Pixels between the windows are seen by nobody."""
    graph = layers.Graph(layers.chain({"pick": layers.Pool(1, 3), "relu": layers.ReLU()}))
    x = np.random.default_rng(5).normal(size=(1, 8, 10, 2))
    trace = graph.forward(x)
    found = gathered(incremental.forward_changes(graph, trace, [((1, 3), (2, 9))], lambda n: x[0, :1, :1]))
    np.testing.assert_array_equal(found, trace.output)
