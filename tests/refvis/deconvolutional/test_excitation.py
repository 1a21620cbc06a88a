"""Excitation backprop: probabilities of a random walk down, and what a class's opposite takes away from them."""

from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.same import assert_same
from support.small_nets import classifier, conv, inputs

import refvis
from refvis.layers import FullyConnected, NormOffset, Pool, ReLU, lrp
from refvis.layers.modes.composites import relevance
from refvis.results.upsampling import upsample_bilinear
from refvis.scenes import TEST_SEEDS, scene

OPTIONS = ({}, {"channel": 2}, {"channel": (4, 0, 4)}, {"channel": "all"}, {"at": "conv2", "channel": (3, 8)})


def close(actual, expected, relative=1e-11):
    assert actual.shape == expected.shape
    np.testing.assert_allclose(actual, expected, rtol=0, atol=relative * np.abs(expected).max())


def walk(weights, responses):
    """Return P at the input by the definition: every unit goes on to those that excite it, the stabiliser is 1e-6."""
    P = np.ones(1)
    for w, x in zip(reversed(weights), reversed(responses), strict=True):
        below = np.zeros(len(x))
        for k, probability in enumerate(P):
            chances = [max(w[k, d], 0) * max(x[d], 0) for d in range(len(x))]
            for d in range(len(x)):
                below[d] += probability * chances[d] / (sum(chances) + 1e-6)
        P = below
    return P


