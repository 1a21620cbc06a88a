"""Each quirk of FeatureVis' deconvolution is what explains a number."""

import itertools
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.small_nets import classifier, conv, inputs

import refvis
from refvis import layers
from refvis.featurevis import deconvolution, rules
from refvis.layers import BatchNorm, Conv, FullyConnected, Node, ReLU, ShapeError, Sum, modes

RELEVANCE = "relevance propagation"


def one_by_one(matrix, biases=None):
    """A 1 x 1 convolution with that K x C matrix."""
    return Conv(matrix[:, None, None, :].copy(), biases)


def by_engine(net, x, variable, filters, mode):
    """The engine's backward pass from the activations of the filters."""
    trace = net.forward(x)
    seed = np.zeros_like(trace[variable])
    seed[..., filters] = trace[variable][..., filters]
    return net.backward(trace, {variable: seed}, mode)[net.inputs[0]][0]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("relu_pass", "mode"),
    [("Backpropagation", "gradient"), ("deconvnet", "deconvnet"), ("Guided Backpropagation", "guided")],
)
def test_passes_are_the_modes_of_that_name_from_the_activation(relu_pass, mode, dtype):
    net, x = classifier(), inputs(1, dtype)
    for at, variable in [("fc3", "x8"), ("conv2", "x5"), ("prob", "x9"), ("norm1", "x3")]:
        heatmap = deconvolution(net, x, relu_pass, measure_layer=at, measure_filter=4)
        np.testing.assert_array_equal(heatmap, by_engine(net, x, variable, [4], mode))
        assert (heatmap.dtype, heatmap.shape) == (x.dtype, x.shape[1:])
        assert np.abs(heatmap).max() > 0


def test_guided_and_standard_are_the_default():
    net, x = classifier(), inputs()
    heatmap = deconvolution(net, x, measure_layer="fc3", measure_filter=1)
    np.testing.assert_array_equal(heatmap, deconvolution(net, x, "guided backpropagation", "standard", "fc3", 1))


def test_the_leak_is_forgotten_on_the_way_back():
    x = inputs(size=(2, 3, 4))
    net = refvis.chain({"relu": ReLU(leak=0.5)})
    heatmap = deconvolution(net, x, "backpropagation", measure_layer="relu", measure_filter=2)
    expected = np.where(x > 0, x, 0)[0, ..., 2]  # with the leak, 0.25 x where x is negative
    np.testing.assert_array_equal(heatmap[..., 2], expected)
    assert (x[..., 2] < 0).any()


@pytest.mark.parametrize("rule", [rules.backpropagation, rules.deconvnet, rules.guided])
def test_nan_and_infinity_go_through_relus_as_products(rule):
    x = np.array([[[[-1.0, -1.0, 1.0]]]])
    with np.errstate(invalid="ignore"):
        (heatmap,) = rule(ReLU(), np.array([[[[np.inf, np.nan, np.nan]]]]), None, x)
    assert np.isnan(heatmap[..., 1:]).all()
    np.testing.assert_array_equal(np.isnan(heatmap[..., 0]), rule is not rules.deconvnet)


def relevance_by_loops(matrix, biases, x, seed):
    """R_d = sum_k x_d w_kd R_k / (y_k + 0.001 sign y_k), for each value in turn."""
    heatmap = np.zeros_like(x)
    for d, k in itertools.product(range(matrix.shape[1]), range(matrix.shape[0])):
        y = matrix[k] @ x + biases[k]
        heatmap[d] += x[d] * matrix[k, d] * seed[k] / (y + 0.001 * np.sign(y))
    return heatmap


