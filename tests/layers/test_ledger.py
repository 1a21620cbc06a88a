"""The ledger: amounts by hand, every rule's books, what it says of rules that keep none, and its errors."""

from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from support import cases, dense

from refvis import layers
from refvis.layers import Node, ledger, lrp, modes, pool

RULE = "lrp.epsilon(eps=1.0)"
FEW = settings(max_examples=12, phases=[Phase.generate])


def small(dtype: str = "float64") -> tuple[layers.Graph, layers.Trace, dict[str, np.ndarray]]:
    """Return a chain of two values: conv (y = 6, and -1 for the bias), ReLU, sum to 6."""
    filters = np.array([[[[2.0, 1.0]]], [[[0.0, 0.0]]]], dtype)
    conv = layers.Conv(filters, np.array([1.0, -1.0], dtype))
    graph = layers.Graph(
        layers.chain(
            {"conv": conv, "relu": layers.ReLU(), "full": layers.FullyConnected(np.array([[1.0, 3.0]], dtype))}
        )
    )
    trace = graph.forward(np.array([2.0, 1.0], dtype).reshape(1, 1, 1, 2))
    return graph, trace, {"x3": np.full((1, 1, 1, 1), 14, dtype)}


def test_amounts_by_hand() -> None:
    """x = (2, 1), y = (6, -1), z = 6, seed 14. eps = 1 takes 14/7 at full and 12/7 at conv, whose bias gets 12/7."""
    graph, trace, seeds = small()
    mode = modes.relevance(partial(lrp.epsilon, eps=1.0))
    books = ledger.keep(graph, trace, seeds, mode)
    rows = {one.node: (one.received, one.passed, one.bias, one.stabiliser, one.zero) for one in books.entries}
    np.testing.assert_equal(list(rows), ["full", "relu", "conv"])
    np.testing.assert_allclose(rows["full"], [14, 12, 0, 2, 0], rtol=1e-14)
    np.testing.assert_allclose(rows["relu"], [12, 12, 0, 0, 0], rtol=1e-14)
    np.testing.assert_allclose(rows["conv"], [12, 5 * 12 / 7, 12 / 7, 12 / 7, 0], rtol=1e-14)
    np.testing.assert_allclose([books.sum("bias"), books.sum("stabiliser")], [12 / 7, 26 / 7], rtol=1e-14)
    np.testing.assert_allclose([books.seeds["x3"], books.inputs["x0"]], [14, 60 / 7], rtol=1e-14)
    np.testing.assert_equal([one.rule for one in books.entries], [RULE, "lrp.passes", RULE])
    np.testing.assert_equal([one.layer for one in books.entries], ["FullyConnected", "ReLU", "Conv"])
    np.testing.assert_equal(books.unbalanced, ())
    np.testing.assert_equal(books.signals, graph.backward(trace, seeds, mode))


RULES: list[Any] = [
    partial(rule, bias=bias, eps=eps, **options)
    for bias in ("booked", "absent", "spread")
    for eps in (0.0, 0.25, lrp.Stabiliser(0.25, "clipped", True, 0), lrp.Stabiliser(0.5, "positive", at_zero=-1))
    for rule, options in [
        (lrp.epsilon, {}),
        (lrp.gamma, {}),
        (lrp.gamma, {"split": "weights", "modify_bias": False}),
        (lrp.alpha_beta, {"modify_bias": False}),
        (lrp.z_plus, {}),
        (lrp.w_square, {}),
        (lrp.flat, {}),
        (lrp.box, {}),
    ]
] + [partial(lrp.excitation, signed=signed) for signed in ("clamp", "shift", "keep")]


@FEW
@given(data=st.data())
def test_every_conserving_rule_keeps_books(data: st.DataObject) -> None:
    names = ("conv", "conv_transpose", "full", "batch_norm", "subsample")
    layer, (x,) = data.draw(cases.single(names, dtype="float64", largest=5))
    graph = layers.Graph(layers.chain({"one": dense.exact(layer)}))
    trace = graph.forward(dense.rounded(x))
    seeds = {"x1": cases.like(data.draw, trace["x1"])}
    for rule in RULES:
        (entry,) = ledger.keep(graph, trace, seeds, {"one": rule}).entries
        size = entry.scale + abs(entry.bias) + abs(entry.stabiliser)
        np.testing.assert_array_less(abs(entry.rest), 1e-12 * size + 1e-300, err_msg=modes.rule_name(rule))


def test_what_a_contrastive_rule_takes_is_all() -> None:
    graph, trace, seeds = small()
    books = ledger.keep(graph, trace, seeds, modes.EXCITATION | {"full": partial(lrp.contrastive, eps=0.25)})
    top = books.entries[0]
    # Own: 14 * 6 / 6.25; the opposite has no excitation, so that its stabiliser takes -14 whole.
    np.testing.assert_allclose([top.passed, top.stabiliser, top.rest], [14 * 6 / 6.25, -14 * 6 / 6.25, 14], rtol=1e-14)
    np.testing.assert_equal([one.node for one in books.unbalanced], ["full"])


