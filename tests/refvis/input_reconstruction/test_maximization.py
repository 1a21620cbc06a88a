"""Activation maximisation: what is maximised, by which recipe, and what comes of it."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from support.numeric import central
from support.same import assert_same
from support.small_nets import SIZE, classifier, inputs, linear

import refvis
from refvis.input_reconstruction.activation_maximization import activation
from refvis.input_reconstruction.image.projections import Sphere
from refvis.input_reconstruction.objective.dead_relu import dead_relu_gradient, dead_relu_mode
from refvis.input_reconstruction.objective.objective import Term
from refvis.input_reconstruction.presets import PRESETS
from refvis.input_reconstruction.recipe import Recipe
from refvis.layers import LRN, BatchNorm, Conv, Pool, ReLU
from refvis.optimisation.optimisers import Momentum
from refvis.optimisation.regularisers import lp
from refvis.targets import Target

PLAIN = Recipe(steps=5)


@pytest.mark.parametrize("at", ["conv2", None])
@pytest.mark.parametrize(
    ("channel", "against", "position"),
    [(2, None, None), ((1, 4), 0, None), ("all", None, None), ((3, 5), (5, 3), (0, 0))],
)
def test_what_is_maximised(at, channel, against, position):
    net = classifier()
    result = refvis.activation_maximization(net, at, channel, PLAIN, against=against, position=position)
    variable = net.scores if at is None else net.variable(at)
    values = net.forward(result.x)[variable].astype("float64")
    channels = channel if isinstance(channel, tuple) else (channel,)
    assert result.x.shape == (len(channels), *SIZE)
    for row, (one, value) in enumerate(zip(values, channels, strict=True)):
        maps = one.sum(axis=2) if value == "all" else one[..., value]
        if against is not None:
            maps = maps - one[..., against[row] if isinstance(against, tuple) else against]
        expected = maps.mean() if position is None else maps[position]
        np.testing.assert_allclose(result.measures["activation"][row], expected, rtol=1e-4, atol=1e-4)
    last = (
        np.atleast_2d(result.history["activation"])[..., -1] if len(channels) == 1 else result.history["activation"][-1]
    )
    np.testing.assert_allclose(-np.ravel(last), result.measures["activation"], rtol=1e-4, atol=1e-4)
    assert (result.measures["activation"] > -np.atleast_1d(result.history["activation"][0])).all()


def test_the_slope_of_what_is_maximised():
    net = classifier()
    values = np.random.default_rng(0).normal(size=(2, 4, 3, 10))
    for goal in (
        Target(net, "x5", (3, 7)),
        Target(net, "x5", (3, 7), (1, 2)),
        Target(net, "x5", (3, None), (), (2, 1)),
    ):
        direction = np.random.default_rng(1).normal(size=values.shape)
        slope = central(lambda v, goal=goal: activation(v, goal)[0].sum(), values, direction)
        np.testing.assert_allclose((activation(values, goal)[1] * direction).sum(), slope, rtol=1e-6)


def test_classes_may_be_named():
    net = classifier()
    named = refvis.activation_maximization(net, None, ("fox", "ant"), PLAIN, against="cat", steps=3)
    numbered = refvis.activation_maximization(net, "fc3", (5, 0), PLAIN, against=2, steps=3)
    assert_same(named.x, numbered.x)
    assert named.record.parameters["channel"] == [5, 0]
    assert named.record.parameters["against"] == [2, 2]
    of_softmax = refvis.activation_maximization(net, "prob", "bee", PLAIN, steps=3)
    assert_same(of_softmax.x, refvis.activation_maximization(net, "prob", 1, PLAIN, steps=3).x)


def test_every_channel_is_the_default():
    result = refvis.activation_maximization(classifier(), recipe=PLAIN)
    assert result.x.shape == (7, *SIZE)
    assert result.history["activation"].shape == (6, 7)
    assert result.record.parameters["channel"] == list(range(7))


def test_the_best_image_on_a_sphere_is_the_filter():
    """A linear unit's image of fixed norm is its weights', whatever the start (Erhan et al. 2009)."""
    net = linear()
    weights = net.nodes[0].layer.filters
    recipe = Recipe(projections=(Sphere(3.0),), optimiser=Momentum(0.5, normalised=True), steps=60)
    result = refvis.activation_maximization(net, "sum", (1, 3), recipe, size=SIZE[:2], start=inputs(dtype="float64"))
    for x, channel in zip(result.x, (1, 3), strict=True):
        np.testing.assert_allclose(x, weights[channel] * 3 / np.sqrt((weights[channel] ** 2).mean()), atol=0.05)


def test_the_best_image_with_an_l2_term_is_the_filters_multiple():
    """w . x - l |x|^2 is largest at x = w / 2 l (Simonyan et al. 2014)."""
    net = linear()
    decay = Term("l2", partial(lp, p=2.0, sigma=1.0), 143.0 * 3)  # 13 x 11 x 3 values: their sum
    recipe = Recipe((decay,), optimiser=Momentum(0.1, momentum=0.5), steps=60, noise=0.0)
    result = refvis.activation_maximization(net, "sum", 4, recipe, size=SIZE[:2], start=inputs(dtype="float64"))
    np.testing.assert_allclose(result.x[0], net.nodes[0].layer.filters[4] / 2, atol=1e-6)


@pytest.mark.parametrize("name", PRESETS)
def test_recipes_excite(name):
    net = classifier()
    one = refvis.activation_maximization(net, "conv2", 3, name, steps=40)
    assert one.measures["activation"][0] > -one.history["activation"][0] + 0.1
    assert one.record.parameters["recipe"] == name
    again = refvis.activation_maximization(net, "conv2", 3, replace(PRESETS[name](2), steps=40))
    assert_same(one.x, again.x)
    assert again.record.parameters | {"recipe": name} == one.record.parameters
    assert {type(value) for value in one.record.flat().values()} <= {int, float, str, bool}
    assert "0x" not in str(one.record)


def test_channels_and_starts_do_not_depend_on_their_company():
    net = classifier()
    both = refvis.activation_maximization(net, "conv2", (5, 2), "olah2017", steps=4, starts=3, seed=1)
    alone = refvis.activation_maximization(net, "conv2", 2, "olah2017", steps=4, starts=3, seed=1)
    assert both.starts.shape == (2, 3, *SIZE)
    np.testing.assert_allclose(both.starts[1], alone.starts[0], atol=1e-2)
    first = refvis.activation_maximization(net, "conv2", 2, "olah2017", steps=4, seed=1)
    distances = np.abs(alone.starts[0] - first.x).max(axis=(1, 2, 3))
    assert (distances < 1e-2).sum() == 1


def test_the_best_start_comes_first():
    net = classifier()
    result = refvis.activation_maximization(net, "fc3", (0, 6), PLAIN, starts=4)
    np.testing.assert_array_equal(result.x, result.starts[:, 0])
    assert (np.diff(result.measures["objective"], axis=1) >= 0).all()
    for images, values in zip(result.starts, result.measures["objective"], strict=True):
        assert len(np.unique(images.reshape(4, -1), axis=0)) == 4
        assert len(np.unique(values)) > 1
    np.testing.assert_allclose(result.measures["objective"][:, 0], -result.measures["activation"], rtol=1e-4)


def test_precision_is_that_of_the_start():
    net = classifier()
    assert refvis.activation_maximization(net, "conv2", 1, PLAIN).x.dtype == "float32"
    assert refvis.activation_maximization(net, "conv2", 1, PLAIN, start=inputs(dtype="float64")).x.dtype == "float64"


def test_layers_that_mix_images_have_one():
    mixing = BatchNorm(np.ones(5), np.zeros(5))
    net = refvis.chain({"sum": linear(dtype="float32").nodes[0].layer, "norm": mixing})
    with pytest.raises(ValueError, match="layer 'norm' mixes the images of a batch"):
        refvis.activation_maximization(net, "norm", (0, 1), PLAIN, size=SIZE[:2])
    assert refvis.activation_maximization(net, "norm", 0, PLAIN, size=SIZE[:2]).x.shape == (1, *SIZE)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"channel": 7}, r"channel 7 of 'fc3 \(x8\)': expected 0 \.\.\. 6"),
        ({"channel": "cats"}, "there is no class 'cats': did you mean 'cat'"),
        ({"channel": 2, "against": "cats"}, "there is no class 'cats': did you mean 'cat'"),
        ({"at": "conv2", "channel": "cat"}, "there is no named channel 'cat'"),
        ({"channel": "cat", "against": "cat"}, "against itself"),
        ({"channel": 2, "against": 2}, "against itself"),
        ({"at": "fc9"}, "no layer or variable 'fc9'"),
        ({"at": "conv2", "position": (9, 0)}, r"position \(9, 0\) of 'conv2 \(x5\)'"),
        ({"recipe": "olah"}, "there is no recipe 'olah', expected one of 'erhan2009'"),
        ({"start": np.ones((3, *SIZE))}, r"the start has shape \(3, 13, 11, 3\), expected \(7, 13, 11, 3\) or"),
        ({"start": np.full((1, *SIZE), np.nan)}, "NaN"),
    ],
)
def test_what_does_not_exist_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        refvis.activation_maximization(classifier(), **options)


def test_the_size_must_be_known():
    with pytest.raises(ValueError, match=r"does not say how large images are: give their size, H x W"):
        refvis.activation_maximization(linear(), "sum", 0, PLAIN)


def test_regularisers_are_of_the_image():
    with pytest.raises(ValueError, match="the regulariser 'a' is of 'x5'"):
        Recipe((Term("a", partial(lp, p=2.0, sigma=1.0), 1.0, "x5"),))


def dead():
    """A channel that is off for noise, behind a ReLU, pooling and LRN, and one that is on."""
    filters = np.random.default_rng(3).normal(size=(2, 3, 3, 3)).astype("float32") / 50
    biases = np.array([-4.0, 1.0], "float32")
    layers = {
        "conv": Conv(filters, biases),
        "relu": ReLU(),
        "pool": Pool(2, 2),
        "norm": LRN(),
        "sum": Conv(filters[:1, :, :, :2]),
    }
    return refvis.chain(layers, {"normalization": {"imageSize": SIZE}})


@pytest.mark.parametrize("at", ["relu", "pool", "norm"])
def test_dead_units_become_active(at):
    result = refvis.activation_maximization(dead(), at, None, Recipe(steps=60, noise=1.0))
    np.testing.assert_array_equal(result.history["activation"][0, 0], 0)
    assert result.history["activation"][0, 1] < 0
    assert (result.measures["activation"] > 1).all()


def test_only_maps_without_a_gradient_pass_the_signal():
    random = np.random.default_rng(0)
    x, signal = (random.normal(size=(2, 4, 3, 5)) for _ in range(2))
    x[0, ..., 2], x[1, ..., 4] = -1, -1
    signal[1, ..., 0], signal[1, 1, 1, 0] = 0, -3
    x[1, 1, 1, 0] = -0.5  # the only position with a signal is inactive
    (result,) = dead_relu_gradient(ReLU(), signal, None, x)
    expected = signal * (x > 0)
    expected[0, ..., 2], expected[1, ..., 4], expected[1, 1, 1, 0] = signal[0, ..., 2], signal[1, ..., 4], -3
    np.testing.assert_array_equal(result, expected)


def test_the_relu_that_passes_the_signal():
    net = dead()
    for at, name in (("relu", "relu"), ("pool", "relu"), ("norm", "relu"), ("conv", None), ("sum", None)):
        rules = dead_relu_mode(net, net.variable(at))
        assert [key for key in rules if isinstance(key, str)] == ([name] if name else [])
