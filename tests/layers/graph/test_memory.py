"""Passes above the memory limit are refused before they start; the estimate is held to what layers really take."""

import time
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import refvis
from refvis import layers
from refvis.layers import Graph, MemoryLimitError, Node, memory_limit
from refvis.layers.graph import memory

X = np.random.default_rng(0).standard_normal((2, 40, 50, 24)).astype("float32")
REGIONS = np.array([[1.0, 1, 1, 30, 40], [2, 5, 7, 50, 20]], "float32").reshape(2, 1, 1, 5)
GRID = np.random.default_rng(1).uniform(-1, 1, (2, 90, 80, 2)).astype("float32")


def filters(*shape):
    return np.random.default_rng(2).standard_normal(shape).astype("float32")


CASES = {
    "conv": (layers.Conv(filters(30, 3, 3, 24), pad=1), X),
    "a padded conv": (layers.Conv(filters(3, 2, 3, 24), pad=(90, 80, 70, 110), stride=(40, 30)), X),
    "a grouped conv": (layers.Conv(filters(30, 5, 3, 4), np.ones(30, "float32"), pad=2, stride=2), X),
    "a dilated conv": (layers.Conv(filters(20, 5, 3, 24), pad=40, dilate=20), X),
    "no filters": (layers.Conv(None, np.ones(24, "float32"), stride=2), X),
    "convt": (layers.ConvTranspose(filters(24, 4, 4, 10), upsample=2, crop=1), X),
    "a cropped convt": (layers.ConvTranspose(filters(24, 3, 3, 2), upsample=9, crop=(150, 100, 170, 160)), X),
    "max pool": (layers.Pool(3, 2), X),
    "a padded pool": (layers.Pool(150, 70, pad=140), X),
    "avg pool": (layers.Pool((3, 2), 1, pad=1, method="avg"), X),
    "a padded avg pool": (layers.Pool((150, 140), 60, pad=139, method="avg"), X),
    "fully connected": (layers.FullyConnected(filters(50, 4 * 3 * 24)), X[:, :4, :3]),
    "relu": (layers.ReLU(0.1), X),
    "lrn": (layers.LRN(5), X),
    "a wide lrn": (layers.LRN(200), X),
    "batch norm": (layers.BatchNorm(np.ones(24), np.ones(24), np.ones((24, 2))), X),
    "its own moments": (layers.BatchNorm(np.ones(24), np.ones(24)), X),
    "softmax": (layers.Softmax(), X),
    "sigmoid": (layers.Sigmoid(), X),
    "clip": (layers.Clip(), X),
    "hard sigmoid": (layers.HardSigmoid(), X),
    "hard swish": (layers.HardSwish(), X),
    "log softmax": (layers.LogSoftmax(), X),
    "select": (layers.Select(range(5, 24)), X),
    "resize": (layers.Resize(3, method="bilinear"), X),
    "a resize of one channel": (layers.Resize((20, 1)), X[..., :1]),
    "a resize to a size": (layers.Resize(size=(900, 3), method="bilinear"), X[:1, :, :, :2]),
    "sum": (layers.Sum(), X, X),
    "concat": (layers.Concat(), X, X, X),
    "crop": (layers.Crop((3, 4)), X, X[:, :20, :30]),
    "scale": (layers.Scale(), X, X[:, :1, :1]),
    "spatial norm": (layers.SpatialNorm((3, 4)), X),
    "a wide spatial norm": (layers.SpatialNorm((10**9, 10**9)), X),
    "norm offset": (layers.NormOffset(), X),
    "lp": (layers.NormalizeLp(), X),
    "distance": (layers.PairwiseDistance(p=3), X, X),
    "regions": (layers.ROIPool((60, 70)), X, REGIONS),
    "sampler": (layers.BilinearSampler(), X, GRID),
    "a sampler of one channel": (layers.BilinearSampler(), X[..., :1], GRID),
    "affine grid": (layers.AffineGrid(300, 200), filters(2, 1, 1, 6)),
    "scaling grid": (layers.UniformScalingGrid(300, 200), filters(2, 1, 1, 3)),
    "softmax loss": (layers.SoftmaxLoss(), X, np.ones((2, 40, 50, 1), "float32")),
    "hinge": (layers.Loss("mhinge"), X, np.ones((2, 40, 50, 1), "float32")),
    "logistic": (layers.Loss("logistic"), X, np.ones_like(X)),
    "prelu": (layers.PReLU(filters(24)), X),
    "tanh": (layers.Tanh(), X),
    "trunc": (layers.Trunc(0.5), X),
    "the mean": (layers.GlobalPool(), X),
    "the largest": (layers.GlobalPool("max"), X),
    "axpy": (layers.Axpy(), X[:, :1, :1], X, X),
    "channels as pixels": (layers.SubPixel(2), X),
    "pixels as channels": (layers.SubPixel(5, inverse=True), X),
    "noise level": (layers.NoiseLevel((0.5, 1.0)), X),
    "permute": (layers.Permute((3, 1, 2)), X),
    "flatten": (layers.Flatten(), X),
    "euclidean": (layers.EuclideanLoss(), X, X),
    "weighted squares": (layers.L2Loss(), X, X, X),
    "topk": (layers.Loss("topkerror", 5), X, np.ones((2, 40, 50, 1), "float32")),
}


