"""Records of the backward pass: array seeds, class names, scores, the bounds of boxes, and names that are no modes."""

from functools import partial

import numpy as np
import pytest
from support.same import assert_same
from support.small_nets import AVERAGE, LABELS, classifier, inputs, meta

import refvis
from refvis import modes
from refvis.backpropagation.rules import METHODS
from refvis.layers import Conv, lrp

METHODS_WITH_A_SCORE = (
    partial(refvis.deconvolution, mode="epsilon"),
    refvis.gradient_times_input,
    partial(refvis.integrated_gradients, steps=2),
    refvis.deeplift,
    refvis.cam,
    refvis.grad_cam,
    refvis.guided_grad_cam,
    refvis.linear_approximation,
    partial(refvis.smoothgrad, samples=2),
    partial(refvis.vargrad, samples=2),
    partial(refvis.excitation_backprop, layer="conv2"),
)


def seed(*channels):
    """Return a seed for conv2 of one image, at these channels."""
    array = np.zeros((1, 4, 3, 10), "float32")
    array[..., channels] = -2
    return array


def test_given_seeds_name_their_channels_and_not_the_strongest():
    net, x = classifier(), inputs()
    heatmap = refvis.deconvolution(net, x, "gradient", "conv2", seed=seed(3, 7))
    assert heatmap.record.parameters == {"mode": "gradient", "at": "x5", "seed": "given", "seed_channels": "3, 7"}
    assert heatmap.record.explained == "conv2 (x5), seed in channels 3, 7"
    assert heatmap.measures == {}
    kept = refvis.ledger(net, x, "epsilon", "conv2", seed=seed(3))
    assert str(kept).startswith("epsilon: from conv2 (x5), seed in channels 3, down to the input; seed: given;")
    for given, text in ((seed(), "none"), (seed(*range(9)), "9 of 10")):
        heatmap = refvis.deconvolution(net, x, "gradient", "conv2", seed=given)
        assert heatmap.record.parameters["seed_channels"] == text


def test_a_given_seed_goes_with_no_channel_or_with_one_for_each_row():
    net, x = classifier(), inputs()
    rows = np.concatenate([seed(3), seed(7)])
    heatmap = refvis.deconvolution(net, x, "gradient", "conv2", [3, 7], rows)
    assert heatmap.record.parameters["channel"] == [3, 7]
    assert heatmap.record.parameters["seed"] == "given, a row for each channel"
    for function in (refvis.deconvolution, refvis.ledger):
        with pytest.raises(ValueError, match="and channel is 3: leave channel out, or name one for each row"):
            function(net, x, "epsilon", "conv2", 3, seed(3))


@pytest.mark.parametrize("at", [None, "fc3", "x8", "prob"])
def test_classes_have_names_at_the_scores_and_their_softmax(at):
    net, x = classifier(), inputs()
    dog, cat = LABELS.index("dog"), LABELS.index("cat")
    by_name = refvis.deconvolution(net, x, "epsilon", at, "dog", against="cat")
    by_number = refvis.deconvolution(net, x, "epsilon", at, dog, against=cat)
    assert_same(by_name.values, by_number.values)
    assert by_name.record == by_number.record
    assert by_name.record.explained.endswith(", channel 3 (dog), against 2 (cat)")
    assert refvis.grad_cam(net, x, at, ["gnu", 1]).record.parameters["channel"] == [6, 1]


def test_names_that_are_none():
    net, x = classifier(), inputs()
    with pytest.raises(ValueError, match="there is no class 'dogs': did you mean 'dog'"):
        refvis.deconvolution(net, x, channel="dogs")
    with pytest.raises(ValueError, match="there is no class 'zebra': give the channel's number"):
        refvis.deconvolution(net, x, channel=1, against="zebra")
    with pytest.raises(ValueError, match="there is no named channel 'dog'"):
        refvis.deconvolution(net, x, at="conv2", channel="dog")
    twice = net.with_images(classes=["ant", "dog", "cat", "dog", "elk", "fox", "gnu"])
    with pytest.raises(ValueError, match="2 classes are called 'dog': give the channel's number, 1 or 3"):
        refvis.deconvolution(twice, x, channel="dog")


@pytest.mark.parametrize("method", METHODS_WITH_A_SCORE)
def test_the_score_is_measured(method):
    net, x = classifier(), inputs(2, "float64")
    scores = net.forward(x)["fc3"][:, 0, 0]
    heatmap = method(net, x, channel=[4, 1])
    assert heatmap.record.input == refvis.deconvolution(net, x).record.input
    np.testing.assert_allclose(heatmap.measures["score"], scores[:, [4, 1]].ravel(), rtol=1e-12)
    heatmap = method(net, x)
    np.testing.assert_allclose(heatmap.measures["score"], scores.max(axis=1), rtol=1e-12)


