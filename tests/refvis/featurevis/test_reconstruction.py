"""Each quirk of FeatureVis' reconstruction is what explains a number."""

from dataclasses import replace

import numpy as np
import pytest
from support.numeric import central, inner
from support.small_nets import classifier, inputs

import refvis
from refvis import layers
from refvis.featurevis import reconstruction
from refvis.featurevis.reconstruction import half_tv_gradient, p_gradient
from refvis.layers import BatchNorm, FullyConnected, Node, ReLU, ShapeError

SIZE = (3, 4, 2)
OFF = {"p_norm_factor": 0.0, "tv_norm_factor": 0.0, "target_factor": 0.0}


def total_variation(x):
    """The value that the original prints: the squared differences between neighbours, added up."""
    return float((np.diff(x, axis=1) ** 2).sum() + (np.diff(x, axis=2) ** 2).sum())


def test_the_gradient_of_total_variation_is_half_of_it():
    x, direction = inputs(2, "float64", 0, (5, 4, 3)), inputs(2, "float64", 1, (5, 4, 3))
    slope = central(lambda z: np.array(total_variation(z)), x, direction)
    np.testing.assert_allclose(inner(half_tv_gradient(x), direction), slope / 2, rtol=1e-6)


@pytest.mark.parametrize("p", [2, 3, 6, 2.5])
def test_the_gradient_of_the_p_norm_is_whole(p):
    x, direction = inputs(1, "float64", 0, (5, 4, 3)) / 40, inputs(1, "float64", 1, (5, 4, 3)) / 40
    slope = central(lambda z: (np.abs(z) ** p).sum(), x, direction)
    np.testing.assert_allclose(inner(p_gradient(x, p), direction), slope, rtol=1e-6)
    np.testing.assert_array_equal(p_gradient(np.zeros((1, 2, 3, 1)), p), 0)


def linear(dtype="float64"):
    matrix = np.random.default_rng(4).standard_normal((5, 24)) / 5
    return refvis.chain({"fc": FullyConnected(matrix.astype(dtype))})


def by_loops(matrix, x, target, runs, fit, bound, smooth, p, momentum):
    """The original's steps for a linear network: no step size, and the momentum's own past is not damped otherwise."""
    speed = np.zeros_like(x)
    for _ in range(runs):
        gradient = fit * 2 * ((matrix @ x.ravel() - target.ravel()) @ matrix).reshape(x.shape)
        gradient = gradient + bound * p * np.sign(x) * np.abs(x) ** (p - 1)
        for a, b, c in np.ndindex(*x.shape[1:]):
            for i, j in ((a - 1, b), (a + 1, b), (a, b - 1), (a, b + 1)):
                if 0 <= i < x.shape[1] and 0 <= j < x.shape[2]:
                    gradient[0, a, b, c] += smooth * (x[0, a, b, c] - x[0, i, j, c])
        speed = momentum * speed - gradient
        x = x + speed
    return x[0]


@pytest.mark.parametrize("runs", [0, 1, 2, 7])
def test_the_steps(runs):
    net, x = linear(), inputs(1, "float64", size=SIZE)
    target = np.array([1.0, -2.0, 0.0, 3.0, -4.0]).reshape(1, 1, 1, 5)
    matrix = net.nodes[0].layer.weights
    image = reconstruction(net, x, target, runs, 4, 1e-6, 0.01, 0.02, 0.8)
    np.testing.assert_allclose(image, by_loops(matrix, x, target, runs, 0.02, 1e-6, 0.01, 4, 0.8), rtol=1e-9)
    assert image.shape == SIZE


def test_the_default_factors():
    net, x = linear(), inputs(1, "float64", size=SIZE)
    target = np.array([1.0, -2.0, 0.0, 3.0, -4.0]).reshape(1, 1, 1, 5)
    image = reconstruction(net, x, target, 3)
    factors = (1 / 30, 1 / (12 * 128**6), 1 / (12 * 128**2 * 0.01**2))
    expected = by_loops(net.nodes[0].layer.weights, x, target, 3, *factors, 6, 0.9)
    np.testing.assert_allclose(image, expected, rtol=1e-9)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_dtype_is_that_of_the_start(dtype):
    net, x = linear(dtype), inputs(1, dtype, size=SIZE)
    target = np.ones((1, 1, 1, 5), dtype)
    factors = [np.float64(1e-3)] * 3
    image = reconstruction(net, x, target, 2, np.int64(2), *factors, np.float64(0.5))
    assert image.dtype == dtype
    assert np.abs(image - x[0]).max() > 0


def test_a_term_without_factor_is_left_out():
    """Where its gradient overflows, 0 times infinity would be NaN."""
    x = np.full((1, *SIZE), 1e10, "float32")
    image = reconstruction(linear("float32"), x, np.ones((1, 1, 1, 5), "float32"), 2, **OFF)
    np.testing.assert_array_equal(image, x[0])


def test_the_target_belongs_to_the_last_layer():
    net, x = classifier(), inputs()
    cut = net.upto("pool1")
    target = cut.forward(inputs(seed=1)).output
    image = reconstruction(cut, x, target, 2)
    assert np.abs(image - x[0]).max() > 0
    with pytest.raises(ShapeError, match=r"the target has shape \(1, 6, 5, 8\), expected the output's \(1, 1, 1, 7\)"):
        reconstruction(net, x, target, 2)


def test_batch_normalisation_goes_back_by_the_batch_with_its_own_epsilon():
    norm = BatchNorm(np.array([1.0, -2.0]), np.array([0.1, 0.2]), np.array([[1.0, 20.0], [2.0, 30.0]]), epsilon=40.0)
    net, x = refvis.chain({"relu": ReLU(), "bn": norm}), inputs(1, "float64", size=SIZE)
    target = np.ones((1, *SIZE))
    image = reconstruction(net, x, target, 1, **{**OFF, "target_factor": 100.0})
    trace = net.forward(x)
    training = replace(norm, moments=None)
    (signal,) = layers.backward(training, 2 * (trace["x2"] - target), None, trace["x1"])
    (expected,) = layers.backward(ReLU(), signal, None, x)
    np.testing.assert_allclose(image, (x - 100 * expected)[0], rtol=1e-9)
    assert np.abs(expected).max() > 1e-3
    with pytest.raises(ValueError, match=r"layer 'bn' .* of a DagNN"):
        reconstruction(net, x, target, 1, version="dagnn")


def test_bad_input_is_named():
    net, x = linear(), inputs(1, "float64", size=SIZE)
    target = np.zeros((1, 1, 1, 5))
    with pytest.raises(ValueError, match="the target is zero everywhere: give target_factor"):
        reconstruction(net, x, target)
    assert reconstruction(net, x, target, 1, target_factor=1).shape == SIZE
    with pytest.raises(ShapeError, match="one image"):
        reconstruction(net, inputs(2, "float64", size=SIZE), target)
    with pytest.raises(ValueError, match="runs is -1, expected 0 or more"):
        reconstruction(net, x, target, -1)
    with pytest.raises(ValueError, match="version is 1"):
        reconstruction(net, x, target, version=1)
    loss = refvis.Network([*net.nodes, Node("loss", layers.SoftmaxLoss(), ("x1", "label"), "x2")])
    with pytest.raises(ValueError, match="layer 'loss' was not computed"):
        reconstruction(loss, x, target)
