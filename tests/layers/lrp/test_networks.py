"""Composites: whole networks are dense matrices all the way down, and the books balance at every node and in all."""

import numpy as np
import pytest
from hypothesis import Phase, assume, given, settings
from hypothesis import strategies as st
from support import cases, walks

from refvis import layers
from refvis.layers import ledger, lrp, modes

FEW = settings(max_examples=3, phases=[Phase.generate])
NETS = {"chain": walks.chain, "branches": walks.branches}


def drawn(name: str, data: st.DataObject) -> tuple[layers.Graph, layers.Trace, dict[str, np.ndarray]]:
    random = data.draw(cases.generators())
    graph = NETS[name](random)
    trace = graph.forward(walks.values(random, 3, 5, 6, 2))
    return graph, trace, {graph.outputs[0]: cases.like(data.draw, trace.output)}


@pytest.mark.parametrize("net", NETS)
@pytest.mark.parametrize("mode", walks.COMPOSITES)
@FEW
@given(data=st.data())
def test_a_composite_is_its_formulas(mode: str, net: str, data: st.DataObject) -> None:
    graph, trace, seeds = drawn(net, data)
    found = graph.backward(trace, seeds, mode)
    expected, sizes = walks.down(walks.COMPOSITES[mode], graph, trace, seeds)
    np.testing.assert_equal(set(found), set(expected))
    for name, signal in found.items():
        np.testing.assert_array_less(np.abs(signal - expected[name]), 1e-10 * sizes[name] + 1e-300, err_msg=name)


def test_all_composites_are_here() -> None:
    named = {name for name, mode in modes.MODES.items() if modes.is_relevance(mode)}
    np.testing.assert_equal(named, set(walks.COMPOSITES))


@pytest.mark.parametrize("net", NETS)
@pytest.mark.parametrize("mode", walks.COMPOSITES)
@FEW
@given(data=st.data())
def test_books_balance(mode: str, net: str, data: st.DataObject) -> None:
    graph, trace, seeds = drawn(net, data)
    assert_balanced(ledger.keep(graph, trace, seeds, mode), len(graph.nodes))


def assert_balanced(books: ledger.Ledger, count: int) -> None:
    """Raise unless every node's line, and the network's, add up to 1e-12 of the absolute sums."""
    np.testing.assert_equal(len(books.entries), count)
    np.testing.assert_equal([(one.node, one.rest, one.scale) for one in books.unbalanced], [])
    stayed = sum(books.sum(amount) for amount in ("bias", "stabiliser", "zero"))
    scale = sum(one.scale for one in books.entries)
    np.testing.assert_allclose(sum(books.inputs.values()) + stayed, sum(books.seeds.values()), atol=1e-12 * scale)


@pytest.mark.parametrize("mode", walks.COMPOSITES)
@settings(max_examples=10, phases=[Phase.generate])
@given(data=st.data())
def test_books_balance_on_random_chains(mode: str, data: st.DataObject) -> None:
    graph, given_ = data.draw(cases.chains(end=False))
    trace = graph.forward(**given_)
    end = graph.nodes[-1].output
    assume(all(clear(node, trace) for node in graph.nodes))
    assert_balanced(ledger.keep(graph, trace, {end: cases.like(data.draw, trace[end])}, mode), len(graph.nodes))


def clear(node: layers.Node, trace: layers.Trace) -> bool:
    """Whether no denominator is but the rounding of terms that cancel: an amount divided by that has no digits left."""
    if type(node.layer) not in lrp.LINEAR or getattr(node.layer, "method", "avg") == "max":
        return True
    part = lrp.linear(node.layer, trace[node.inputs[0]])
    y, terms = abs(trace[node.output]), part.on(abs).weighted(abs).forward()
    return bool(np.all((y == 0) | (y > 1e-3 * terms)))
