"""Rules that must coincide, do: each of these is a statement of the papers about two of them."""

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from support import cases, dense, walks

from refvis import layers
from refvis.layers import ledger, lrp, modes, surgery

FEW = settings(max_examples=15, phases=[Phase.generate])
FILTERED = ("conv", "conv_transpose", "full")


def by(rule: Any, layer: Any, R: np.ndarray, *inputs: np.ndarray, **options: Any) -> tuple[np.ndarray, ...]:
    """Return what the rule gives with those options."""
    return layers.backward(layer, R, None, *inputs, rule=partial(rule, **options))


def drawn(data: st.DataObject, names: tuple[str, ...] = FILTERED) -> tuple[Any, np.ndarray, np.ndarray]:
    """Return a layer, its input and a relevance, whose sums are exact."""
    layer, (x,) = data.draw(cases.single(names, dtype="float64", largest=5))
    layer, x = dense.exact(layer), dense.rounded(x)
    return layer, x, dense.rounded(cases.like(data.draw, layers.forward(layer, x)))


def unbiased(layer: Any) -> Any:
    return replace(layer, biases=None)


def close(found: Any, expected: Any, scale: Any, relative: float = 1e-12) -> None:
    """Raise unless the two differ by rounding, measured by `scale`."""
    np.testing.assert_array_less(np.abs(found - expected), relative * scale + 1e-300)


@FEW
@given(data=st.data())
def test_a_linear_net_has_one_gradient(data: st.DataObject) -> None:
    names = ("conv", "subsample", "conv_transpose", "dropout", "batch_norm")
    net = data.draw(cases.chains(names, end=False, adjust=dense.exact))
    trace = net.graph.forward(**net.given)
    seeds = {net.graph.nodes[-1].output: cases.like(data.draw, trace.output)}
    expected = net.graph.backward(trace, seeds)
    for mode in ("deconvnet", "guided", "deeplift"):
        table = modes.DEEPLIFT if mode == "deeplift" else mode
        np.testing.assert_equal(net.graph.backward(trace, seeds, table), expected)


def conv_relu_max(random: np.random.Generator, bias: bool = True) -> layers.Graph:
    """Return a graph of convolutions, ReLUs, max pooling, a sum and a concatenation, for 5 x 6 x 2 inputs."""
    graph = walks.branches(random)
    nodes = [node for node in graph.nodes if node.name not in ("mean", "both", "scale")]
    second = layers.Conv(walks.values(random, 4, 2, 1, 4), walks.values(random, 4), pad=(1, 0, 0, 0))
    more = [layers.Node("conv", second, "s", "t"), layers.Node("relu2", layers.ReLU(), "t", "u")]
    nodes[4:] = [*more, layers.Node("both", layers.Concat(), ("u", "x0"), "d"), *nodes[4:]]
    return layers.Graph([replace(node, layer=generic(node.layer, random, bias)) for node in nodes])


def generic(layer: Any, random: np.random.Generator, bias: bool) -> Any:
    """Return the layer with parameters whose sums do not cancel by chance: 0 / 0 would break the chain of quotients."""
    if not walks.is_filtered(layer):
        return layer
    filters, biases = (one * random.uniform(0.9, 1.1, one.shape) for one in (layer.filters, layer.biases))
    return replace(layer, filters=filters, biases=biases if bias else None)


@FEW
@given(cases.generators())
def test_lrp_0_is_gradient_times_input_and_bias(random: np.random.Generator) -> None:
    """Ancona et al. 2018: with every bias as an input of value 1; what the biases book is sum of b dy/db."""
    graph = conv_relu_max(random)
    trace = graph.forward(walks.values(random, 3, 5, 6, 2))
    y, pick = trace.output, random.integers(0, 2, trace.output.shape)
    books = ledger.keep(graph, trace, {"y": y * pick}, "lrp_0")
    gradients = graph.backward(trace, {"y": pick * 1.0})
    filtered = [node for node in graph.nodes if walks.is_filtered(node.layer)]
    absolute = sum(one.scale for one in books.entries)
    close(books.signals["x0"], trace["x0"] * gradients["x0"], absolute, 1e-10)
    slopes = graph.parameter_gradients(trace, {"y": pick * 1.0})
    shares = sum(float((slopes[node.name, "biases"] * node.layer.biases).sum()) for node in filtered)
    close(books.sum("bias"), shares, absolute, 1e-10)
    np.testing.assert_equal(books.sum("stabiliser"), 0)
    close(books.sum("zero"), 0, absolute, 1e-10)  # y itself is the seed: where it is zero, so is the relevance


@FEW
@given(cases.generators())
def test_without_biases_nothing_is_lost(random: np.random.Generator) -> None:
    graph = conv_relu_max(random, bias=False)
    trace = graph.forward(walks.values(random, 3, 5, 6, 2))
    books = ledger.keep(graph, trace, {"y": trace.output}, "lrp_0")
    close(books.inputs["x0"], trace.output.sum(), sum(one.scale for one in books.entries), 1e-10)


@FEW
@given(data=st.data())
def test_z_plus_is_excitation_backprop_for_responses(data: st.DataObject) -> None:
    layer, x, R = drawn(data)
    layer, x = unbiased(layer), np.abs(x)
    expected = by(lrp.excitation, layer, R, x)[0]
    np.testing.assert_array_equal(by(lrp.z_plus, layer, R, x)[0], expected)
    for signed in ("keep", "shift"):
        np.testing.assert_array_equal(by(lrp.excitation, layer, R, x, signed=signed)[0], expected)


