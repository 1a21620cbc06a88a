"""The deconvolutional methods equal the backward pass of the engine; their seeds and records."""

from functools import partial

import numpy as np
import pytest
from support.same import assert_same
from support.small_nets import classifier, inputs

import refvis
from refvis.layers import ReLU, lrp, modes, relu

MODES = ("gradient", "deconvnet", "guided", "epsilon")


def by_hand(net, x, mode, variable, channel, start):
    """Forward, a seed in one channel of each image, backward."""
    trace = net.forward(x)
    seed = np.zeros_like(trace[variable])
    for n in range(len(x)):
        k = trace[variable][n].sum(axis=(0, 1)).argmax() if channel is None else channel
        seed[n, :, :, k] = trace[variable][n, :, :, k] if start == "activation" else 1
    return net.backward(trace, {variable: seed}, mode)["x0"]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("at", "variable"), [(None, "x8"), ("fc3", "x8"), ("conv2", "x5"), ("x2", "x2"), ("x9", "x9")])
@pytest.mark.parametrize("mode", MODES)
def test_it_is_backward_by_hand(mode, at, variable, dtype):
    net, x = classifier(), inputs(2, dtype)
    start = "activation" if mode == "epsilon" else "one"
    for channel in (None, 4):
        heatmap = refvis.deconvolution(net, x, mode, at=at, channel=channel)
        assert_same(heatmap.values, by_hand(net, x, mode, variable, channel, start))
        assert heatmap.values.dtype == dtype
        assert np.abs(heatmap.values).max() > 0
    assert heatmap.signed == (mode == "epsilon")
    assert heatmap.record.method == "deconvolution"
    assert heatmap.record.parameters == {"mode": mode, "at": variable, "channel": 4, "seed": start}
    assert (heatmap.record.model, heatmap.record.fingerprint) == (net.name, net.fingerprint)
    assert_same(heatmap.picture, net.restore(x[:1]))


@pytest.mark.parametrize("mode", MODES)
def test_seeds(mode):
    net, x = classifier(), inputs(2)
    for start in ("one", "activation"):
        heatmap = refvis.deconvolution(net, x, mode, at="conv2", channel=6, seed=start)
        assert_same(heatmap.values, by_hand(net, x, mode, "x5", 6, start))
        assert heatmap.record.parameters["seed"] == start
    seed = inputs(2, size=(4, 3, 10))
    heatmap = refvis.deconvolution(net, x, mode, at="conv2", seed=seed)
    assert_same(heatmap.values, net.backward(net.forward(x), {"x5": seed}, mode)["x0"])
    assert heatmap.record.parameters["seed"] == "given"


def test_wrong_seeds_are_refused():
    net, x = classifier(), inputs()
    with pytest.raises(ValueError, match="the seed is 'two', expected 'one', 'activation' or an array"):
        refvis.deconvolution(net, x, seed="two")
    with pytest.raises(refvis.ShapeError, match=r"\(1, 4, 3, 7\), expected \(1, 4, 3, 10\)"):
        refvis.deconvolution(net, x, at="conv2", seed=np.ones((1, 4, 3, 7), "float32"))


def test_none_is_the_strongest_channel_of_each_image():
    net, x = classifier(), inputs(6)
    best = net.forward(x)["x8"].reshape(6, 7).argmax(axis=1)
    assert len(set(best)) > 1, "the images are expected to differ"
    heatmap = refvis.deconvolution(net, x, "gradient")
    for n, k in enumerate(best):
        one = refvis.deconvolution(net, x[n : n + 1], "gradient", channel=int(k))
        np.testing.assert_allclose(heatmap.values[n], one.values[0], rtol=1e-4, atol=1e-6)
    assert heatmap.record.parameters["channel"] == [[k] for k in best], "the record has each image's own"


@pytest.mark.parametrize("mode", MODES)
def test_a_batch_is_its_images_one_by_one(mode):
    net, x = classifier(), inputs(3, "float64")
    together = refvis.deconvolution(net, x, mode, at="relu1", channel=2).values
    for n in range(3):
        alone = refvis.deconvolution(net, x[n : n + 1], mode, at="relu1", channel=2).values
        np.testing.assert_allclose(together[n], alone[0], rtol=1e-10, atol=1e-13 * np.abs(together).max())


