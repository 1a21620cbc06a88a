"""Epsilon relevance: against a dense matrix, against gradient x input, and its books, which balance to rounding.

On a layer without bias, y_k = sum_d w_kd x_d, so what is passed on sums to R_k y_k / (y_k + eps sign y_k): the
stabiliser keeps exactly R_k eps / (|y_k| + eps) of each R_k, and nothing else is lost.
"""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from support import cases, replicas

from refvis import layers
from refvis.layers import lrp, modes

SOME = settings(max_examples=10)


def unbiased(layer: Any) -> Any:
    return replace(layer, biases=None) if getattr(layer, "biases", None) is not None else layer


def plain(layer: Any) -> Any:
    """No bias, no leak, max pooling only."""
    if isinstance(layer, layers.ReLU):
        return layers.ReLU()
    return replace(layer, method="max") if isinstance(layer, layers.Pool) else unbiased(layer)


def with_epsilon(eps: float) -> dict[Any, Any]:
    def epsilon(*arguments: Any) -> tuple[np.ndarray, ...]:
        return lrp.epsilon(*arguments, eps=eps)

    def pool(*arguments: Any) -> tuple[np.ndarray, ...]:
        return lrp.pool(*arguments, eps=eps)

    return modes.EPSILON | {layers.Conv: epsilon, layers.FullyConnected: epsilon, layers.Pool: pool}


@SOME
@given(cases.single(("conv",), dtype="float64", largest=4), st.data(), st.sampled_from([1e-6, 0.25]))
def test_conv_is_the_dense_matrix(case: cases.Case, data: st.DataObject, eps: float) -> None:
    layer, (x,) = case
    x = x[:1]
    y = replicas.conv(layer, x).ravel()
    basis = np.eye(x.size).reshape(-1, *x.shape[1:])
    matrix = replicas.conv(replace(layer, biases=None), basis).reshape(x.size, -1)
    relevance = cases.like(data.draw, layers.forward(layer, x))
    # A value that is a sum of terms that cancel has no sign to speak of: rounding would decide.
    assume(np.all((np.abs(y) > 1e-9) | (y == 0)))
    expected = np.zeros(x.size)
    for k, (value, r) in enumerate(zip(y, relevance.ravel(), strict=True)):
        for d in range(x.size):
            expected[d] += x.ravel()[d] * matrix[d, k] / (value + (eps if value >= 0 else -eps)) * r
    found = layers.backward(layer, relevance, None, x, rule=lambda *args: lrp.epsilon(*args, eps=eps))[0]
    shares = np.abs(x.ravel()[:, None] * matrix) @ (np.abs(relevance.ravel()) / (np.abs(y) + eps))
    # Next to zero the quotient magnifies the rounding of y.
    worst = 1e-13 * (1 + 1 / (np.abs(y).min(where=y != 0, initial=1) + eps))
    np.testing.assert_array_less(np.abs(found.ravel() - expected), worst * shares + 1e-300)


@pytest.mark.parametrize("eps", [1e-6, 1e-3, 0.5])
@SOME
@given(cases.chains(("conv", "relu", "pool"), end=False, adjust=unbiased), st.data())
def test_books_balance(eps: float, net: cases.Net, data: st.DataObject) -> None:
    trace = net.graph.forward(**net.given)
    end = net.graph.nodes[-1].output
    found = net.graph.backward(trace, {end: trace[end] * cases.like(data.draw, trace[end])}, with_epsilon(eps))
    for node in net.graph.nodes:
        below, above = found[node.inputs[0]], found[node.output]
        y = np.abs(trace[node.output])
        linear = not isinstance(node.layer, layers.ReLU) and getattr(node.layer, "method", "avg") == "avg"
        kept = float((above * eps / (y + eps)).sum()) if linear else 0.0
        # Terms of y may cancel, and the quotient then magnifies their rounding.
        terms = _terms(node.layer, trace[node.inputs[0]]) if linear else y
        magnitude = float((np.abs(above) * terms / (y + eps)).sum()) if linear else float(np.abs(above).sum())
        np.testing.assert_allclose(below.sum() + kept, above.sum(), rtol=0, atol=1e-12 * magnitude)


def _terms(layer: Any, x: np.ndarray) -> np.ndarray:
    """Sum of the absolute terms of each output."""
    if isinstance(layer, layers.Conv) and layer.filters is not None:
        layer = replace(layer, filters=np.abs(layer.filters))
    return layers.forward(layer, np.abs(x))


