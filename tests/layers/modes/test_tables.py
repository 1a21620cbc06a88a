"""What the modes have in common, how they differ, and how their tables mix."""

from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import cases

from refvis import layers
from refvis.layers import lrp, modes, relu
from refvis.layers.ledger import keep


def seeded(data: st.DataObject, net: cases.Net) -> tuple[layers.Trace, dict[str, np.ndarray]]:
    trace = net.graph.forward(**net.given)
    end = net.graph.nodes[-1].output
    return trace, {end: cases.like(data.draw, trace[end])}


@given(cases.single(("relu",)), st.data())
def test_guided_mask_is_both_masks(case: cases.Case, data: st.DataObject) -> None:
    layer, (x,) = layers.ReLU(), case.inputs
    g = cases.like(data.draw, x)
    ones = np.ones_like(g)
    by_input = relu.gradient(layer, ones, None, x)[0] == 1
    by_signal = relu.deconvnet(layer, g, None, x)[0] != 0
    found = relu.guided(layer, g, None, x)[0]
    np.testing.assert_array_equal(by_input, x > 0)
    np.testing.assert_array_equal(by_signal, g > 0)
    np.testing.assert_array_equal(found, g * (by_input & by_signal), strict=True)


@given(cases.single(("relu",)), st.data())
def test_leak_stands_for_the_closed_gate(case: cases.Case, data: st.DataObject) -> None:
    layer, (x,) = case
    g = cases.like(data.draw, x)
    gates = {True: 1.0, False: layer.leak}
    expected = [v * gates[v > 0] * gates[q > 0] for v, q in zip(g.ravel(), x.ravel(), strict=True)]
    np.testing.assert_array_equal(relu.guided(layer, g, None, x)[0].ravel(), expected)


@given(cases.single(("relu",)), st.data())
def test_deconvnet_does_not_look_at_the_input(case: cases.Case, data: st.DataObject) -> None:
    layer, (x,) = case
    g = cases.like(data.draw, x)
    found = relu.deconvnet(layer, g, None, x)[0]
    np.testing.assert_array_equal(found, relu.deconvnet(layer, g, None, cases.like(data.draw, x))[0])
    np.testing.assert_array_equal(found, layers.forward(layer, g), strict=True)


@pytest.mark.parametrize("name", ["gradient", "deconvnet", "guided"])
@given(case=cases.single(("prelu",)), data=st.data())
def test_a_parametric_relu_is_gated_as_a_leaky_one_in_each_channel(
    name: str, case: cases.Case, data: st.DataObject
) -> None:
    layer, (x,) = case
    g = cases.like(data.draw, x)
    found = layers.backward(layer, g, None, x, rule=modes.MODES[name][layers.PReLU])[0]
    for k, slope in enumerate(np.broadcast_to(layer.slopes, x.shape[3:])):
        part = np.s_[..., k : k + 1]
        leaky, rule = layers.ReLU(float(slope)), modes.MODES[name][layers.ReLU]
        expected = layers.backward(leaky, g[part].copy(), None, x[part].copy(), rule=rule)[0]
        np.testing.assert_allclose(found[part], expected, rtol=1e-6, atol=0)


@given(cases.chains(("conv", "subsample", "pool", "dropout", "lrn"), end=False), st.data())
def test_without_relu_three_modes_are_one(net: cases.Net, data: st.DataObject) -> None:
    trace, seeds = seeded(data, net)
    expected = net.graph.backward(trace, seeds, "gradient")
    for mode in ("deconvnet", "guided"):
        found = net.graph.backward(trace, seeds, mode)
        np.testing.assert_equal(list(found), list(expected))
        for name, signal in found.items():
            np.testing.assert_array_equal(signal, expected[name], strict=True)


@given(cases.chains(("conv", "relu", "pool"), end=False), st.data())
def test_a_name_wins_over_a_type(net: cases.Net, data: st.DataObject) -> None:
    trace, seeds = seeded(data, net)
    names = [node.name for node in net.graph.nodes if isinstance(node.layer, layers.ReLU)]
    by_name = net.graph.backward(trace, seeds, modes.GRADIENT | dict.fromkeys(names, relu.guided))
    by_type = net.graph.backward(trace, seeds, "guided")
    back_again = net.graph.backward(trace, seeds, modes.GUIDED | dict.fromkeys(names, relu.gradient))
    np.testing.assert_equal(by_name, by_type)
    np.testing.assert_equal(back_again, net.graph.backward(trace, seeds))


def small() -> tuple[layers.Graph, layers.Trace, dict[str, np.ndarray]]:
    graph = layers.Graph(layers.chain({"conv1": layers.Conv(np.ones((3, 1, 2, 2))), "relu1": layers.ReLU()}))
    trace = graph.forward(np.ones((1, 4, 5, 2)))
    return graph, trace, {"x2": np.ones((1, 4, 4, 3))}


def test_one_layer_by_name() -> None:
    graph, trace, seeds = small()
    plain = graph.backward(trace, seeds, "epsilon")
    mode = modes.EPSILON | {"conv1": partial(lrp.epsilon, eps=4.0)}
    # Every output is 4, so the stabiliser 4 halves what arrives.
    np.testing.assert_allclose(graph.backward(trace, seeds, mode)["x0"], plain["x0"] / 2, rtol=1e-6)


def test_unknown_mode() -> None:
    graph, trace, seeds = small()
    with pytest.raises(ValueError, match=r"unknown mode 'guide', expected one of gradient, deconvnet, guided, epsilon"):
        graph.backward(trace, seeds, "guide")


