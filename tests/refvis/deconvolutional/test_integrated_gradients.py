"""Integrated gradients: the line, the quadrature, and the error of completeness."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.same import assert_same
from support.small_nets import classifier, conv, inputs, linear

import refvis
from refvis.deconvolutional.integrated_gradients import METHODS, quadrature
from refvis.layers import BatchNorm, FullyConnected, Sigmoid

RANDOM = np.random.default_rng(4)


def smooth():
    """A network whose gradient has derivatives of every order."""
    layers = {
        "conv1": conv(RANDOM, (6, 3, 3, 3), pad=1),
        "sigmoid1": Sigmoid(),
        "conv2": conv(RANDOM, (5, 13, 11, 6)),
        "sigmoid2": Sigmoid(),
        "fc": FullyConnected(RANDOM.normal(size=(7, 5))),
    }
    return refvis.chain(layers)


def close(actual, expected, relative=1e-11):
    assert actual.shape == expected.shape
    np.testing.assert_allclose(actual, expected, rtol=0, atol=relative * np.abs(expected).max())


def scores(net, x):
    return net.upto(net.scores).forward(x).output.reshape(len(x), -1)


@given(st.sampled_from(METHODS), st.integers(2, 30))
def test_quadrature(method, steps):
    places, weights = np.array(quadrature(method, steps)).T
    assert len(places) == steps
    assert (np.diff(places) > 0).all()
    np.testing.assert_allclose(weights.sum(), 1, rtol=1e-13)
    ends = {"trapezoid": (0, 1), "left": (0, 1 - 1 / steps), "right": (1 / steps, 1)}
    if method in ends:
        np.testing.assert_allclose(places[[0, -1]], ends[method], rtol=1e-13)
    else:
        np.testing.assert_allclose(places + places[::-1], 1, rtol=1e-13)
    degree = {"gausslegendre": 2 * steps - 1, "trapezoid": 1, "middle": 1}.get(method, 0)
    for power in range(degree + 1):
        np.testing.assert_allclose(weights @ places**power, 1 / (power + 1), rtol=1e-11)
    assert abs(weights @ places ** (degree + 1) - 1 / (degree + 2)) > 0 or degree > 20


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("options", [{"channel": 2}, {"channel": (1, 5), "against": 3}, {"at": "conv2", "channel": 4}])
def test_it_is_the_sum_over_the_way(method, options):
    net, x = classifier(), inputs(2, "float64")
    baselines = inputs(3, "float64", seed=7)
    heatmap = refvis.integrated_gradients(net, x, baselines, 4, method, **options)
    total = 0
    for start in baselines:
        for place, weight in quadrature(method, 4):
            point = start + place * (x - start)
            slope = refvis.deconvolution(net, point, "gradient", **options).values
            units = len(slope) // 2
            total = total + weight / 3 * slope * np.repeat(x - start, units, axis=0)
    close(heatmap.values, total)
    assert heatmap.signed
    made = heatmap.record.parameters
    assert (made["baseline"], made["steps"], made["method"]) == ("3 given", 4, method)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("method", METHODS)
def test_of_a_linear_network_any_number_of_steps_is_exact(method, dtype):
    net, x = linear(dtype=dtype), inputs(2, dtype)
    baseline = inputs(1, dtype, seed=5)
    heatmap = refvis.integrated_gradients(net, x, baseline, 3, method, channel=range(5))
    filters = net.node("sum").layer.filters
    expected = np.stack([(image - baseline[0]) * f for image in x for f in filters])
    close(heatmap.values, expected, {"float32": 1e-5, "float64": 1e-13}[dtype])
    assert heatmap.values.dtype == dtype
    size = {"float32": 1e-4, "float64": 1e-12}[dtype] * np.abs(expected).sum(axis=(1, 2, 3))
    assert (np.abs(heatmap.measures["completeness_error"]) <= size).all()
    at_zero = refvis.integrated_gradients(net, x, steps=2, method=method, channel=range(5))
    close(at_zero.values, refvis.gradient_times_input(net, x, channel=range(5)).values, 1e-5)
    assert at_zero.record.parameters["baseline"] == "zero"


def test_completeness_of_a_smooth_network_comes_at_once():
    net, x = smooth(), inputs(2, "float64") / 40
    errors = [
        np.abs(refvis.integrated_gradients(net, x, steps=steps, channel=(0, 4)).measures["completeness_error"]).max()
        for steps in (2, 5, 10, 20)
    ]
    assert errors[0] > 1e-6
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 1e-13


@pytest.mark.parametrize(("method", "order"), [("left", 1), ("right", 1), ("middle", 2), ("trapezoid", 2)])
def test_completeness_errors_fall_with_the_order_of_the_method(method, order):
    net, x = smooth(), inputs(1, "float64") / 40
    coarse, fine = (
        refvis.integrated_gradients(net, x, steps=steps, method=method, channel=1).measures["completeness_error"][0]
        for steps in ((41, 81) if method == "trapezoid" else (40, 80))
    )
    np.testing.assert_allclose(coarse / fine, 2**order, rtol=0.05)


def test_completeness_of_networks_with_kinks_gets_better_with_steps():
    """The gradient jumps at each kink, so that the error is about the jumps' size by the number of steps."""
    net, x = classifier(), inputs(6, "float64")
    errors = [
        np.abs(refvis.integrated_gradients(net, x, steps=steps, channel=2).measures["completeness_error"]).mean()
        for steps in (4, 32, 256)
    ]
    assert errors[0] > 3 * errors[1] > 9 * errors[2] > 0