@FEW
@given(data=st.data())
def test_alpha_1_beta_0_is_z_plus(data: st.DataObject) -> None:
    layer, x, R = drawn(data)
    for options in ({}, {"split": "weights"}, {"bias": "absent"}, {"modify_bias": False, "eps": 0.0}):
        expected = by(lrp.z_plus, layer, R, x, **options)[0]
        np.testing.assert_array_equal(by(lrp.alpha_beta, layer, R, x, alpha=1.0, beta=0.0, **options)[0], expected)


@pytest.mark.parametrize("rule", [lrp.z_plus, lrp.alpha_beta, partial(lrp.gamma, bias="absent")])
@FEW
@given(data=st.data())
def test_the_two_splits_are_one_for_responses(rule: Any, data: st.DataObject) -> None:
    """For x >= 0 the sign of a product is that of its weight; gamma has one form only where y > 0."""
    layer, x, R = drawn(data)
    layer, x = unbiased(layer), np.abs(x)
    R = R * (layers.forward(layer, x) > 0) if isinstance(rule, partial) else R
    expected = by(rule, layer, R, x, split="weights")[0]
    np.testing.assert_allclose(by(rule, layer, R, x, split="both")[0], expected, rtol=1e-12, atol=1e-13)


def test_the_two_splits_differ_for_signed_inputs() -> None:
    layer, x = layers.FullyConnected(np.array([[1.0, -1.0, 2.0]])), np.array([3.0, -2.0, -1.0]).reshape(1, 1, 1, 3)
    one = np.ones((1, 1, 1, 1))
    np.testing.assert_allclose(by(lrp.z_plus, layer, one, x, eps=0.0)[0].ravel(), [3 / 5, 2 / 5, 0])
    found = by(lrp.z_plus, layer, one, x, eps=0.0, split="weights")[0]
    np.testing.assert_allclose(found.ravel(), [3, 0, -2])


@FEW
@given(data=st.data())
def test_gamma_lies_between_epsilon_and_z_plus(data: st.DataObject) -> None:
    layer, x, R = drawn(data)
    np.testing.assert_allclose(
        by(lrp.gamma, layer, R, x, gamma=0.0)[0], by(lrp.epsilon, layer, R, x)[0], rtol=1e-9, atol=1e-12
    )
    block = dense.block(layer, x)
    above = layers.forward(layer, x) > 0
    large, expected = (
        by(lrp.gamma, layer, R * above, x, gamma=1e12, eps=0.0)[0],
        by(lrp.z_plus, layer, R * above, x, eps=0.0)[0],
    )
    # (P + N / g) / (sum P + b+ + (y - sum P - b+) / g): off by all terms over positive ones (1/256 and up), over g.
    terms = np.abs(block.W * block.x[:, None]).sum() + np.abs(block.b).sum()
    np.testing.assert_allclose(large, expected, rtol=0, atol=4 * 256 * terms / 1e12 * np.abs(R).sum())


@FEW
@given(data=st.data(), sign=st.sampled_from([0.5, -2.0]))
def test_flat_is_w_square_for_weights_of_one_size(data: st.DataObject, sign: float) -> None:
    layer, x, R = drawn(data)
    field = "weights" if isinstance(layer, layers.FullyConnected) else "filters"
    weights = getattr(layer, field)
    layer = replace(layer, **{field: np.where(weights > 0, sign, -sign)})
    np.testing.assert_allclose(by(lrp.flat, layer, R, x)[0], by(lrp.w_square, layer, R, x)[0], rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("rule", [lrp.box, lrp.z_plus, lrp.w_square, lrp.flat, lrp.excitation])
@FEW
@given(data=st.data())
def test_rules_that_keep_the_sign(rule: Any, data: st.DataObject) -> None:
    layer, x, R = drawn(data, (*FILTERED, "subsample"))
    for eps in (1e-6, 0.0):
        np.testing.assert_equal(float(by(rule, layer, np.abs(R), x, eps=eps)[0].min()) >= 0, True)


@FEW
@given(cases.generators(), st.sampled_from(["conv", "conv_transpose", "full"]))
def test_a_merged_batch_norm_changes_no_relevance(random: np.random.Generator, kind: str) -> None:
    moments = np.stack([walks.values(random, 4), 2.0 ** random.integers(-1, 2, 4)], axis=1)
    norm = layers.BatchNorm(walks.values(random, 4) + 8, walks.values(random, 4), moments)
    linear = {
        "conv": layers.Conv(walks.values(random, 4, 2, 3, 2), walks.values(random, 4), 2, 1),
        "conv_transpose": layers.ConvTranspose(walks.values(random, 2, 2, 3, 4), None, 2, 1),
        "full": layers.FullyConnected(walks.values(random, 4, 60)),
    }[kind]
    graph = layers.Graph(layers.chain({"linear": linear, "norm": norm, "relu": layers.ReLU()}))
    merged = surgery.merge_batchnorm(graph)
    np.testing.assert_equal(len(merged.nodes), 2)
    x = walks.values(random, 3, 5, 6, 2)
    trace = graph.forward(x)
    R = random.normal(size=trace.output.shape) * (np.abs(trace["x1"]) > 0)
    R *= np.abs(trace["x2"]) > 0
    before, after = (one.backward(one.forward(x), {"x3": R}, "lrp_0") for one in (graph, merged))
    shares = np.abs(R) / np.where(R, np.abs(trace["x2"]), 1)
    np.testing.assert_allclose(after["x0"], before["x0"], rtol=0, atol=1e-11 * (1 + shares.sum()))