def test_missing_rule_names_layer_and_type() -> None:
    graph, trace, seeds = small()
    mode = {kind: rule for kind, rule in modes.GRADIENT.items() if kind is not layers.Conv}
    with pytest.raises(ValueError, match=r"no rule for layer 'conv1' \(Conv\)"):
        graph.backward(trace, seeds, mode)


def test_rule_for_a_layer_that_is_not_there() -> None:
    graph, trace, seeds = small()
    with pytest.raises(ValueError, match=r"no layer.* 'conv2': did you mean 'conv1'"):
        graph.backward(trace, seeds, modes.GRADIENT | {"conv2": lrp.epsilon})


def test_rule_under_the_name_of_a_variable() -> None:
    graph, trace, seeds = small()
    with pytest.raises(ValueError, match=r"'x1'.*'conv1'"):
        graph.backward(trace, seeds, modes.GRADIENT | {"x1": lrp.epsilon})


def test_relevance_of_a_loss_has_no_rule() -> None:
    graph = layers.Graph(layers.chain({"loss": layers.Loss("log")}))
    trace = graph.forward(np.full((1, 1, 1, 2), 0.5), label=np.array([1]))
    with pytest.raises(ValueError, match=r"no rule for layer 'loss' \(Loss\)"):
        graph.backward(trace, {"x1": np.ones((1, 1, 1, 1))}, "epsilon")


@pytest.mark.parametrize("name", modes.MODES)
def test_table_prints_every_row(name: str) -> None:
    lines = modes.table(name).splitlines()
    np.testing.assert_equal(len(lines), len(modes.MODES[name]))
    for line, (key, rule) in zip(lines, modes.MODES[name].items(), strict=True):
        words = line.split("  ", 1)
        np.testing.assert_equal((words[0], words[1].strip()), (key.__name__, modes.rule_name(rule)))


def test_table_prints_names_and_options() -> None:
    mode = modes.GUIDED | {"fc6": partial(lrp.epsilon, eps=0.25)}
    lines = modes.table(mode).splitlines()
    np.testing.assert_equal(lines[-1].split(), ["fc6", "lrp.epsilon(eps=0.25)"])
    np.testing.assert_equal("relu.guided" in modes.table("guided"), True)
    np.testing.assert_equal(modes.table({}), "")


@pytest.mark.parametrize("name", ["gradient", "deconvnet", "guided"])
def test_modes_have_a_rule_for_every_operator(name: str) -> None:
    np.testing.assert_equal(set(modes.MODES[name]), set(layers.OPERATORS))


def test_a_rule_is_a_function() -> None:
    graph = layers.Graph(layers.chain({"relu1": layers.ReLU()}))
    trace = graph.forward(np.ones((1, 2, 3, 4)))
    with pytest.raises(ValueError, match=r"rule for layer 'relu1' \(ReLU\) is 'guided', expected a function"):
        graph.backward(trace, {"x1": np.ones((1, 2, 3, 4))}, modes.GRADIENT | {layers.ReLU: "guided"})


def test_names_are_texts() -> None:
    graph = layers.Graph(layers.chain({"relu1": layers.ReLU()}))
    with pytest.raises(ValueError, match="3 is not a name of a layer or variable"):
        graph.upto(3)
    with pytest.raises(ValueError, match=r"the layers are a list, expected a mapping of names to layers"):
        layers.chain([layers.ReLU()])


def test_unknown_modes_have_a_hint() -> None:
    for name, near in (("guide", "guided"), ("Epsilon", "epsilon"), ("zplus", "z_plus"), ("guided_backprop", "guided")):
        with pytest.raises(ValueError, match=rf"unknown mode '{name}', expected one of .*; did you mean '{near}'\?$"):
            modes.find(name)
    with pytest.raises(ValueError, match=r"or a table of rules$"):
        modes.find("xyz")


def wrong(result: Any) -> Any:
    return lambda layer, signal, output, *inputs: result(*inputs)


WRONG = {
    "no tuple": (wrong(lambda x: x), r"returned an array \(1, 2, 3, 4\) float64, expected"),
    "nothing": (wrong(lambda x: None), "returned NoneType, expected"),
    "a list": (wrong(lambda x: [x]), "returned list, expected"),
    "too many": (wrong(lambda x: (x, x)), "returned 2 arrays, expected"),
    "shape": (wrong(lambda x: (x[..., :1],)), r"returned \(an array \(1, 2, 3, 1\) float64\), expected"),
    "dtype": (wrong(lambda x: (x.astype("float32"),)), r"returned \(an array \(1, 2, 3, 4\) float32\), expected"),
    "no array": (wrong(lambda x: (x.tolist(),)), r"returned \(list\), expected"),
}


@pytest.mark.parametrize("name", ["first", "second"])
@pytest.mark.parametrize("case", WRONG)
def test_what_a_rule_returns_is_checked_where_it_is_returned(case: str, name: str) -> None:
    rule, message = WRONG[case]
    graph = layers.Graph(layers.chain({"first": layers.ReLU(), "second": layers.ReLU()}))
    trace = graph.forward(np.ones((1, 2, 3, 4)))
    expected = rf"the rule test_tables\.<lambda> of layer '{name}' \(ReLU\) {message} a tuple, one array per input: "
    for walk in (graph.backward, partial(keep, graph)):
        with pytest.raises(layers.ShapeError, match=expected + r"\(1, 2, 3, 4\) float64$"):
            walk(trace, {"x2": np.ones((1, 2, 3, 4))}, modes.GRADIENT | {name: rule})


def test_a_rule_of_no_module_has_a_name() -> None:
    rule = eval("lambda layer, signal, output, x: x", {})
    np.testing.assert_equal((rule.__module__, modes.rule_name(rule)), (None, "<lambda>"))
