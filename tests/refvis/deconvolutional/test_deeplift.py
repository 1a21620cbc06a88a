"""DeepLIFT: the slopes of secants distribute the difference of scores exactly."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.same import assert_same
from support.small_nets import classifier, conv, inputs, linear

import refvis
from refvis.layers import BatchNorm, FullyConnected, Pool, ReLU, Sigmoid, modes
from refvis.targets import target
from refvis.units import Selection

OPTIONS = (
    {},
    {"channel": 2},
    {"channel": (4, 0, 4)},
    {"channel": "all"},
    {"channel": (1, 5), "against": 3},
    {"at": "conv2", "channel": (3, 8), "position": (2, 1)},
    {"at": "prob", "channel": 1},
)


def close(actual, expected, relative=1e-11):
    assert actual.shape == expected.shape
    np.testing.assert_allclose(actual, expected, rtol=0, atol=relative * np.abs(expected).max())


def mixed(seed):
    """Sigmoids, average pooling, batch normalisation with moments, next to what the classifier has."""
    random = np.random.default_rng(seed)
    layers = {
        "conv1": conv(random, (8, 3, 3, 3), pad=1),
        "bn1": BatchNorm(*random.normal(1, 0.3, (2, 8)), random.uniform(0.5, 2, (8, 2))),
        "relu1": ReLU(leak=0.1),
        "pool1": Pool((3, 2), 2, method="avg"),
        "conv2": conv(random, (10, 3, 3, 8)),
        "sigmoid2": Sigmoid(),
        "pool2": Pool(2),
        "fc3": FullyConnected(random.normal(size=(7, 3 * 2 * 10)), random.normal(size=7)),
    }
    return refvis.chain(layers)


@given(st.sampled_from([classifier, mixed]), st.integers(0, 99), st.sampled_from(OPTIONS[:-2]), st.booleans())
def test_summation_to_delta(make, seed, options, zero):
    """Exact zeros, and places where input and reference agree, are among the values."""
    net = make(seed=seed)
    random = np.random.default_rng(seed)
    x = inputs(2, "float64", seed) * (random.random((2, 13, 11, 3)) < 0.8) / 40
    start = None if zero else np.where(random.random(x[:1].shape) < 0.3, x[:1], inputs(1, "float64", seed + 1) / 40)
    heatmap = refvis.deeplift(net, x, start, **options)
    goal, trace = target(net, x, Selection(**options))
    above = trace[goal.variable].repeat(len(goal.channels) // 2, axis=0)
    below = net.forward(np.zeros_like(x[:1]) if zero else start)[goal.variable]
    rises = goal.maps(above).sum(axis=(1, 2)) - goal.maps(below).sum(axis=(1, 2))
    size = np.abs(heatmap.values).sum(axis=(1, 2, 3))
    np.testing.assert_allclose(heatmap.values.sum(axis=(1, 2, 3)), rises, rtol=0, atol=1e-11 * size.max())
    assert (np.abs(heatmap.measures["completeness_error"]) <= 1e-11 * size.max()).all()


@pytest.mark.parametrize(("dtype", "relative"), [("float32", 2e-5), ("float64", 1e-13)])
@pytest.mark.parametrize("options", OPTIONS)
def test_completeness_is_rounding(options, dtype, relative):
    net, x = classifier(), inputs(3, dtype)
    heatmap = refvis.deeplift(net, x, inputs(1, dtype, seed=5), **options)
    assert heatmap.values.dtype == dtype
    size = np.abs(heatmap.values).sum(axis=(1, 2, 3))
    assert (np.abs(heatmap.measures["completeness_error"]) <= relative * size).all()
    assert heatmap.signed
    assert heatmap.record.parameters["baseline"] == "1 given"


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_of_a_linear_network_it_is_gradient_times_the_difference(dtype):
    net, x, start = linear(dtype=dtype), inputs(2, dtype), inputs(1, dtype, seed=5)
    heatmap = refvis.deeplift(net, x, start, channel=range(5))
    filters = net.node("sum").layer.filters
    assert_same(heatmap.values, np.stack([f * (image - start[0]) for image in x for f in filters]))
    from_zero = refvis.deeplift(net, x, channel=range(5))
    close(from_zero.values, refvis.gradient_times_input(net, x, channel=range(5)).values, 1e-6)
    assert from_zero.record.parameters == {"at": "x1", "channel": [0, 1, 2, 3, 4], "baseline": "zero"}


def test_from_zero_without_biases_it_is_gradient_times_input_of_relu_networks():
    """The secant from 0 through a ReLU is its tangent; of a maximum, both winners are then one."""
    net, x = classifier(biases=False, norm=False), inputs(2, "float64")
    values = refvis.deeplift(net, x, channel=(0, 3)).values
    close(values, refvis.gradient_times_input(net, x, channel=(0, 3)).values)


def slow(weights, x, start):
    """DeepLIFT of a chain of matrices with ReLUs between, unit by unit, by its definition."""
    values, others = [x], [start]
    for w in weights[:-1]:
        values += [w @ values[-1]]
        values += [np.maximum(values[-1], 0)]
        others += [w @ others[-1]]
        others += [np.maximum(others[-1], 0)]
    m = weights[-1][0]
    for layer in range(len(weights) - 2, -1, -1):
        before, after = 2 * layer + 1, 2 * layer + 2
        below = np.zeros_like(values[2 * layer])
        for k in range(len(m)):
            secant = (values[after][k] - others[after][k]) / (values[before][k] - others[before][k])
            for d in range(len(below)):
                below[d] += m[k] * secant * weights[layer][k, d]
        m = below
    return m * (x - start)


@given(st.integers(0, 999))
def test_it_is_the_slow_replica(seed):
    random = np.random.default_rng(seed)
    weights = [random.normal(size=shape) for shape in ((5, 4), (6, 5), (1, 6))]
    names = ("fc1", "relu1", "fc2", "relu2", "fc3")
    parts = [FullyConnected(weights[0]), ReLU(), FullyConnected(weights[1]), ReLU(), FullyConnected(weights[2])]
    x, start = random.normal(size=(2, 1, 1, 1, 4))
    heatmap = refvis.deeplift(refvis.chain(dict(zip(names, parts, strict=True))), x, start)
    np.testing.assert_allclose(heatmap.values.ravel(), slow(weights, x.ravel(), start.ravel()), rtol=1e-9, atol=1e-12)


def test_it_sees_what_has_saturated():
    """Figure 1 of the paper: y = 1 - max(1 - a - b, 0) at (1, 1) has no gradient, and each input did half."""
    hidden, out = FullyConnected(np.array([[-1.0, -1.0]]), np.ones(1)), FullyConnected(-np.ones((1, 1)), np.ones(1))
    net = refvis.chain({"fc1": hidden, "relu": ReLU(), "fc2": out})
    x = np.ones((1, 1, 1, 2))
    assert_same(refvis.gradient_times_input(net, x).values, np.zeros_like(x))
    assert_same(refvis.deeplift(net, x).values, np.full_like(x, 0.5))


@pytest.mark.parametrize("options", [{"channel": (4, 0, 6)}, {"channel": (1, 5), "against": 3}])
def test_units_images_and_baselines_are_those_taken_one_by_one(options):
    net, x, starts = classifier(), inputs(3, "float64"), inputs(2, "float64", seed=7)
    together = refvis.deeplift(net, x, starts, **options)
    units = len(options["channel"])
    for m, channel in enumerate(options["channel"]):
        for i in range(3):
            alone = [
                refvis.deeplift(net, x[i : i + 1], start[None], **options | {"channel": channel}) for start in starts
            ]
            row = i * units + m
            close(together.values[row : row + 1], (alone[0].values + alone[1].values) / 2)
    assert together.record.parameters["baseline"] == "2 given"


def test_it_is_the_backward_pass_of_the_mode():
    net, x, start = classifier(), inputs(1, "float64"), inputs(1, "float64", seed=3)
    pairs = np.concatenate((x, start))
    trace = net.forward(pairs)
    seed = np.zeros_like(trace["x8"])
    seed[..., 4] = 1
    multipliers = net.backward(trace, {"x8": seed}, modes.DEEPLIFT)["x0"]
    close(refvis.deeplift(net, x, start, channel=4).values, multipliers[:1] * (x - start))


def test_a_baseline_that_is_the_image_leaves_nothing():
    net, x = classifier(), inputs(1, "float64")
    heatmap = refvis.deeplift(net, x, x)
    np.testing.assert_array_equal(heatmap.values, np.zeros_like(x))
    assert [value.tolist() for name, value in heatmap.measures.items() if name != "score"] == [[0.0], [0.0]]


def test_what_it_refuses():
    net, x = classifier(), inputs(2)
    with pytest.raises(refvis.ShapeError, match=r"baseline has shape \(13, 11, 3\), expected \(1, 13, 11, 3\)"):
        refvis.deeplift(net, x, x[0])
    with pytest.raises(ValueError, match="1 values that are NaN"):
        refvis.deeplift(net, x, np.where(np.arange(429).reshape(1, 13, 11, 3) == 7, np.nan, x[:1]))
    together = refvis.chain({"bn": BatchNorm(np.ones(3), np.zeros(3)), "relu": ReLU()})
    with pytest.raises(ValueError, match=r"mixes the images of a batch.*needs moments"):
        refvis.deeplift(together, x)