@SOME
@given(cases.chains(("conv", "relu", "pool"), end=False, adjust=plain), st.data())
def test_small_epsilon_is_gradient_times_input(net: cases.Net, data: st.DataObject) -> None:
    trace = net.graph.forward(**net.given)
    end = net.graph.nodes[-1].output
    linear = [np.abs(trace[n.output]) for n in net.graph.nodes if isinstance(n.layer, layers.Conv)]
    smallest = min((y[y > 0].min(initial=1) for y in linear), default=1)
    assume(smallest > 1e-4)
    g = cases.like(data.draw, trace[end])
    expected = net.given["x0"] * net.graph.backward(trace, {end: g})["x0"]
    eps = 1e-12
    found = net.graph.backward(trace, {end: g * trace[end]}, with_epsilon(eps))["x0"]
    # Each layer's quotient y / (y + eps) is off by at most eps / |y|, on sums of absolute paths.
    paths = net.given["x0"] * _absolute_paths(net, trace, {end: g})
    np.testing.assert_array_less(np.abs(found - expected), 10 * eps / smallest * np.abs(paths) + 1e-300)


def _absolute_paths(net: cases.Net, trace: layers.Trace, seeds: dict[str, np.ndarray]) -> np.ndarray:
    """Return the sum, over all paths from the output to each input, of the absolute products along them."""

    def absolute(layer: layers.Conv, *arguments: np.ndarray) -> tuple[np.ndarray, ...]:
        filters = None if layer.filters is None else np.abs(layer.filters)
        return layers.backward(replace(layer, filters=filters), *arguments)

    mode = modes.GRADIENT | {layers.Conv: absolute}
    return net.graph.backward(trace, {name: np.abs(g) for name, g in seeds.items()}, mode)["x0"]


@SOME
@given(cases.single(("conv_transpose",), dtype="float64", largest=4), st.data())
def test_transposed_convolution_is_the_dense_matrix(case: cases.Case, data: st.DataObject) -> None:
    layer, (x,) = case
    x, eps = x[:1], 0.25
    y = replicas.conv_transpose(layer, x).ravel()
    basis = np.eye(x.size).reshape(-1, *x.shape[1:])
    matrix = replicas.conv_transpose(replace(layer, biases=None), basis).reshape(x.size, -1)
    relevance = cases.like(data.draw, layers.forward(layer, x))
    assume(np.all((np.abs(y) > 1e-9) | (y == 0)))
    expected = x.ravel() * (matrix @ (relevance.ravel() / (y + np.where(y >= 0, eps, -eps))))
    found = layers.backward(layer, relevance, None, x, rule=lambda *args: lrp.epsilon(*args, eps=eps))[0]
    np.testing.assert_allclose(found.ravel(), expected, rtol=1e-10, atol=1e-12)


@SOME
@given(cases.single(("conv",), dtype="float64"), st.data())
def test_batch_norm_behind_a_convolution_is_the_merged_convolution(case: cases.Case, data: st.DataObject) -> None:
    conv, (x,) = case
    count, random = len(conv.filters), data.draw(cases.generators())
    slope, offset, mean = (random.uniform(0.5, 2, count) for _ in range(3))
    norm = layers.BatchNorm(slope, offset, np.stack([mean, np.ones(count)], axis=1))
    biases = np.zeros(count) if conv.biases is None else conv.biases
    merged = replace(conv, filters=conv.filters * slope.reshape(-1, 1, 1, 1), biases=slope * (biases - mean) + offset)
    graph = layers.Graph(layers.chain({"conv": conv, "norm": norm}))
    trace = graph.forward(x)
    assume(all(np.abs(trace[name]).min() > 1e-3 for name in ("x1", "x2")))
    relevance = cases.like(data.draw, trace["x2"])
    tiny = {
        "conv": lambda *args: lrp.epsilon(*args, eps=1e-13),
        "norm": lambda *args: lrp.epsilon(*args, eps=1e-13),
    }
    found = graph.backward(trace, {"x2": relevance}, tiny)["x0"]
    expected = layers.backward(merged, relevance, trace["x2"], x, rule=tiny["conv"])[0]
    size = np.abs(relevance).max() / np.abs(trace["x2"]).min() * max(1, np.abs(x).max())
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-8 * size)


@SOME
@given(cases.single(("batch_norm",), dtype="float64"), st.data())
def test_batch_norm_holds_its_moments(case: cases.Case, data: st.DataObject) -> None:
    layer, (x,) = case
    y, eps = layers.forward(layer, x), 0.25
    relevance = cases.like(data.draw, y)
    moments = layer.moments
    if moments is None:
        moments = np.stack([x.mean((0, 1, 2)), np.sqrt(x.var((0, 1, 2)) + layer.epsilon)], axis=1)
    expected = x * layer.scale / moments[:, 1] * relevance / (y + np.where(y >= 0, eps, -eps))
    found = layers.backward(layer, relevance, y, x, rule=lambda *args: lrp.epsilon(*args, eps=eps))[0]
    np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-12)


