"""Class activation maps, by the classifier's weights and by mean gradients; guided Grad-CAM; upsampling."""

import numpy as np
import pytest
from PIL import Image
from support.same import assert_same
from support.small_nets import classifier, conv, inputs

import refvis
from refvis.layers import Conv, Dropout, FullyConnected, Pool, ReLU, Softmax
from refvis.results.upsampling import upsample_bilinear

RANDOM = np.random.default_rng(8)
OPTIONS = ({}, {"channel": 2}, {"channel": (4, 0, 4)}, {"channel": "all"}, {"channel": (1, 5), "against": 3})


def averaging(last=None, pool=None):
    """Maps of 6 x 5 positions and 8 channels, averaged and then weighted."""
    weights = FullyConnected(RANDOM.normal(size=(7, 8)), RANDOM.normal(size=7))
    return refvis.chain(
        {
            "conv1": conv(RANDOM, (8, 3, 3, 3), stride=2),
            "relu1": ReLU(),
            "gap": pool or Pool((6, 5), method="avg"),
            "drop": Dropout(0.5),
            "fc": last or weights,
            "prob": Softmax(),
        }
    )


def close(actual, expected, relative=1e-11):
    assert actual.shape == expected.shape
    np.testing.assert_allclose(actual, expected, rtol=0, atol=relative * np.abs(expected).max())


def slow_grad_cam(net, x, variable, channel, layer):
    """Grad-CAM of one image by its formula, a loop over channels; the gradient by central differences of the layer."""
    trace = net.forward(x)
    above = refvis.Network(net.nodes[[node.output for node in net.nodes].index(layer) + 1 :])
    a, step = trace[layer], 1e-5
    total = np.zeros(a.shape[1:3])
    for k in range(a.shape[3]):
        slopes = []
        for i, j in np.ndindex(*a.shape[1:3]):
            nudge = np.zeros_like(a)
            nudge[0, i, j, k] = step
            up, down = (above.forward(a + s * nudge)[variable][..., channel].sum() for s in (1, -1))
            slopes.append((up - down) / (2 * step))
        total += sum(slopes) / len(slopes) * a[0, :, :, k]
    return total


@pytest.mark.parametrize(("layer", "variable"), [(None, "x7"), ("pool1", "x4"), ("conv2", "x5")])
def test_grad_cam_is_the_slow_replica(layer, variable):
    net, x = classifier(), inputs(1, "float64") / 40
    expected = slow_grad_cam(net, x, "x8", 3, variable)
    heatmap = refvis.grad_cam(net, x, channel=3, layer=layer, relu=False, upsample=False)
    np.testing.assert_allclose(heatmap.map, expected, rtol=0, atol=1e-7 * np.abs(expected).max())
    positive = refvis.grad_cam(net, x, channel=3, layer=layer, upsample=False)
    assert_same(positive.map, np.maximum(heatmap.map, 0))
    assert (heatmap.signed, positive.signed) == (True, False)
    assert positive.record.parameters == {
        "at": "x8",
        "channel": 3,
        "layer": variable,
        "relu": True,
        "upsample": False,
    }


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("name", ["fc", "conv"])
def test_cam_is_grad_cam_times_the_number_of_positions(name, options, dtype):
    last = Conv(RANDOM.normal(size=(7, 1, 1, 8)), RANDOM.normal(size=7)) if name == "conv" else None
    net, x = averaging(last), inputs(2, dtype)
    by_weights = refvis.cam(net, x, upsample=False, **options)
    by_gradient = refvis.grad_cam(net, x, relu=False, upsample=False, **options)
    assert (by_weights.record.parameters["layer"], by_gradient.record.parameters["layer"]) == ("x2", "x2")
    close(by_weights.values, 30 * by_gradient.values, {"float32": 1e-5, "float64": 1e-12}[dtype])
    assert (by_weights.values.dtype, by_gradient.values.dtype) == (dtype, dtype)
    large = [method(net, x, **options).values for method in (refvis.cam, refvis.grad_cam)]
    assert [one.shape[1:] for one in large] == [(13, 11, 1)] * 2
    if "against" not in options and options:
        scores = refvis.Network(net.nodes[:-1]).forward(x).output - net.node("fc").layer.biases.astype(dtype)
        first = {2: scores[0, 0, 0, 2], (4, 0, 4): scores[0, 0, 0, 4], "all": scores[0].sum()}[options["channel"]]
        np.testing.assert_allclose(by_weights.map.mean(), first, rtol=1e-4)