def test_every_operator_is_measured():
    assert {type(case[0]) for case in CASES.values()} | {layers.Dropout} == set(layers.OPERATORS)


def peak(function):
    """Return the most bytes that a call takes beside what was there before."""
    tracemalloc.start()
    function()
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return most


def graph(layer, *inputs):
    names = tuple(f"in{i}" for i in range(len(inputs)))
    return Graph([Node("it", layer, names, ("out",))]), dict(zip(names, inputs, strict=True))


def needed(check):
    """Return the bytes that a pass says it needs."""
    with memory_limit(1), pytest.raises(MemoryLimitError) as caught:
        check()
    return caught.value.needed


@pytest.mark.parametrize("exact", [False, True], ids=["fast", "by definition"])
@pytest.mark.parametrize("name", CASES)
def test_the_estimate_is_not_exceeded(name, exact, monkeypatch):
    if exact and "wide" in name:
        pytest.skip("by definition it takes minutes: every tap of the window is added")
    monkeypatch.setattr("refvis.layers.fast.buffers._FREE", {})
    layers.fast.buffers.release()
    net, given = graph(*CASES[name])
    shapes, each = {name: x.shape for name, x in given.items()}, sum(x.nbytes for x in given.values())
    with refvis.exact() if exact else memory_limit("1 TB"):
        taken = peak(lambda: net.forward(**given)) + each
        assert taken <= most(lambda: memory.require_forward(net.nodes, shapes, 4), each) + SLACK
        trace = net.forward(**given)
        signal = np.ones_like(trace["out"])
        layers.fast.buffers.release()
        taken = peak(lambda: net.backward(trace, {"out": signal})) + sum(x.nbytes for x in trace.values())
        assert taken <= most(lambda: memory.require_backward(net.nodes, trace), 0) + SLACK


SLACK = 3 << 20
"""Bytes of tiles, which fit the processor's cache, and of Python's own objects."""


def most(check, at_least):
    """Return the smallest limit in bytes that a check allows, by bisection."""
    low, high = at_least, 1 << 40
    while high - low > 1 << 12:
        middle = (low + high) // 2
        try:
            with memory_limit(middle):
                check()
            high = middle
        except MemoryLimitError:
            low = middle
    return high


