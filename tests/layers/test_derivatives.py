"""Every gradient is the derivative: <J^T g, u> is g times a central difference along u, in double, off the kinks."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from support import cases
from support.numeric import CLEARANCE, assert_adjoint, central, clearance, rounding

from refvis import layers

ROUNDING = 1e-7
PARAMETERS = ("filters", "weights", "biases", "scale", "offset", "slopes")
SOME = settings(max_examples=30)


def direction(data: st.DataObject, x: np.ndarray) -> np.ndarray:
    return data.draw(cases.generators()).uniform(-1, 1, x.shape)


@pytest.mark.parametrize("name", cases.ON)
@SOME
@given(data=st.data())
def test_layer(name: str, data: st.DataObject) -> None:
    layer, (x,) = data.draw(cases.single((name,), dtype="float64"))
    x = x + data.draw(cases.generators()).uniform(0.01, 0.1, x.shape)
    assume(clearance(layer, x) > CLEARANCE)
    u = direction(data, x)
    ju = central(lambda moved: layers.forward(layer, moved), x, u)
    g = cases.like(data.draw, ju)
    assert_adjoint(u, ju, g, layers.backward(layer, g, None, x)[0], ROUNDING)


@pytest.mark.parametrize("name", cases.SEVERAL)
@SOME
@given(data=st.data())
def test_layer_of_several_inputs(name: str, data: st.DataObject) -> None:
    layer, inputs = data.draw(cases.several((name,), dtype="float64"))
    g = cases.like(data.draw, layers.forward(layer, *inputs))
    found = layers.backward(layer, g, None, *inputs)
    np.testing.assert_equal(len(found), len(inputs))
    for i, x in enumerate(inputs):
        u = direction(data, x)
        ju = central(lambda moved, i=i: layers.forward(layer, *inputs[:i], moved, *inputs[i + 1 :]), x, u)
        assert_adjoint(u, ju, g, found[i], ROUNDING)


@pytest.mark.parametrize("kind", cases.CATEGORICAL + cases.ATTRIBUTE)
@SOME
@given(data=st.data())
def test_loss(kind: str, data: st.DataObject) -> None:
    layer, (x, labels) = data.draw(cases.losses((kind,), dtype="float64"))
    if kind not in cases.PROBABILITIES:
        x = x + data.draw(cases.generators()).uniform(0.01, 0.1, x.shape)
    assume(clearance(layer, x, labels) > CLEARANCE)
    u = direction(data, x)
    ju = central(lambda moved: layers.forward(layer, moved, labels), x, u)
    g = np.full((1, 1, 1, 1), -1.5)
    dx, dlabels = layers.backward(layer, g, None, x, labels)
    assert_adjoint(u, ju, g, dx, ROUNDING)
    np.testing.assert_array_equal(dlabels, np.zeros(labels.shape), strict=True)


@pytest.mark.parametrize("name", ["conv", "subsample", "full", "conv_transpose", "batch_norm", "scale", "prelu"])
@SOME
@given(data=st.data())
def test_parameters(name: str, data: st.DataObject) -> None:
    draw = cases.single if name in cases.ON else cases.several
    layer, inputs = data.draw(draw((name,), dtype="float64"))
    g = cases.like(data.draw, layers.forward(layer, *inputs))
    gradients = layers.parameter_gradients(layer, g, None, *inputs)
    names = [n for n in PARAMETERS if getattr(layer, n, None) is not None]
    np.testing.assert_equal(list(gradients), names)
    assume(gradients)
    for key, found in gradients.items():
        value = getattr(layer, key)
        u = direction(data, value)
        ju = central(lambda moved, key=key: layers.forward(replace(layer, **{key: moved}), *inputs), value, u)
        assert_adjoint(u, ju, g, found, ROUNDING)


def clear(net: cases.Net, trace: layers.Trace) -> bool:
    nodes = net.graph.nodes
    return all(clearance(node.layer, *(trace[name] for name in node.inputs)) > CLEARANCE for node in nodes)


@given(cases.chains(), st.data())
def test_network(net: cases.Net, data: st.DataObject) -> None:
    trace = net.graph.forward(**net.given)
    assume(clear(net, trace))
    end, x = net.graph.nodes[-1].output, net.given["x0"]
    u = direction(data, x)
    ju = central(lambda moved: net.graph.forward(**net.given | {"x0": moved})[end], x, u)
    g = cases.like(data.draw, ju)
    assert_adjoint(u, ju, g, net.graph.backward(trace, {end: g})["x0"], ROUNDING, rounding(trace[end]))


@given(cases.meetings(), st.data())
def test_network_of_branches(net: cases.Net, data: st.DataObject) -> None:
    trace, x = net.graph.forward(**net.given), net.given["x"]
    u = direction(data, x)
    ju = central(lambda moved: net.graph.forward(moved).output, x, u)
    g = cases.like(data.draw, ju)
    assert_adjoint(u, ju, g, net.graph.backward(trace, {"y": g})["x"], ROUNDING, rounding(trace.output))


def without_zeros(layer: Any) -> Any:
    """Return the layer with parameters moved off zero.

    A filter or scale of zeros makes the values of a channel equal: a tie for a pooling above, and a kink, since moving
    the parameter takes them apart.
    """
    moved = {n: getattr(layer, n) for n in PARAMETERS if getattr(layer, n, None) is not None}
    random = np.random.default_rng(0)
    return replace(layer, **{n: value + random.uniform(0.1, 0.2, value.shape) for n, value in moved.items()})


CHAIN = ("conv", "conv_transpose", "batch_norm", "relu", "pool", "lrn")


@given(cases.chains(CHAIN, adjust=without_zeros), st.data())
def test_network_parameters(net: cases.Net, data: st.DataObject) -> None:
    trace = net.graph.forward(**net.given)
    assume(clear(net, trace))
    end = net.graph.nodes[-1].output
    g = cases.like(data.draw, trace[end])
    gradients = net.graph.parameter_gradients(trace, {end: g})
    parameters = [(n.name, f) for n in net.graph.nodes for f in PARAMETERS if getattr(n.layer, f, None) is not None]
    np.testing.assert_equal(set(gradients), set(parameters))
    assume(parameters)
    name, key = data.draw(st.sampled_from(parameters))
    value = getattr(net.graph.node(name).layer, key)

    def moved(to: np.ndarray) -> np.ndarray:
        nodes = [
            replace(node, layer=replace(node.layer, **{key: to})) if node.name == name else node
            for node in net.graph.nodes
        ]
        return layers.Graph(nodes).forward(**net.given)[end]

    u = direction(data, value)
    assert_adjoint(u, central(moved, value, u), g, gradients[name, key], ROUNDING, rounding(trace[end]))