def test_cam_of_a_classifier_that_reads_maps():
    net, x = classifier(), inputs(2, "float64")
    heatmap = refvis.cam(net, x, channel=(6, 1), upsample=False)
    layer, maps = net.node("fc3").layer, net.forward(x)["x6"]
    for row, (n, k) in enumerate([(0, 6), (0, 1), (1, 6), (1, 1)]):
        expected = (maps[n] * layer.filters[k]).sum(axis=2)
        close(heatmap.maps[row], expected)
        np.testing.assert_allclose(expected.sum() + layer.biases[k], net.forward(x)["x8"][n, 0, 0, k], rtol=1e-9)
    assert heatmap.record.parameters["layer"] == "x6"
    assert heatmap.signed


@pytest.mark.parametrize(
    ("net", "at", "message"),
    [
        (classifier(), "conv2", r"layer 'conv2' \(Conv\) is not fully connected"),
        (classifier(), "relu1", r"layer 'relu1' \(ReLU\) is not fully connected"),
        (averaging(pool=Pool((6, 5))), None, "reads 'x3', which has one position and is no global average"),
        (averaging(pool=Pool((5, 5), (2, 1), method="avg")), None, "one position and is no global average"),
        (averaging(Conv(RANDOM.normal(size=(6, 1, 1, 4)))), None, "'fc' .* is not fully connected"),
    ],
)
def test_cam_needs_maps_behind_the_classifier(net, at, message):
    with pytest.raises(ValueError, match=message):
        refvis.cam(net, inputs(), at)


def test_cam_does_not_pass_dropout_with_a_mask():
    net = averaging()
    masked = refvis.layers.replace_layer(net, "drop", Dropout(0.5, np.ones((1, 1, 1, 8))))
    assert refvis.cam(net, inputs(1, "float64")).record.parameters["layer"] == "x2"
    with pytest.raises(ValueError, match="one position and is no global average"):
        refvis.cam(masked, inputs(1, "float64"))


def test_a_global_average_may_be_larger_than_the_map():
    whole, padded = averaging(), averaging(pool=Pool((8, 6), 3, (1, 1, 1, 0), method="avg"))
    padded = refvis.layers.replace_layer(padded, "fc", whole.node("fc").layer)
    padded = refvis.layers.replace_layer(padded, "conv1", whole.node("conv1").layer)
    x = inputs(1, "float64")
    close(refvis.cam(padded, x).values, refvis.cam(whole, x).values)


@pytest.mark.parametrize("options", OPTIONS)
def test_guided_grad_cam_is_the_product(options):
    net, x = classifier(), inputs(2)
    heatmap = refvis.guided_grad_cam(net, x, **options)
    heat = refvis.grad_cam(net, x, **options).values
    assert_same(heatmap.values, heat * refvis.deconvolution(net, x, "guided", seed="one", **options).values)
    assert heatmap.record.parameters["layer"] == "x7"


@pytest.mark.parametrize("method", [refvis.grad_cam, refvis.linear_approximation, refvis.guided_grad_cam])
def test_layers_that_will_not_do(method):
    net, x = classifier(), inputs()
    with pytest.raises(ValueError, match="layer 'fc3' is what is explained: name one below it"):
        method(net, x, layer="fc3")
    with pytest.raises(ValueError, match="does not pass 'prob'"):
        method(net, x, layer="prob")
    with pytest.raises(ValueError, match="no layer below 'x1' has more than one position: name one with layer="):
        method(net, x, at="conv1")
    x[0, 0, 0, 0] = np.nan
    with pytest.raises(ValueError, match="NaN"):
        method(net, x)


@pytest.mark.parametrize("size", [(13, 11), (6, 20), (5, 3), (40, 4)])
def test_upsampling_is_that_of_pillow(size):
    """Pillow's filter widens where it shrinks an image, which does not happen here."""
    maps = RANDOM.normal(size=(2, 5, 3, 4)).astype("float32")
    large = upsample_bilinear(maps, size)
    assert (large.shape, large.dtype) == ((2, *size, 4), np.float32)
    for n, c in np.ndindex(2, 4):
        plane = Image.fromarray(np.ascontiguousarray(maps[n, :, :, c])).resize(size[::-1], Image.Resampling.BILINEAR)
        np.testing.assert_allclose(large[n, :, :, c], np.asarray(plane), rtol=0, atol=2e-6)


def test_upsampling_by_hand():
    maps = np.array([[0.0, 4.0], [8.0, 12.0]]).reshape(1, 2, 2, 1)
    expected = np.array([0.0, 2.0, 6.0, 8.0])[:, None] + np.array([0.0, 1.0, 3.0, 4.0])
    np.testing.assert_allclose(upsample_bilinear(maps, (4, 4))[0, :, :, 0], expected, rtol=1e-15)
