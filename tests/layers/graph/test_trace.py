"""A layer's name finds the variable that it writes: in traces, signals and seeds."""

import numpy as np
import pytest

from refvis import layers
from refvis.layers.graph.nodes import label_of

X = np.random.default_rng(0).normal(size=(1, 2, 3, 4))


def graph() -> layers.Graph:
    """Return two branches; the layer "b" and the variable "b" are different, "c" is the name of both."""
    return layers.Graph(
        (
            layers.Node("a", layers.ReLU(), "x", "b"),
            layers.Node("b", layers.Sigmoid(), "x", "y"),
            layers.Node("c", layers.Sum(), ("b", "y"), "c"),
        )
    )


def test_layers_and_variables_find_what_was_written() -> None:
    trace = graph().forward(X)
    signals = graph().backward(trace, {"c": X})
    for named in (trace, signals):
        assert list(named) == sorted(named, key=list(named).index)
        assert set(named) == {"x", "b", "y", "c"}
        assert len(named) == 4
        for name, variable in (("a", "b"), ("b", "b"), ("y", "y"), ("c", "c"), ("x", "x")):
            assert named[name] is dict(named)[variable]
            assert named.get(name) is named[name]
            assert name in named
        assert "d" not in named
        assert named.get("d") is None
    assert dict(trace)["b"] is not dict(trace)["y"]


def test_missing_names_are_told_what_there_is() -> None:
    trace = graph().forward(X)
    with pytest.raises(KeyError, match=r"no layer or variable 'd': there are x, a \(b\), y, c"):
        trace["d"]
    with pytest.raises(KeyError, match=r"no layer or variable 3: there are x, a \(b\), y, c"):
        trace[3]
    net = layers.Graph(layers.chain({"relu1": layers.ReLU(), "relu2": layers.ReLU(), "last": layers.Sigmoid()}))
    signals = net.backward(net.forward(X), {"relu2": X})
    with pytest.raises(KeyError, match=r"no layer or variable 'relu': did you mean 'relu[12]' or 'relu[12]'"):
        signals["relu"]
    with pytest.raises(KeyError, match=r"layer 'last' writes 'x3', which has no value here: there are relu2 \(x2\), "):
        signals["last"]


def test_seeds_by_a_layers_name() -> None:
    net = layers.Graph(layers.chain({"relu": layers.ReLU(), "sum": layers.FullyConnected(np.ones((5, 24)))}))
    trace, seed = net.forward(X), np.arange(5.0).reshape(1, 1, 1, 5)
    for back in (net.backward, net.parameter_gradients):
        np.testing.assert_equal(dict(back(trace, {"sum": seed})), dict(back(trace, {"x2": seed})))
        with pytest.raises(ValueError, match=r"two seeds are given for sum \(x2\)"):
            back(trace, {"sum": seed, "x2": seed})
    assert list(net.backward(trace, {"sum": seed})) == ["x2", "x1", "x0"]
    with pytest.raises(
        ValueError, match="a seed is for 'sun': there is no layer or variable 'sun': did you mean 'sum'"
    ):
        net.backward(trace, {"sun": seed})


def test_what_a_variable_is_called() -> None:
    nodes = graph().nodes
    assert [label_of(nodes, name) for name in ("x", "b", "y", "c")] == ["x", "a (b)", "b (y)", "c"]