def test_boxes_of_a_mode_by_name_have_the_bounds_of_pixels():
    net = classifier()
    x = net.preprocess(np.random.default_rng(0).integers(0, 256, (13, 11, 3)).astype("uint8"))
    low, high = -AVERAGE, 255 - AVERAGE
    values, signals = (lambda one: one.values), (lambda one: one.signals["x0"])
    for function, arrays in ((refvis.deconvolution, values), (refvis.ledger, signals)):
        heatmap = function(net, x, "epsilon_gamma_box")
        bounded = function(net, x, modes.with_box("epsilon_gamma_box", low, high))
        assert_same(arrays(heatmap), arrays(bounded))
        assert heatmap.record.parameters["box"] == "pixels 0 ... 255 minus the average image"
        assert "box" not in bounded.record.parameters
        tight = function(net, x, modes.EPSILON_GAMMA_BOX)
        assert tight.record.parameters["box"].startswith("the range of each image: the mode is a table")
        assert np.abs(arrays(tight) - arrays(heatmap)).max() > 1e-3 * np.abs(arrays(heatmap)).max()
    assert "\nbox: pixels 0 ... 255 minus the average image\n" in str(refvis.ledger(net, x, "deep_taylor_box"))
    assert "box" not in refvis.deconvolution(net, x, "epsilon_plus").record.parameters


def test_boxes_hold_what_resizing_leaves_beyond_the_pixels():
    net = classifier()
    x = net.preprocess(np.zeros((13, 11, 3), "uint8"))
    x[0, 3, 4, 1], x[0, 5, 6, 2] = -110 - 3.25, 155 + 7
    box = refvis.deconvolution(net, x, "deep_taylor_box").record.parameters["box"]
    assert box == "pixels -4 ... 263 minus the average image"


def test_boxes_are_tight_where_pixels_have_no_bounds():
    x = inputs()
    full = np.arange(13 * 11 * 3.0).reshape(13, 11, 3) / 10 + 100
    for average, words in (
        (None, "the range of each image: the model stores no average image"),
        (full, "pixels"),
        (np.float32(100).reshape(1, 1, 1), "pixels"),
    ):
        net = refvis.Network(classifier().nodes, meta=meta(average))
        heatmap = refvis.deconvolution(net, x, "deep_taylor_box", channel=[1, 2])
        assert heatmap.record.parameters["box"].startswith(words)
        tight = refvis.deconvolution(net, x, modes.DEEP_TAYLOR_BOX, channel=[1, 2]).values
        assert (np.abs(heatmap.values - tight).max() == 0) == words.startswith("the range of each image")
    two = refvis.deconvolution(net, np.concatenate([x, x]), "deep_taylor_box", channel=[1, 2]).values
    np.testing.assert_allclose(two[:2], two[2:], rtol=0, atol=1e-6 * np.abs(two).max())
    small = refvis.Network(classifier().nodes, meta=meta(full[:5]))  # an average image of another size is resized
    box = refvis.ledger(small, x, "deep_taylor_box").record.parameters["box"]
    assert box.startswith("pixels")
    shifted = refvis.chain({"norm": refvis.layers.LRN(), **{node.name: node.layer for node in net.nodes}}, meta())
    box = refvis.deconvolution(shifted, x, "deep_taylor_box").record.parameters["box"]
    assert box == "the range of each image: the box rule is not at the input"


def test_a_mode_of_ones_own_is_recorded_by_what_was_applied():
    bounds = np.zeros((1, 13, 11, 3), "float32")
    mode = modes.EPSILON | {"conv1": partial(lrp.box, low=bounds - 500, high=500.0), Conv: lrp.gamma}
    mode_text = refvis.deconvolution(classifier(), inputs(), mode, at="relu1").record.parameters["mode"]
    assert mode_text == "conv1  lrp.box(low=1x13x11x3 float32, high=500.0)\nrelu1  lrp.passes"
    assert refvis.smoothgrad(classifier(), inputs(), mode, "relu1", samples=1).record.parameters["mode"] == mode_text


@pytest.mark.parametrize("name", [*METHODS, "IntegratedGradients", "grad-cam", "gradcam"])
def test_methods_that_are_no_mode_are_named(name):
    net, x = classifier(), inputs()
    for function in (refvis.deconvolution, refvis.ledger, refvis.smoothgrad):
        with pytest.raises(ValueError, match=r"is not a mode but a separate method: call refvis\.\w+\(net, x\)") as err:
            function(net, x, name)
        assert callable(getattr(refvis, str(err.value).partition("refvis.")[2].partition("(")[0]))