def test_gates_and_gradients_show_as_rests() -> None:
    graph, trace, seeds = small()
    books = ledger.keep(graph, trace, seeds, "gradient")
    np.testing.assert_equal(
        [(one.node, one.rest) for one in books.unbalanced], [("full", -42.0), ("relu", 42.0), ("conv", -28.0)]
    )
    np.testing.assert_equal(
        [one.rule for one in books.entries], ["fully_connected.gradient", "relu.gradient", "conv.gradient"]
    )


def own(layer: Any, signal: np.ndarray, output: np.ndarray, x: np.ndarray) -> tuple[np.ndarray]:
    """A rule of somebody's own, which keeps no books: it halves."""
    return (np.broadcast_to(signal.sum() / 2 / x.size, x.shape).copy(),)


@pytest.mark.parametrize(
    "rule",
    [own, partial(lrp.conv, local=own), partial(lrp.conv, local=lrp.epsilon, full=own)],
    ids=["own", "local", "full"],
)
def test_rules_without_books_are_welcome(rule: Any) -> None:
    graph = layers.Graph(layers.chain({"a": layers.Conv(np.ones((3, 2, 2, 4)))}))
    trace = graph.forward(np.ones((1, 2, 2, 4) if getattr(rule, "keywords", {}).get("full") else (1, 3, 3, 4)))
    (entry,) = ledger.keep(graph, trace, {"x1": np.ones_like(trace["x1"])}, {"a": rule}).entries
    np.testing.assert_allclose(entry.rest, entry.received / 2, rtol=1e-14)


@pytest.mark.parametrize("largest", [None, pool.centred, lrp.spread, partial(lrp.spread, rule=lrp.z_plus, eps=0.5)])
def test_pooling_of_all_kinds(largest: Any) -> None:
    graph = layers.Graph(layers.chain({"a": layers.Pool((2, 3), 2, (1, 0, 0, 2))}))
    trace = graph.forward(np.random.default_rng(0).normal(size=(2, 5, 6, 3)))
    mode = {layers.Pool: partial(lrp.pool, largest=largest)}
    (entry,) = ledger.keep(graph, trace, {"x1": trace["x1"]}, mode).entries
    np.testing.assert_equal(
        (entry.balanced, entry.stabiliser != 0), (True, isinstance(largest, partial) or largest is lrp.spread)
    )


def test_seeds_in_the_middle_and_several_inputs() -> None:
    nodes = [
        Node("left", layers.ReLU(), "a", "l"),
        Node("sum", layers.Sum(), ("l", "b"), "s"),
        Node("end", layers.Dropout(0.5), "s", "y"),
    ]
    graph = layers.Graph(nodes)
    trace = graph.forward(a=np.full((1, 1, 1, 2), 3.0), b=np.full((1, 1, 1, 2), 1.0))
    books = ledger.keep(graph, trace, {"y": np.ones((1, 1, 1, 2)), "l": np.full((1, 1, 1, 2), 5.0)}, "lrp_0")
    np.testing.assert_allclose([books.seeds["y"], books.seeds["l"]], [2, 10])
    np.testing.assert_allclose([books.inputs["a"], books.inputs["b"]], [11.5, 0.5])
    books = ledger.keep(graph, trace, {"l": np.full((1, 1, 1, 2), 5.0)}, "lrp_0")
    np.testing.assert_equal((books.inputs, [one.node for one in books.entries]), ({"a": 10.0}, ["left"]))


def test_tolerance_follows_the_dtype_and_nan_is_no_balance() -> None:
    for dtype, tolerance in ledger.TOLERANCE.items():
        graph, trace, seeds = small(dtype)
        books = ledger.keep(graph, trace, seeds, "epsilon")
        np.testing.assert_equal(({one.tolerance for one in books.entries}, books.unbalanced), ({tolerance}, ()))
    bad = ledger.keep(graph, trace, {"x3": seeds["x3"] * np.nan}, "epsilon")
    np.testing.assert_equal(len(bad.unbalanced), 3)


@pytest.mark.parametrize(
    ("mode", "message"),
    [
        ("epsilo", "unknown mode 'epsilo'"),
        (modes.EPSILON | {"con": lrp.epsilon}, "no layer or variable 'con': did you mean 'conv'"),
        (modes.EPSILON | {"x1": lrp.epsilon}, "names the variable 'x1': name its layer, 'conv'"),
        (modes.EPSILON | {"conv": "epsilon"}, "rule for layer 'conv' .* is 'epsilon', expected a function"),
        ({layers.FullyConnected: lrp.epsilon}, "no rule for layer 'relu'"),
    ],
)
def test_errors_are_those_of_a_walk(mode: Any, message: str) -> None:
    graph, trace, seeds = small()
    for walk in (graph.backward, partial(ledger.keep, graph)):
        with pytest.raises(ValueError, match=message):
            walk(trace, seeds, mode)
