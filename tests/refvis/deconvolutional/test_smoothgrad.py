"""SmoothGrad, its square and VarGrad: moments of the signals at noisy copies of the image."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.same import assert_same
from support.small_nets import classifier, inputs, linear

import refvis
from refvis.deconvolutional.noise import mean, mean_square, variance
from refvis.layers import ReLU, modes, relu

METHODS = (refvis.smoothgrad, refvis.smoothgrad_squared, refvis.vargrad)
FEW = {"samples": 6, "seed": 3, "noise": 0.2}


def close(actual, expected, relative=1e-11):
    assert actual.shape == expected.shape
    np.testing.assert_allclose(actual, expected, rtol=0, atol=relative * np.abs(expected).max())


def noisy(x, number, seed, noise):
    """Copy `number` of each image: the same draw, by the range of the image."""
    drawn = np.random.default_rng([seed, number]).standard_normal((1, *x.shape[1:]))
    sizes = np.array([noise * (float(image.max()) - float(image.min())) for image in x])
    return x + drawn.astype(x.dtype) * sizes.astype(x.dtype).reshape(-1, 1, 1, 1)


@pytest.mark.parametrize("mode", ["gradient", "guided", "epsilon", modes.GRADIENT | {ReLU: relu.deconvnet}])
@pytest.mark.parametrize(
    "options", [{"channel": 2}, {"channel": (1, 5), "against": 3}, {"at": "conv2", "channel": 4, "position": (1, 2)}]
)
def test_they_are_moments_of_the_signals(mode, options):
    net, x = classifier(), inputs(2, "float64")
    each = [refvis.deconvolution(net, noisy(x, i, 3, 0.2), mode, **options).values for i in range(6)]
    expected = np.mean(each, axis=0), np.mean(np.square(each), axis=0), np.var(each, axis=0)
    for method, values in zip(METHODS, expected, strict=True):
        heatmap = method(net, x, mode, **options, **FEW)
        close(heatmap.values, values, 1e-9)
        assert heatmap.signed == (mode == "epsilon" and method is refvis.smoothgrad)
        made = heatmap.record.parameters
        assert (made["noise"], made["samples"], made["seed"]) == (0.2, 6, 3)
        assert ("relu.deconvnet" in made["mode"]) == (not isinstance(mode, str))


def test_none_is_the_strongest_without_noise():
    net, x = classifier(), inputs(3)
    best = refvis.deconvolution(net, x, "gradient")
    heatmap = refvis.smoothgrad(net, x, noise=3.0, samples=4)
    assert heatmap.record.parameters["channel"] == best.record.parameters["channel"]
    for n, k in enumerate(net.forward(x)["x8"].reshape(3, 7).argmax(axis=1)):
        alone = refvis.smoothgrad(net, x[n : n + 1], channel=int(k), noise=3.0, samples=4)
        assert_same(heatmap.values[n], alone.values[0])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("method", METHODS)
def test_batches_do_not_matter(method, dtype):
    net, x = classifier(), inputs(2, dtype)
    whole = method(net, x, channel=(1, 2), **FEW)
    assert whole.values.dtype == dtype
    for batch in (1, 4, 50):
        close(
            method(net, x, channel=(1, 2), batch=batch, **FEW).values,
            whole.values,
            1e-4 if dtype == "float32" else 1e-11,
        )


@pytest.mark.parametrize("method", METHODS)
def test_the_same_seed_gives_the_same_map(method):
    net, x = classifier(), inputs(1)
    first, second = (method(net, x, samples=5, seed=8).values for _ in range(2))
    assert_same(first, second)
    assert np.abs(first - method(net, x, samples=5, seed=9).values).max() > 0
    images = method(net, inputs(2), channel=1, samples=5, seed=8)
    close(images.values[:1], method(net, x, channel=1, samples=5, seed=8).values, 1e-4)


def test_without_noise_it_is_the_signal():
    net, x = classifier(), inputs(2, "float64")
    signal = refvis.deconvolution(net, x, "guided").values
    close(refvis.smoothgrad(net, x, "guided", noise=0, samples=3).values, signal)
    close(refvis.smoothgrad_squared(net, x, "guided", noise=0, samples=3).values, signal**2)
    assert_same(refvis.vargrad(net, x, "guided", noise=0, samples=3, batch=3).values, np.zeros_like(x))


def test_of_a_linear_network_it_is_the_gradient():
    """As are integrated gradients, over the way that they went."""
    net, x = linear(), inputs(2, "float64")
    gradient = refvis.deconvolution(net, x, "gradient", channel=range(5)).values
    close(refvis.smoothgrad(net, x, channel=range(5), **FEW).values, gradient)
    assert refvis.vargrad(net, x, channel=range(5), **FEW).values.max() < 1e-25
    integrated = refvis.integrated_gradients(net, x, steps=3, channel=range(5)).values
    close(integrated / np.repeat(x, 5, axis=0), gradient, 1e-9)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@given(seed=st.integers(0, 99), count=st.integers(1, 9), offset=st.sampled_from([0.0, 3.0, -1e6]))
def test_the_variance_is_never_negative(dtype, seed, count, offset):
    """Close to a large offset, the difference of the mean square and the squared mean is often below zero."""
    values = (np.random.default_rng(seed).normal(offset, 0.01, (count, 5))).astype(dtype)
    actual = variance(iter(values))
    assert actual.dtype == dtype
    assert actual.min() >= 0
    expected = values.astype("float64").var(axis=0)
    rounding = np.finfo(dtype).eps * np.abs(values).max()
    np.testing.assert_allclose(actual, expected, rtol=1e-4, atol=10 * rounding * (rounding + 0.1))
    np.testing.assert_allclose(mean(iter(values)), values.mean(axis=0), rtol=1e-6)
    gap = mean_square(iter(values)) - mean(iter(values)) ** 2
    np.testing.assert_allclose(actual, gap, rtol=1e-3, atol=20 * np.finfo(dtype).eps * (values**2).max())


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"noise": -0.1}, r"noise is -0\.1, expected a share of the image's range, 0 or more"),
        ({"noise": np.nan}, "noise is nan"),
        ({"samples": 0}, "samples is 0, expected 1 or more"),
        ({"batch": 0}, "batch is 0, expected 1 or more"),
        ({"mode": "magic"}, "unknown mode 'magic'"),
        ({"at": "conv9"}, "no layer or variable 'conv9'"),
    ],
)
def test_wrong_choices_are_refused(method, options, message):
    with pytest.raises(ValueError, match=message):
        method(classifier(), inputs(), **options)


@pytest.mark.parametrize("method", METHODS)
def test_nan_is_refused(method):
    x = inputs()
    x[0, 3, 4, 1] = np.nan
    with pytest.raises(ValueError, match="NaN"):
        method(classifier(), x)
