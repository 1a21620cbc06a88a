"""Gradient times input, and gradient times activation at a layer."""

import numpy as np
import pytest
from support.same import assert_same
from support.small_nets import classifier, inputs, linear

import refvis

OPTIONS = (
    {},
    {"channel": 2},
    {"channel": (4, 0, 4)},
    {"channel": "all"},
    {"channel": (1, 5), "against": 3},
    {"at": "conv2", "channel": (9, 3), "position": (2, 1)},
)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("options", OPTIONS)
def test_gradient_times_input_is_the_product(options, dtype):
    net, x = classifier(), inputs(2, dtype)
    heatmap = refvis.gradient_times_input(net, x, **options)
    gradient = refvis.deconvolution(net, x, "gradient", **options)
    units = len(gradient.values) // 2
    assert_same(heatmap.values, gradient.values * np.repeat(x, units, axis=0))
    assert heatmap.signed
    made = dict(gradient.record.parameters)
    del made["mode"], made["seed"]
    assert heatmap.record.parameters == made
    assert_same(heatmap.picture, net.restore(x[:1]))


def test_the_sum_is_the_score_without_biases():
    net, x = classifier(biases=False, norm=False), inputs(3, "float64")
    scores = net.forward(x)["x7"].reshape(3, 7)
    heatmap = refvis.gradient_times_input(net, x, channel=range(7))
    np.testing.assert_allclose(heatmap.maps.sum(axis=(1, 2)), scores.ravel(), rtol=1e-10)
    for layer in ("relu1", "pool1", "conv2", None):
        maps = refvis.linear_approximation(net, x, channel=range(7), layer=layer, upsample=False).maps
        np.testing.assert_allclose(maps.sum(axis=(1, 2)), scores.ravel(), rtol=1e-10)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("layer", [None, "pool1", "x2", "relu2", "x0"])
@pytest.mark.parametrize("options", OPTIONS[:5])
def test_linear_approximation_is_the_product_at_a_layer(options, layer, dtype):
    net, x = classifier(), inputs(2, dtype)
    variable = net.variable(layer or "drop2")
    heatmap = refvis.linear_approximation(net, x, layer=layer, upsample=False, **options)
    signal = refvis.deconvolution(net, x, "gradient", to=variable, **options).values
    activation = np.repeat(net.forward(x)[variable], len(signal) // 2, axis=0)
    assert_same(heatmap.values, (activation * signal).sum(axis=3, keepdims=True))
    assert heatmap.record.parameters["layer"] == variable
    assert heatmap.signed
    large = refvis.linear_approximation(net, x, layer=layer, **options)
    assert large.values.shape == (len(signal), 13, 11, 1)
    assert large.values.dtype == dtype


def test_at_the_input_it_is_gradient_times_input():
    net, x = classifier(), inputs(1, "float64")
    at_input = refvis.linear_approximation(net, x, layer="x0")
    np.testing.assert_allclose(at_input.map, refvis.gradient_times_input(net, x).map, rtol=1e-12, atol=1e-9)


def test_of_a_linear_network_it_is_each_pixels_share():
    net, x = linear(), inputs(1, "float64")
    values = refvis.gradient_times_input(net, x, channel=range(5)).values
    np.testing.assert_allclose(values, x * net.node("sum").layer.filters, rtol=1e-12)


@pytest.mark.parametrize("method", [refvis.gradient_times_input, refvis.linear_approximation])
def test_wrong_choices_are_refused(method):
    net, x = classifier(), inputs()
    with pytest.raises(ValueError, match=r"channel 7 of 'fc3 \(x8\)'"):
        method(net, x, channel=7)
    x[0, 1, 2, 1] = np.inf
    with pytest.raises(ValueError, match="1 values that are NaN or infinite"):
        method(net, x)
