"""Inside `exact` every function is its definition, bit for bit; outside, and in other threads, its fast twin."""

import contextvars
import functools
import pickle
import threading
from inspect import unwrap
from unittest import mock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import cases
from support.small_nets import classifier, inputs
from support.ways import TABLES

import refvis
from refvis import layers, modes
from refvis.layers import OPERATORS, conv, exact, is_exact
from refvis.layers.base.exactness import TWINS, fastest, twin_of
from refvis.layers.fast import conv as fast_conv

RANDOM = np.random.default_rng(4)
X = RANDOM.standard_normal((2, 11, 9, 6)).astype("float32")
LAYER = layers.Conv(RANDOM.standard_normal((8, 5, 3, 6)).astype("float32"), pad=1)
FAST, SLOW = fast_conv.forward(LAYER, X), conv.forward(LAYER, X)


def ways(layer, signal, output, inputs):
    """All that one layer computes: through the calls, and through the mode that holds its gradient."""
    yield layers.forward(layer, *inputs)
    yield from layers.backward(layer, signal, output, *inputs)
    yield from layers.backward(layer, signal, output, *inputs, rule=modes.GRADIENT[type(layer)])
    yield from layers.parameter_gradients(layer, signal, output, *inputs).values()


def by_table(table, layer, signal, output, inputs):
    """The same, called in a table of operators by hand."""
    found = table[type(layer)]
    yield found.forward(layer, *inputs)
    yield from 2 * found.gradient(layer, signal, output, *inputs)
    if found.parameter_gradients:
        yield from found.parameter_gradients(layer, signal, output, *inputs).values()


def assert_same_bits(found, expected):
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other, strict=True)


def test_the_example_tells_the_two_apart():
    assert (FAST != SLOW).any()
    np.testing.assert_allclose(FAST, SLOW, atol=1e-4)


@given(cases.every(), st.data())
def test_inside_is_the_definition_and_outside_the_table(case, data):
    layer, inputs = case
    output = layers.forward(layer, *inputs)
    arguments = layer, cases.like(data.draw, output), output, inputs
    with exact():
        assert_same_bits(ways(*arguments), by_table(TABLES["definitions"], *arguments))
    assert_same_bits(ways(*arguments), by_table(TABLES["fast"], *arguments))


def test_tables_hold_definitions():
    """The registry of twins is what makes them fast: no table of operators or rules has a fast function in it."""
    tables = (*OPERATORS.values(),)
    functions = {one for operator in tables for one in vars(operator).values() if callable(one)}
    rules = {rule for table in modes.MODES.values() for rule in table.values()}
    assert len(TWINS) >= 15
    assert len(functions & set(TWINS)) >= 12
    assert not (functions | rules) & set(TWINS.values())


def test_a_definition_has_one_twin():
    with pytest.raises(ValueError, match=r"conv\.forward has a fast twin already"):
        twin_of(conv.forward)(fast_conv.forward)
    assert unwrap(TWINS[conv.forward]) is unwrap(fast_conv.forward)


def test_what_is_no_function_has_no_twin():
    """A rule may be any callable, also one that cannot be a key of a table."""

    class Rule:
        __hash__ = None

        def __call__(self):
            return None

    for rule in (Rule(), functools.partial(conv.forward), conv.forward.__call__):
        assert fastest(rule) is rule


@pytest.mark.parametrize("mode", modes.MODES)
def test_walks_touch_no_fast_convolution(mode):
    net = classifier(norm=False).upto("fc3")
    if mode.endswith("box"):
        mode = modes.with_box(modes.find(mode), -400.0, 400.0)
    images = inputs(2)

    def walk():
        trace = net.forward(images)
        seeds = {"x7": np.ones_like(trace["x7"])}
        net.parameter_gradients(trace, seeds)
        layers.ledger.keep(net, trace, seeds, mode)  # which goes back, too
        return net.backward(trace, seeds, mode)["x0"]

    expected = walk()
    with mock.patch.object(fast_conv, "filters_like", side_effect=AssertionError("fast")):
        with pytest.raises(AssertionError, match="fast"):
            walk()
        with exact():
            found = walk()
    np.testing.assert_allclose(found, expected, atol=1e-4 * abs(expected).max())


def test_methods_obey():
    """Among them occlusion, whose incremental passes call operators in a way of their own."""
    net, x = classifier(), inputs()
    with mock.patch.object(fast_conv, "filters_like", side_effect=AssertionError("fast")), exact():
        for method in (refvis.deconvolution, refvis.integrated_gradients):
            method(net, x, channel=2)
        refvis.occlusion(net, x, size=5, stride=3, channel=2)


def test_changed_boxes_obey():
    """Inside, each box is pasted into a copy of the image, and everything is computed: no plan is made."""
    net, x = classifier(), inputs()
    with mock.patch("refvis.layers.incremental.plan.Plan", side_effect=AssertionError("fast")):
        with pytest.raises(AssertionError, match="fast"):
            next(layers.incremental.forward_changes(net, net.forward(x), [((0, 2), (1, 3))], lambda n: x[0, :2, :2]))
        with exact():
            ((numbers, y),) = layers.incremental.forward_changes(
                net, net.forward(x), [((0, 2), (1, 3))], lambda n: 0 * x[0, :2, :2]
            )
    x = x.copy()
    x[:, 0:2, 1:3] = 0
    assert numbers == [0]
    np.testing.assert_allclose(y, net.forward(x).output, atol=1e-6)


def test_nested_and_after_an_error():
    with exact():
        with exact():
            pass
        assert_same_bits([layers.forward(LAYER, X)], [SLOW])
        with pytest.raises(layers.ShapeError), exact():
            layers.forward(LAYER, X[..., :5])
        assert is_exact()
    assert not is_exact()
    with pytest.raises(ZeroDivisionError), exact():
        raise ZeroDivisionError
    assert_same_bits([layers.forward(LAYER, X)], [FAST])


def test_a_function_may_be_decorated():
    @exact()
    def computed():
        return layers.forward(LAYER, X)

    for _ in range(2):
        assert_same_bits([computed()], [SLOW])
        assert_same_bits([layers.forward(LAYER, X)], [FAST])


def test_threads_have_a_switch_each():
    """One waits inside while the other, started outside or inside, computes; only a copied context is taken along."""
    found, inside, done = {}, threading.Event(), threading.Event()

    def compute(name):
        found[name] = layers.forward(LAYER, X)

    def defining():
        with exact():
            inside.set()
            assert done.wait(60)
            compute("inside")

    def run(*arguments, target):
        thread = threading.Thread(target=target, args=arguments)
        thread.start()
        return thread

    other = run(target=defining)
    assert inside.wait(60)
    compute("main, meanwhile")
    with exact():
        run("started inside", target=compute).join()
        run(compute, "copied", target=contextvars.copy_context().run).join()
    done.set()
    other.join()
    fast = {name for name, y in found.items() if np.array_equal(y, FAST)}
    slow = {name for name, y in found.items() if np.array_equal(y, SLOW)}
    assert (fast, slow) == ({"main, meanwhile", "started inside"}, {"inside", "copied"})


def test_tables_can_be_sent_and_print_definitions():
    """Tables of rules can be sent to other processes, and print by the definitions' names."""
    assert pickle.loads(pickle.dumps(modes.GRADIENT)) == modes.GRADIENT
    assert modes.rule_name(modes.GRADIENT[layers.Conv]) == "conv.gradient"
    assert unwrap(fastest(conv.forward)) is unwrap(fast_conv.forward)
    with exact():
        assert fastest(conv.forward) is conv.forward