HOSTILE = {
    "pad": (layers.Conv(np.ones((1, 1, 1, 3), "float32"), pad=20_000), (4, 5)),
    "pad and stride": (layers.Conv(np.ones((1, 1, 1, 3), "float32"), pad=10**9, stride=10**9), (4, 5)),
    "upsample": (layers.ConvTranspose(np.ones((3, 1, 1, 1), "float32"), upsample=30_000), (4, 5)),
    "upsample and crop": (
        layers.ConvTranspose(np.ones((3, 1, 1, 1), "float32"), upsample=30_000, crop=(45_000, 45_000, 60_000, 59_999)),
        (4, 5),
    ),
    "pool": (layers.Pool(2**31 - 1, pad=2**31 - 2, stride=2**30), (4, 5)),
    "resize": (layers.Resize(30_000), (4, 5)),
    "grid": (layers.AffineGrid(2**26, 2**26), None),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_layers_that_ask_for_too_much_are_refused_at_once(name):
    layer, size = HOSTILE[name]
    net = refvis.chain({"first": layers.ReLU(), "it": layer})
    x = np.ones((1, *size, 3) if size else (1, 1, 1, 6), "float32")
    start = time.process_time()
    expected = (
        r"layer 'it' .* limit of 4\.0 GB: give smaller or fewer images, or raise the limit with refvis\.memory_limit"
    )
    with memory_limit("4 GB"), pytest.raises(MemoryLimitError, match=expected):
        net.forward(x)
    assert time.process_time() - start < 1


def test_what_is_held_adds_up():
    double = [Node(f"c{i}", layers.Concat(), (f"x{i}", f"x{i}"), (f"x{i + 1}",)) for i in range(100)]
    net, x = refvis.Network(double), np.ones((1, 1, 1, 1024), "float32")
    with memory_limit("1 GB"), pytest.raises(MemoryLimitError, match=r"layer 'c15' .Concat.: a forward pass needs"):
        net.forward(x)
    with pytest.raises(refvis.ShapeError, match=r"layer 'c50' .Concat.: the output has more than 1,152,921,504,606"):
        net.shapes(x0=x.shape)


def test_a_layer_without_implementation_is_met_by_the_pass_itself():
    parts = {"a": layers.ReLU(), "odd": layers.Unknown("odd"), "b": layers.Conv(np.ones((1, 1, 1, 3)), pad=10**8)}
    net = refvis.chain(parts)
    with pytest.raises(ValueError, match=r"layer 'odd'"):
        net.forward(np.ones((1, 4, 5, 3)))
    with memory_limit(100), pytest.raises(MemoryLimitError, match="the input of a forward pass needs"):
        net.forward(np.ones((1, 4, 5, 3)))


def test_backward_passes_and_gradients_of_parameters():
    net = refvis.chain({"fc": layers.FullyConnected(np.ones((5, 60), "float32")), "relu": layers.ReLU()})
    trace = net.forward(np.ones((1, 4, 5, 3), "float32"))
    seeds = {"relu": np.ones((1, 1, 1, 5), "float32")}
    for backward in (net.backward, net.parameter_gradients):
        with memory_limit(600), pytest.raises(MemoryLimitError, match=r"layer 'fc' .* a backward pass needs"):
            backward(trace, seeds)
        with memory_limit("10 KB"):
            backward(trace, seeds)


def test_labels_that_are_not_given_are_not_counted():
    net = refvis.chain({"relu": layers.ReLU(), "loss": layers.SoftmaxLoss(), "mine": layers.Unknown("mine")})
    with memory_limit("100 KB"):
        assert net.forward(np.ones((1, 4, 5, 3), "float32")).ends == ("x1",)


def test_a_network_asks_before_inputs_are_made():
    net = refvis.chain({"conv": layers.Conv(np.ones((1, 1, 1, 3), "float32"))})
    with memory_limit("1 GB"), pytest.raises(MemoryLimitError, match="the input of a forward pass needs"):
        net.require_memory(x0=(1, 10**5, 10**5, 3))
    net = net.with_images((30_000, 30_000))
    for function in (lambda: net.preprocess(np.zeros((4, 5, 3), "uint8")), lambda: refvis.activation_maximization(net)):
        with (
            memory_limit("1 GB"),
            pytest.raises(MemoryLimitError, match=r"1 input.s. of 30000 x 30000 pixels and "),
        ):
            function()


def test_as_many_images_as_channels_are_refused():
    net = refvis.chain({"conv": layers.Conv(np.ones((40_000, 1, 1, 3), "float32"))}).with_images((100, 90))
    with memory_limit("1 GB"), pytest.raises(MemoryLimitError, match=r"40,000 input.s. of 100 x 90 pixels"):
        refvis.activation_maximization(net)


@given(st.integers(1, 200))
def test_the_limit_is_sharp(kilobytes):
    net, x = refvis.chain({"relu": layers.ReLU()}), np.ones((1, 5, 6, 7), "float32")
    with memory_limit(f"{kilobytes} KB"):
        if kilobytes * 1024 >= 6 * x.nbytes:  # input, output, and twice both beside them
            net.forward(x)
        else:
            with pytest.raises(MemoryLimitError):
                net.forward(x)


def test_the_check_takes_microseconds_for_each_layer():
    net = refvis.chain({f"relu{i}": layers.ReLU() for i in range(2000)})
    start = time.process_time()
    net.require_memory(x0=(1, 4, 5, 3))
    assert time.process_time() - start < 2000 * 50e-6