@SOME
@given(cases.several(("sum",), dtype="float64"), st.data())
def test_a_sum_shares_by_contribution(case: cases.Case, data: st.DataObject) -> None:
    layer, inputs = case
    y = layers.forward(layer, *inputs)
    relevance = cases.like(data.draw, y)
    found = layers.backward(layer, relevance, y, *inputs, rule=modes.EPSILON[layers.Sum])
    stable = y + np.where(y >= 0, lrp.EPSILON, -lrp.EPSILON)
    for part, x in zip(found, inputs, strict=True):
        np.testing.assert_allclose(part, x * relevance / stable, rtol=1e-12, atol=1e-300)
    kept = relevance * (lrp.EPSILON / (np.abs(y) + lrp.EPSILON))
    magnitude = sum(np.abs(part) for part in found) + np.abs(relevance)
    np.testing.assert_array_less(np.abs(sum(found) + kept - relevance), 1e-12 * magnitude + 1e-300)


@SOME
@given(cases.several(("concat", "crop", "sub_pixel")) | cases.single(("permute", "flatten")), st.data())
def test_relevance_follows_the_values(case: cases.Case, data: st.DataObject) -> None:
    layer, inputs = case
    y = layers.forward(layer, *inputs)
    relevance = np.abs(cases.like(data.draw, y)) + y.dtype.type(1)
    found = layers.backward(layer, relevance, y, *inputs, rule=modes.EPSILON[type(layer)])
    np.testing.assert_array_equal(layers.forward(layer, *found), relevance, strict=True)
    np.testing.assert_equal(sum(int((part != 0).sum()) for part in found), relevance.size)


@SOME
@given(cases.several(("scale",), dtype="float64"), st.data())
def test_a_gate_gets_no_relevance(case: cases.Case, data: st.DataObject) -> None:
    layer, inputs = case
    y, eps = layers.forward(layer, *inputs), 0.25
    relevance = cases.like(data.draw, y)
    found = list(layers.backward(layer, relevance, y, *inputs, rule=lambda *args: lrp.epsilon(*args, eps=eps)))
    rest = list(inputs[1:])
    share = relevance / (y + np.where(y >= 0, eps, -eps))
    factor = rest.pop(0) if layer.scale is None else layer.scale
    np.testing.assert_allclose(found.pop(0), inputs[0] * factor * share, rtol=1e-10, atol=1e-12)
    if layer.scale is None:
        np.testing.assert_array_equal(found.pop(0), np.zeros(factor.shape), strict=True)
    for offset, part in zip(rest, found, strict=True):
        np.testing.assert_allclose(part.sum(), (np.broadcast_to(offset, y.shape) * share).sum(), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("dtype", cases.FLOATS)
def test_zeros_stay_finite(dtype: str) -> None:
    filters = np.ones((3, 2, 2, 2), dtype)
    filters[1] = 0
    filters[2] *= -1
    graph = layers.Graph(
        layers.chain(
            {
                "conv": layers.Conv(filters),
                "relu": layers.ReLU(),
                "pool": layers.Pool(2, method="avg"),
                "dead": layers.FullyConnected(np.zeros((4, 3 * 2 * 3), dtype)),
            }
        )
    )
    for x in (np.ones((1, 4, 5, 2), dtype), np.zeros((1, 4, 5, 2), dtype)):
        trace = graph.forward(x)
        for name in ("x1", "x2", "x3", "x4"):
            found = graph.backward(trace, {name: np.ones_like(trace[name])}, "epsilon")
            for signal in found.values():
                np.testing.assert_equal(bool(np.isfinite(signal).all()), True)
    np.testing.assert_array_equal(trace["x4"], np.zeros((1, 1, 1, 4)))


@pytest.mark.parametrize("zero", [0.0, -0.0])
def test_zero_counts_as_positive(zero: float) -> None:
    y = np.array([zero, 2.0, -2.0])
    np.testing.assert_array_equal(lrp.stabilised(y, 0.5), [0.5, 2.5, -2.5])


@SOME
@given(cases.single(("relu", "lrn", "sigmoid", "softmax", "dropout", "normalize_lp", "spatial_norm")), st.data())
def test_single_valued_layers_pass_relevance_on(case: cases.Case, data: st.DataObject) -> None:
    layer, (x,) = case
    signal = cases.like(data.draw, x)
    found = layers.backward(layer, signal, None, x, rule=modes.EPSILON[type(layer)])[0]
    np.testing.assert_array_equal(found, signal, strict=True)