def test_measures_are_what_they_say():
    net, x = classifier(), inputs(2, "float64")
    baselines = inputs(2, "float64", seed=7)
    heatmap = refvis.integrated_gradients(net, x, baselines, 3, channel=(1, 5), against=3)
    rises = []
    for n in range(2):
        for k in (1, 5):
            each = [scores(net, one)[0] for one in (x[n : n + 1], baselines[:1], baselines[1:])]
            top, *bottom = (one[k] - one[3] for one in each)
            rises.append(top - np.mean(bottom))
    errors = heatmap.values.sum(axis=(1, 2, 3)) - rises
    np.testing.assert_allclose(heatmap.measures["completeness_error"], errors, rtol=1e-9)
    relative = np.abs(errors / rises)
    np.testing.assert_allclose(heatmap.measures["relative_completeness_error"], relative, rtol=1e-9)
    assert np.abs(errors).min() > 1e-6
    assert "; completeness_error" in repr(heatmap)


def test_from_the_image_to_itself_there_is_nothing():
    net, x = classifier(), inputs(1, "float64")
    heatmap = refvis.integrated_gradients(net, x, x, steps=3, channel=2)
    assert_same(heatmap.values, np.zeros_like(x))
    assert heatmap.measures["relative_completeness_error"][0] == 0


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_batches_do_not_matter(monkeypatch, dtype):
    net, x = classifier(), inputs(2, dtype)
    whole = refvis.integrated_gradients(net, x, steps=7, channel=(1, 2))
    assert whole.values.dtype == dtype
    for batch in (1, 3, 100):
        actual = refvis.integrated_gradients(net, x, steps=7, channel=(1, 2), batch=batch).values
        close(actual, whole.values, {"float32": 2e-5, "float64": 1e-12}[dtype])
    sizes = []
    forward = refvis.Network.forward
    monkeypatch.setattr(refvis.Network, "forward", lambda net, x: sizes.append(len(x)) or forward(net, x))
    refvis.integrated_gradients(net, x[:1], steps=7, batch=3)
    assert sizes == [1, 3, 3, 1, 1]
    each = sum(values.nbytes for values in net.upto("fc3").forward(x[:1]).values())
    monkeypatch.setattr("refvis.layers.base.limits.MEMORY", 4 * 2 * each)
    del sizes[:]
    refvis.integrated_gradients(net, x[:1], steps=7)
    assert sizes[1:3] == [4, 3]


def test_images_and_points_that_meet_in_a_layer_are_taken_one_by_one():
    norm = BatchNorm(np.ones(3), np.zeros(3))
    net, x = refvis.chain({"norm": norm, "fc": FullyConnected(RANDOM.normal(size=(4, 429)))}), inputs(2, "float64")
    together = refvis.integrated_gradients(net, x, steps=5, channel=(0, 3), batch=5).values
    for n in range(2):
        close(
            together[2 * n : 2 * n + 2], refvis.integrated_gradients(net, x[n : n + 1], steps=5, channel=(0, 3)).values
        )
    first = np.stack([w.reshape(13, 11, 3) for w in net.node("fc").layer.weights[[0, 3]]])
    assert np.abs(together[:2] - first * x[0]).max() > 1, "the batch's moments are expected to matter"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "simpson"}, "unknown method 'simpson', expected one of gausslegendre, trapezoid"),
        ({"steps": 0}, "steps is 0, expected 1 or more for 'gausslegendre'"),
        ({"steps": 1, "method": "trapezoid"}, "steps is 1, expected 2 or more for 'trapezoid'"),
        ({"batch": 0}, "batch is 0, expected 1 or more"),
        ({"baseline": np.zeros((1, 13, 11, 1))}, r"baseline has shape \(1, 13, 11, 1\), expected \(1, 13, 11, 3\)"),
        ({"baseline": np.zeros((13, 11, 3))}, r"baseline has shape \(13, 11, 3\)"),
        ({"baseline": np.zeros((0, 13, 11, 3))}, r"baseline has shape \(0, 13, 11, 3\)"),
        ({"baseline": np.full((1, 13, 11, 3), np.nan)}, "429 values that are NaN"),
        ({"channel": 9}, r"channel 9 of 'fc3 \(x8\)'"),
    ],
)
def test_wrong_choices_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        refvis.integrated_gradients(classifier(), inputs(), **options)