@given(st.integers(0, 999))
def test_it_is_the_slow_walk(seed):
    """The input has five positions of one channel. Units that nothing excites are among them: there the walk ends."""
    random = np.random.default_rng(seed)
    weights = [random.normal(size=shape) for shape in ((6, 5), (7, 6), (1, 7))]
    first, second, third = (FullyConnected(w) for w in weights)
    net = refvis.chain({"fc1": first, "relu1": ReLU(), "fc2": second, "relu2": ReLU(), "fc3": third})
    x = random.normal(size=(1, 1, 5, 1)) * (random.random((5, 1)) < 0.8)
    trace = net.forward(x)
    responses = [trace[name].ravel() for name in ("x0", "x2", "x4")]
    own, opposite = walk(weights, responses), walk([*weights[:2], -weights[2]], responses)
    for contrastive, arrived in ((False, own), (True, own - opposite)):
        heatmap = refvis.excitation_backprop(net, x, layer="x0", contrastive=contrastive)
        np.testing.assert_allclose(heatmap.map[0], np.maximum(arrived, 0), rtol=1e-9, atol=1e-11)
        np.testing.assert_allclose(heatmap.measures["arrived"], arrived.sum(), rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("layer", ["x0", "pool1"])
def test_it_is_a_probability(layer, dtype, options):
    net, x = classifier(), abs(inputs(2, dtype))
    heatmap = refvis.excitation_backprop(net, x, layer=layer, upsample=False, **options)
    assert heatmap.values.dtype == dtype
    assert heatmap.values.shape[1:] == ((13, 11, 1) if layer == "x0" else (6, 5, 1))
    assert (heatmap.values >= 0).all()
    np.testing.assert_allclose(heatmap.values.sum(axis=(1, 2, 3)), 1, rtol=2e-6)
    np.testing.assert_allclose(heatmap.measures["arrived"], 1, rtol=2e-6)
    assert not heatmap.signed


@pytest.mark.parametrize("channel", [2, (4, 0)])
def test_for_responses_it_is_z_plus_without_biases(channel):
    net, x = classifier(), abs(inputs(2, "float64"))
    mode = relevance(partial(lrp.z_plus, bias="absent"))
    expected = refvis.deconvolution(net, x, mode, channel=channel, seed="one", to="pool1").values
    heatmap = refvis.excitation_backprop(net, x, channel=channel, layer="pool1", upsample=False)
    close(heatmap.values, expected.sum(axis=3, keepdims=True))


def turned(net):
    """The network with the opposite of its last weights."""
    last = net.node("fc3").layer
    return refvis.Network(refvis.layers.surgery.replace_layer(net, "fc3", type(last)(-last.filters)).nodes)


def test_contrast_takes_away_the_opposite_and_keeps_what_is_positive():
    net, x = classifier(norm=False), inputs(2, "float64")
    options = {"channel": (3, 6), "layer": "relu1", "upsample": False}
    own, opposite = (refvis.excitation_backprop(one, x, **options).values for one in (net, turned(net)))
    heatmap = refvis.excitation_backprop(net, x, contrastive=True, **options)
    close(heatmap.values, np.maximum(own - opposite, 0))
    assert (own < opposite).any()
    np.testing.assert_allclose(heatmap.measures["arrived"], 0, atol=1e-5)


def test_contrast_tells_classes_apart():
    """On the bundled network. Plain maps of two classes are almost the same, as those of z+ are."""
    net = refvis.load("scenes")
    x = np.concatenate([net.preprocess(scene(seed).image) for seed in TEST_SEEDS[:3]])
    pairs = {}
    for contrastive in (False, True):
        heatmap = refvis.excitation_backprop(net, x, channel=range(10), contrastive=contrastive, upsample=False)
        maps = heatmap.maps.reshape(3, 10, -1)
        pairs[contrastive] = np.array([np.corrcoef(one)[np.triu_indices(10, 1)].mean() for one in maps])
    assert (pairs[False] > 0.99).all()
    assert (pairs[True] < 0.5).all()


@pytest.mark.parametrize("contrastive", [False, True])
def test_units_and_images_are_those_taken_one_by_one(contrastive):
    net, x, channels = classifier(), inputs(3, "float64"), (4, 0, 6)
    options = {"layer": "pool1", "contrastive": contrastive}
    together = refvis.excitation_backprop(net, x, channel=channels, **options)
    for m, channel in enumerate(channels):
        for i in range(3):
            alone = refvis.excitation_backprop(net, x[i : i + 1], channel=channel, **options)
            row = i * 3 + m
            close(together.values[row : row + 1], alone.values)
            assert alone.measures["arrived"].shape == (1,)
    assert together.record.parameters == {
        "at": "x8",
        "channel": [4, 0, 6],
        "layer": "x4",
        "contrastive": contrastive,
        "signed": "clamp",
        "upsample": True,
    }


def test_all_starts_are_equally_likely():
    """Of a target with 12 positions, the map is the mean of the 12 maps."""
    net, x = classifier(), inputs(1, "float64")
    options = {"at": "conv2", "channel": 3, "layer": "pool1"}
    each = [
        refvis.excitation_backprop(net, x, position=place, **options).values
        for place in np.ndindex(*net.forward(x)["x5"].shape[1:3])
    ]
    assert len(each) == 12
    close(refvis.excitation_backprop(net, x, **options).values, sum(each) / 12)


def test_upsampling_comes_last():
    net, x = classifier(), inputs(1)
    small = refvis.excitation_backprop(net, x, layer="pool1", contrastive=True, upsample=False)
    large = refvis.excitation_backprop(net, x, layer="pool1", contrastive=True)
    assert_same(large.values, upsample_bilinear(small.values, (13, 11)))
    assert large.picture is not None
    assert small.picture is None


def test_signed_inputs():
    net, x = classifier(), inputs(1, "float64")
    maps = {one: refvis.excitation_backprop(net, x, layer="x0", signed=one) for one in ("clamp", "shift", "keep")}
    assert (maps["clamp"].values >= 0).all()
    assert (maps["shift"].values >= 0).all()
    np.testing.assert_allclose(maps["shift"].measures["arrived"], 1, rtol=1e-5)
    assert (maps["keep"].values < 0).any()
    assert (maps["clamp"].values[(x <= 0).all(axis=3)] == 0).all()


def pooled(*pools):
    random = np.random.default_rng(2)
    layers = {"conv1": conv(random, (8, 3, 3, 3))} | {f"pool{i}": pool for i, pool in enumerate(pools, 1)}
    return refvis.chain(layers)


def test_the_layer_of_the_paper():
    heatmap = refvis.excitation_backprop(refvis.load("scenes"), np.zeros((1, 64, 64, 3), "float32"), upsample=False)
    assert (heatmap.record.parameters["layer"], heatmap.values.shape) == ("x7", (1, 8, 8, 1))
    net = pooled(Pool(2, 2), Pool(3, 1), Pool(2, (1, 2)), Pool((2, 1)))
    assert refvis.excitation_backprop(net, inputs(1), layer=None).record.parameters["layer"] == "x2"
    with pytest.raises(ValueError, match=r"below 'x2' are 1 pooling layers with a stride, .* layer='conv1'.*'x0'"):
        refvis.excitation_backprop(net, inputs(1), at="pool1")


def test_the_backward_pass_ends_at_the_layer():
    """There is no excitation for norm-dependent offsets, and none is needed above them."""
    net = refvis.chain({"offset": NormOffset(0.1, 0.5), "conv1": conv(np.random.default_rng(1), (4, 3, 3, 3))})
    assert refvis.excitation_backprop(net, inputs(1), layer="offset").values.shape == (1, 13, 11, 1)
    with pytest.raises(ValueError, match="no rule for layer 'offset'"):
        refvis.excitation_backprop(net, inputs(1), layer="x0")


def test_what_it_refuses():
    net, x = classifier(), inputs(1)
    for options, message in (
        ({"layer": "pool1", "contrastive": True, "at": "relu2"}, r"layer 'relu2' \(ReLU\) has no weights"),
        ({"layer": "pool1", "signed": "no"}, "signed is 'no', expected 'clamp', 'shift' or 'keep'"),
        ({"layer": "fc3"}, "layer 'fc3' is what is explained"),
        ({"layer": "conv2", "at": "pool1"}, "does not pass 'conv2'"),
    ):
        with pytest.raises(ValueError, match=message):
            refvis.excitation_backprop(net, x, **options)