@given(seed=st.integers(0, 99), size=st.sampled_from([(2, 3, 4), (5, 4, 2)]))
def test_relevance_is_the_sum_over_outputs(seed, size):
    random = np.random.default_rng(seed)
    matrix, biases = random.standard_normal(size[:2]), random.standard_normal(size[0])
    x = random.standard_normal((1, 1, 1, size[1]))
    net = refvis.chain({"conv": one_by_one(matrix, biases)})
    trace = net.forward(x).output.ravel()
    chosen = int(np.abs(trace).argmax())
    heatmap = deconvolution(net, x, convolution_pass=RELEVANCE, measure_layer="conv", measure_filter=chosen)
    start = np.where(np.arange(size[0]) == chosen, trace, 0)
    np.testing.assert_allclose(heatmap.ravel(), relevance_by_loops(matrix, biases, x.ravel(), start), rtol=1e-9)
    full = deconvolution(refvis.chain({"fc": FullyConnected(matrix, biases)}), x, "deconvnet", RELEVANCE, "fc", chosen)
    np.testing.assert_allclose(full, heatmap, rtol=1e-9)


def test_an_output_of_zero_is_divided_by():
    x = np.array([1.0, 2.0]).reshape(1, 1, 1, 2)
    net = refvis.chain({"conv": one_by_one(np.array([[2.0, -1.0], [1.0, 1.0]]))})  # its first output is 0
    zero = deconvolution(net, x, convolution_pass=RELEVANCE, measure_layer="conv", measure_filter=0)
    assert np.isnan(zero).all()
    other = deconvolution(net, x, convolution_pass=RELEVANCE, measure_layer="conv", measure_filter=1)
    assert np.isnan(other).all()  # 0 / 0 of the first output, whose seed is 0
    safe = by_engine(net, x, "x1", [0], modes.GRADIENT | {Conv: partial(layers.lrp.epsilon, eps=0.001)})
    np.testing.assert_array_equal(safe, 0)  # sign(0) = +1 in this project
    with np.errstate(divide="ignore", invalid="ignore"):
        (heatmap,) = rules.relevance(net.nodes[0].layer, np.ones((1, 1, 1, 2)), net.forward(x).output, x)
    assert np.isinf(heatmap).all()


def two_branches(stored):
    """Two branches of the same size, from a DagNN file in which the layers stand in the order `stored`."""
    random = np.random.default_rng(1)
    nodes = [
        Node("a", one_by_one(random.standard_normal((4, 3))), "data", "ax"),
        Node("b", one_by_one(random.standard_normal((4, 3))), "data", "bx"),
        Node("sum", Sum(), ("bx", "ax"), "s"),
    ]
    return refvis.Network(nodes, stored=stored)


@pytest.mark.parametrize(
    ("stored", "divisors"),
    [(("a", "b", "sum"), ("data", "bx")), (("a", "sum", "b"), ("bx", "bx")), (("sum", "b", "a"), ("ax", "data"))],
)
def test_a_graph_divides_by_what_the_next_layer_in_the_file_reads_first(stored, divisors):
    net, x = two_branches(stored), inputs(1, "float64", size=(2, 5, 1)).repeat(3, axis=3)
    if "data" in divisors:  # which has three channels, and the outputs four
        with pytest.raises(ShapeError, match=r"layer '[ab]' .* shape \(1, 2, 5, 3\), but .* \(1, 2, 5, 4\)"):
            deconvolution(net, x, "deconvnet", RELEVANCE, "sum", 1)
        return
    heatmap = deconvolution(net, x, "deconvnet", RELEVANCE, "sum", 1)
    trace = net.forward(x)
    assert divisors == ("bx", "bx")
    table = modes.GRADIENT | {name: partial(rules.relevance, y=trace["bx"]) for name in ("a", "b")}
    np.testing.assert_array_equal(heatmap, by_engine(net, x, "s", [1], table))
    right = deconvolution(net, x, "deconvnet", RELEVANCE, "sum", 1, version="simplenn")
    own = modes.GRADIENT | {Conv: rules.relevance}
    np.testing.assert_array_equal(right, by_engine(net, x, "s", [1], own))
    assert np.abs(heatmap - right).max() > 0.1 * np.abs(right).max()


def test_a_divisor_that_was_not_computed_is_named():
    nodes = [
        Node("conv", conv(np.random.default_rng(2), (4, 1, 1, 3)), "data", "c"),
        Node("loss", layers.Loss("softmaxlog"), ("c", "label"), "l"),
        Node("other", ReLU(), "label", "o"),
    ]
    net = refvis.Network(nodes, stored=("conv", "other", "loss"))
    with pytest.raises(ValueError, match="divides relevance at 'conv' by 'label', which was not computed"):
        deconvolution(net, inputs(size=(2, 3, 3)), "deconvnet", RELEVANCE, "conv")