def test_gradient_is_the_derivative_of_the_maps_sum():
    net, x = classifier(), inputs(dtype="float64")
    gradient = refvis.deconvolution(net, x, "gradient", at="conv2", channel=3).values
    direction = inputs(dtype="float64", seed=9) / 40
    h = 1e-5
    up, down = (net.forward(x + s * h * direction)["x5"][..., 3].sum() for s in (1, -1))
    np.testing.assert_allclose((gradient * direction).sum(), (up - down) / (2 * h), rtol=1e-6)


@pytest.mark.parametrize("at", [None, "conv2", "relu1"])
def test_relevance_adds_up_to_the_score_without_biases(at):
    net, x = classifier(biases=False), inputs(dtype="float64")
    heatmap = refvis.deconvolution(net, x, "epsilon", at=at)
    channel = heatmap.record.parameters["channel"]
    score = net.forward(x)[net.scores if at is None else net.variable(at)][..., channel].sum()
    np.testing.assert_allclose(heatmap.map.sum(), score, rtol=1e-4)
    assert abs(score) > 0.1


def test_relevance_does_not_add_up_with_biases():
    net, x = classifier(), inputs(dtype="float64") / 20
    heatmap = refvis.deconvolution(net, x, "epsilon")
    score = net.forward(x)["x8"].max()
    assert abs(heatmap.map.sum() - score) > 1e-3 * abs(score), "biases are expected to take their share"


def test_a_table_of_rules():
    net, x = classifier(), inputs()
    table = modes.GRADIENT | {ReLU: relu.guided}
    heatmap = refvis.deconvolution(net, x, table)
    assert_same(heatmap.values, refvis.deconvolution(net, x, "guided").values)
    assert "relu.guided" in heatmap.record.parameters["mode"]
    mixed = refvis.deconvolution(net, x, modes.GRADIENT | {"relu2": relu.deconvnet})
    trace = net.forward(x)
    seed = np.where(trace["x8"] == trace["x8"].max(), np.float32(1), np.float32(0))
    by_name = net.backward(trace, {"x8": seed}, modes.GRADIENT | {"relu2": relu.deconvnet})
    assert_same(mixed.values, by_name["x0"])
    assert np.abs(mixed.values - refvis.deconvolution(net, x, "gradient").values).max() > 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"mode": "magic"}, "unknown mode 'magic', expected one of gradient, deconvnet, guided, epsilon"),
        ({"at": "conv9"}, "no layer or variable 'conv9': did you mean"),
        ({"at": "Q"}, "it has 'x1', 'x2'"),
        ({"at": "x0"}, "'x0' is the network's input"),
        ({"channel": 7}, r"channel 7 of 'fc3 \(x8\)': expected 0 \.\.\. 6"),
        ({"channel": -1}, r"channel -1 of 'fc3 \(x8\)': expected 0 \.\.\. 6"),
        ({"mode": modes.EPSILON, "at": None}, None),
        ({"mode": {ReLU: relu.guided}}, "no rule for layer 'fc3' \\(Conv\\)"),
    ],
)
def test_what_does_not_exist_is_refused(options, message):
    net, x = classifier(), inputs()
    if message is None:
        assert refvis.deconvolution(net, x, **options).values.shape == x.shape
        return
    with pytest.raises(ValueError, match=message):
        refvis.deconvolution(net, x, **options)


def test_inputs_that_do_not_fit_are_refused():
    net = classifier()
    with pytest.raises(refvis.ShapeError):
        refvis.deconvolution(net, inputs()[0])
    with pytest.raises(ValueError, match="conv1"):
        refvis.deconvolution(net, inputs(size=(13, 11, 4)))
    x = inputs()
    x[0, 3, 4, 1] = np.nan
    with pytest.raises(ValueError, match="NaN"):
        refvis.deconvolution(net, x)


def test_tables_with_relevance_rules_are_relevance():
    net, x = classifier(), inputs()
    named = refvis.deconvolution(net, x, "epsilon")
    table = refvis.deconvolution(net, x, modes.EPSILON)
    assert_same(table.values, named.values)
    mixed = refvis.deconvolution(net, x, modes.EPSILON | {"conv1": partial(lrp.epsilon, eps=1e-6)})
    assert_same(mixed.values, named.values)
    assert named.signed
    assert table.signed
    assert mixed.signed
    assert mixed.record.parameters["seed"] == "activation"
    assert not refvis.deconvolution(net, x, modes.GRADIENT | {"relu1": relu.guided}).signed