def normalised(moments):
    norm = BatchNorm(np.array([1.0, -2.0, 0.5]), np.array([0.1, 0.2, 0.3]), moments, epsilon=0.7)
    return refvis.chain({"bn": norm}), norm


def test_batch_normalisation_goes_back_by_the_batch_and_another_epsilon():
    x = inputs(1, "float64", size=(4, 5, 3))
    net, norm = normalised(np.array([[1.0, 20.0], [2.0, 30.0], [3.0, 50.0]]))
    heatmap = deconvolution(net, x, measure_layer="bn", measure_filter=1)
    training = modes.GRADIENT | {
        BatchNorm: lambda layer, *rest: layers.backward(replace(norm, moments=None, epsilon=1e-4), *rest)
    }
    np.testing.assert_array_equal(heatmap, by_engine(net, x, "x1", [1], training))
    true = by_engine(net, x, "x1", [1], modes.GRADIENT)
    assert np.abs(heatmap - true).max() > 0.1 * np.abs(true).max()
    with pytest.raises(ValueError, match=r"layer 'bn' \(BatchNorm\): FeatureVis cannot go back .* of a DagNN"):
        deconvolution(net, x, measure_layer="bn", measure_filter=1, version="dagnn")


def test_dilation_is_forgotten_on_the_way_back():
    random = np.random.default_rng(3)
    layer = conv(random, (4, 2, 1, 3), stride=(2, 1), dilate=(2, 1))
    x = inputs(size=(7, 5, 3))  # floor((7 - 3) / 2) = floor((7 - 2) / 2): the sizes fit by chance
    net = refvis.chain({"conv": layer})
    expected = by_engine(net, x, "x1", [2], modes.GRADIENT | {Conv: plain_backward})
    np.testing.assert_array_equal(deconvolution(net, x, measure_layer="conv", measure_filter=2), expected)
    with pytest.raises(ShapeError, match=r"layer 'conv' .* ignores the dilation \(2, 1\), and then the signal"):
        deconvolution(net, inputs(size=(8, 5, 3)), measure_layer="conv", measure_filter=2)


def plain_backward(layer, *rest):
    return layers.backward(replace(layer, dilate=1), *rest)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"relu_pass": "guided"}, "relu_pass is 'guided', expected 'backpropagation' or 'deconvnet' or 'guided back"),
        ({"relu_pass": None}, "relu_pass is None, expected"),
        ({"convolution_pass": "lrp"}, "convolution_pass is 'lrp', expected 'standard' or 'relevance propagation'"),
        ({"measure_layer": "conv9"}, "no layer or variable 'conv9'"),
        ({"measure_filter": 7}, "measure_filter 7 of layer 'fc3': expected 0 ... 6"),
        ({"measure_filter": -1}, "measure_filter -1 of layer 'fc3'"),
        ({"measure_filter": 1.0}, "measure_filter is 1.0, expected a whole number"),
        ({"measure_filter": True}, "measure_filter is True"),
        ({"version": "caffe"}, "version is 'caffe', expected 'simplenn' or 'dagnn'"),
    ],
)
def test_bad_options_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        deconvolution(classifier(), inputs(), **options)


def test_bad_inputs_are_named():
    net = classifier()
    with pytest.raises(ShapeError, match=r"one image, 1 x H x W x C, found shape \(2, 13, 11, 3\)"):
        deconvolution(net, inputs(2))
    with pytest.raises(ShapeError, match="one image"):
        deconvolution(net, inputs()[0])
    with pytest.raises(ValueError, match="NaN"):
        deconvolution(net, np.full_like(inputs(), np.nan))
    loss = replace(net, nodes=(*net.nodes[:-1], Node("loss", layers.SoftmaxLoss(), ("x8", "label"), "x9")))
    with pytest.raises(ValueError, match="layer 'loss' was not computed: name another with measure_layer="):
        deconvolution(loss, inputs())
    assert np.abs(deconvolution(loss, inputs(), measure_layer="fc3")).max() > 0
