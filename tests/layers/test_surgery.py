"""Surgery: new networks that compute what they should, from networks that stay as they were."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.golden_files import images, read
from support.same import assert_same
from support.shared_files import shared

import refvis
from refvis.layers import (
    BatchNorm,
    Concat,
    Conv,
    ConvTranspose,
    FullyConnected,
    Graph,
    Loss,
    Node,
    Pool,
    ReLU,
    Sigmoid,
    Softmax,
    SoftmaxLoss,
    Sum,
    chain,
)
from refvis.layers.surgery import canonical_names, merge_batchnorm, remove_layer, rename_variables, replace_layer

DTYPES = {"float64": 1e-12, "float32": 5e-6}
"""Largest difference between a network and its merged one, as part of the largest value."""


def array(seed: int, *shape: int, dtype: str = "float64") -> Any:
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def conv(seed: int, *shape: int, biases: bool = True, dtype: str = "float64", **geometry: Any) -> Conv:
    return Conv(
        array(seed, *shape, dtype=dtype), array(seed + 1, shape[0], dtype=dtype) if biases else None, **geometry
    )


def batch_norm(seed: int, channels: int, dtype: str = "float64", given: bool = True) -> BatchNorm:
    moments = array(seed, channels, 2, dtype=dtype)
    moments[:, 1] = abs(moments[:, 1]) + 0.5
    scale, offset = array(seed + 1, channels, dtype=dtype), array(seed + 2, channels, dtype=dtype)
    return BatchNorm(scale, offset, moments if given else None)


def forked() -> Graph:
    """x -> a -> (b, c) -> sum; each keeps the size and channels of its input."""
    return Graph(
        (
            Node("a", conv(1, 5, 1, 1, 5), "x", "va"),
            Node("b", ReLU(), "va", "vb"),
            Node("c", Sigmoid(), "va", "vc"),
            Node("s", Sum(), ("vb", "vc"), "y"),
        )
    )


X = array(9, 2, 4, 3, 5)


def wiring(net: Graph) -> list[tuple[str, tuple[str, ...], str]]:
    return [(node.name, node.inputs, node.output) for node in net.nodes]


@pytest.mark.parametrize("name", ["b", "vb"])
def test_replace_a_layer(name: str) -> None:
    net = forked()
    found, before = replace_layer(net, name, Sigmoid()), wiring(net)
    assert isinstance(net.node("b").layer, ReLU)
    assert wiring(found) == wiring(net) == before
    trace = found.forward(X)
    np.testing.assert_array_equal(trace["vb"], trace["vc"])
    assert [node.layer for node in found.nodes if node.name != "b"] == [n.layer for n in net.nodes if n.name != "b"]


def test_a_network_stays_what_it_is() -> None:
    net = refvis.chain({"a": conv(1, 5, 1, 1, 5), "r": ReLU()}, {"note": 1.0}, "mine")
    for found in (
        replace_layer(net, "r", Sigmoid()),
        remove_layer(net, "r"),
        rename_variables(net, {"x1": "y"}),
        canonical_names(net),
        merge_batchnorm(net),
    ):
        assert isinstance(found, refvis.Network)
        assert (found.name, found.meta) == ("mine", {"note": 1.0})


def test_remove_a_layer_in_the_middle() -> None:
    net = forked()
    found = remove_layer(net, "a")
    assert wiring(found) == [("b", ("x",), "vb"), ("c", ("x",), "vc"), ("s", ("vb", "vc"), "y")]
    np.testing.assert_allclose(found.forward(X).output, np.maximum(X, 0) + 1 / (1 + np.exp(-X)), 1e-14)
    assert len(net.nodes) == 4


def test_remove_the_last_and_the_first_layer() -> None:
    net = Graph(chain({"a": conv(1, 5, 1, 1, 5), "r": ReLU(), "p": Softmax()}))
    without = remove_layer(net, "p")
    assert without.outputs == ("x2",)
    np.testing.assert_array_equal(without.forward(X).output, net.forward(X)["x2"])
    assert wiring(remove_layer(net, "x1")) == [("r", ("x0",), "x2"), ("p", ("x2",), "x3")]


def test_a_removed_layer_that_is_read_twice() -> None:
    net = Graph((Node("r", ReLU(), "x", "y"), Node("s", Sum(), ("y", "y"), "z")))
    np.testing.assert_array_equal(remove_layer(net, "r").forward(X).output, 2 * X)


def test_what_cannot_be_removed() -> None:
    with pytest.raises(ValueError, match=r"layer 's' has 2 inputs, expected one, which takes its place"):
        remove_layer(forked(), "y")
    with pytest.raises(ValueError, match="the network has no nodes, expected at least one"):
        remove_layer(Graph(chain({"r": ReLU()})), "r")
    for change in (remove_layer, lambda net, name: replace_layer(net, name, ReLU())):
        with pytest.raises(ValueError, match="no layer or variable 'vd'"):
            change(forked(), "vd")


def test_rename_variables() -> None:
    net = forked()
    found = rename_variables(net, {"x": "data", "vb": "vc", "vc": "vb"})
    assert (found.inputs, found.outputs) == (("data",), ("y",))
    assert wiring(found)[1:] == [("b", ("va",), "vc"), ("c", ("va",), "vb"), ("s", ("vc", "vb"), "y")]
    before, after = net.forward(X), found.forward(X)
    for old, new in {"va": "va", "vb": "vc", "vc": "vb", "y": "y"}.items():
        np.testing.assert_array_equal(after[new], before[old])
    assert net.inputs == ("x",)
    assert wiring(rename_variables(net, {})) == wiring(net)


@pytest.mark.parametrize("names", [{"vb": "vc"}, {"x": "y"}, {"va": "new", "vb": "new"}])
def test_names_that_clash(names: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="two variables would have one name"):
        rename_variables(forked(), names)


def test_unknown_variables_are_not_renamed() -> None:
    with pytest.raises(ValueError, match="no variable 'a'"):
        rename_variables(forked(), {"a": "b"})


@pytest.mark.parametrize(
    ("ending", "last"),
    [
        ({}, ("c", ("x1",), "x2")),
        ({"p": Softmax()}, ("p", ("prediction",), "prob")),
        ({"l": SoftmaxLoss()}, ("l", ("prediction", "label"), "objective")),
        ({"l": Loss()}, ("l", ("prediction", "label"), "objective")),
    ],
)
def test_canonical_names(ending: dict[str, Any], last: tuple[Any, ...]) -> None:
    net = Graph(chain({"a": conv(1, 5, 1, 1, 5), "c": conv(3, 7, 1, 1, 5)} | ending))
    found = canonical_names(net)
    assert wiring(found)[-1] == last
    assert found.inputs[0] == "input"
    assert wiring(canonical_names(found)) == wiring(found)
    assert wiring(net) == wiring(Graph(chain({"a": ReLU(), "c": ReLU()} | ending)))


def test_canonical_names_are_those_of_the_original() -> None:
    case = read(shared("golden", "dag_from_simplenn_eval.mat"))
    made, ready = (refvis.load(shared("golden", f"{name}.mat")) for name in ("simplenn_net_new", "dag_from_simplenn"))
    found = canonical_names(made)
    assert wiring(found) == wiring(ready)
    assert_same([node.layer for node in found.nodes], [node.layer for node in ready.nodes])
    x = images(case["inputs"]["data"])
    trace, expected = found.forward(input=x), ready.forward(input=x)
    assert list(trace) == case["outputs"]["var_names"]
    assert_same(dict(trace), dict(expected))


LINEAR = {
    "conv": lambda dtype: conv(1, 6, 3, 2, 5, pad=1, stride=(1, 2), dtype=dtype),
    "conv in groups": lambda dtype: conv(1, 10, 3, 2, 1, dtype=dtype),
    "conv without biases": lambda dtype: conv(1, 6, 2, 3, 5, biases=False, dilate=1, dtype=dtype),
    "conv without filters": lambda dtype: Conv(None, array(1, 5, dtype=dtype), 2),
    "conv with one bias for all": lambda dtype: Conv(None, array(1, 1, dtype=dtype)),
    "conv without parameters": lambda dtype: Conv(None, None, (2, 1)),
    "transposed": lambda dtype: ConvTranspose(array(1, 5, 3, 2, 4, dtype=dtype), array(2, 4, dtype=dtype), 2, 1),
    "transposed in groups": lambda dtype: ConvTranspose(
        array(1, 6, 3, 2, 4, dtype=dtype), array(2, 12, dtype=dtype), (1, 2), 0, 3
    ),
    "transposed without biases": lambda dtype: ConvTranspose(array(1, 5, 3, 2, 4, dtype=dtype), None, 2),
    "fully connected": lambda dtype: FullyConnected(array(1, 7, 7 * 8 * 5, dtype=dtype), array(2, 7, dtype=dtype)),
    "fully connected without biases": lambda dtype: FullyConnected(array(1, 7, 7 * 8 * 5, dtype=dtype)),
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kind", LINEAR)
def test_merged_networks_compute_the_same(kind: str, dtype: str) -> None:
    layer = LINEAR[kind](dtype)
    x = array(8, 2, 7, 8, 6 if kind == "transposed in groups" else 5, dtype=dtype)
    channels = Graph(chain({"l": layer})).forward(x).output.shape[3]
    net = Graph(chain({"l": layer, "bn": batch_norm(4, channels, dtype), "r": ReLU()}))
    before = {name: value.copy() for name, value in arrays(net).items()}
    found = merge_batchnorm(net)
    assert wiring(found) == [("l", ("x0",), "x2"), ("r", ("x2",), "x3")]
    assert type(found.nodes[0].layer) is type(layer)
    assert {name: value.dtype.name for name, value in arrays(found).items()} == dict.fromkeys(arrays(found), dtype)
    for variable in ("x2", "x3"):
        want = net.forward(x)[variable]
        np.testing.assert_allclose(
            found.forward(x)[variable] / abs(want).max(), want / abs(want).max(), 0, DTYPES[dtype]
        )
    assert_same(arrays(net), before)
    assert wiring(net) == [("l", ("x0",), "x1"), ("bn", ("x1",), "x2"), ("r", ("x2",), "x3")]


def arrays(net: Graph) -> dict[tuple[str, str], Any]:
    names = ("filters", "weights", "biases", "scale", "offset", "moments")
    found = {(node.name, name): getattr(node.layer, name, None) for node in net.nodes for name in names}
    return {key: value for key, value in found.items() if value is not None}


@given(st.integers(0, 10**6), st.integers(1, 3), st.integers(1, 4), st.booleans())
def test_signals_of_merged_networks_are_the_same(seed: int, groups: int, per_group: int, biases: bool) -> None:
    channels = groups * per_group
    layer = conv(seed, channels, 2, 1, 2, biases=biases)
    net = Graph(chain({"c": layer, "bn": batch_norm(seed, channels), "r": ReLU(), "p": Pool(2)}))
    x = array(seed, 2, 4, 3, 2 * groups)
    found, trace = merge_batchnorm(net), net.forward(x)
    merged = found.forward(x)
    np.testing.assert_allclose(merged.output, trace.output, 0, 1e-12 * abs(trace["x2"]).max())
    seeds = {"x4": array(seed, *trace.output.shape)}
    for mode in ("gradient", "deconvnet", "guided"):
        want = net.backward(trace, seeds, mode)["x0"]
        np.testing.assert_allclose(found.backward(merged, seeds, mode)["x0"], want, 0, 1e-11 * max(abs(want).max(), 1))


BLOCK = {"c": conv(1, 5, 1, 1, 5), "bn": batch_norm(4, 5)}


@pytest.mark.parametrize(
    "nodes",
    [
        chain({"c": BLOCK["c"], "bn": batch_norm(4, 5, given=False)}),
        chain({"bn": BLOCK["bn"], "c": BLOCK["c"]}),
        chain({"c": BLOCK["c"], "r": ReLU(), "bn": BLOCK["bn"]}),
        (
            Node("c", BLOCK["c"], "x", "y"),
            Node("bn", BLOCK["bn"], "y", "z"),
            Node("s", Sum(), ("y", "z"), "w"),
        ),
        (
            Node("c", BLOCK["c"], "x", "y"),
            Node("bn", BLOCK["bn"], "y", "z"),
            Node("bn2", batch_norm(5, 5), "y", "w"),
        ),
    ],
    ids=["own moments", "normalisation first", "not linear", "a branch reads it", "two normalisations read it"],
)
def test_what_is_not_merged(nodes: tuple[Node, ...]) -> None:
    net = Graph(nodes)
    found = merge_batchnorm(net)
    assert wiring(found) == wiring(net)
    assert all(one.layer is two.layer for one, two in zip(found.nodes, net.nodes, strict=True))


def test_all_that_can_be_merged_in_a_graph_is() -> None:
    net = Graph(
        (
            Node("c1", conv(1, 6, 1, 1, 5), "x", "y1"),
            Node("c2", conv(3, 6, 1, 1, 5), "x", "y2"),
            Node("bn2", batch_norm(5, 6), "y2", "z2"),
            Node("bn1", batch_norm(6, 6, given=False), "y1", "z1"),
            Node("s", Sum(), ("z1", "z2"), "w"),
            Node("c3", conv(7, 4, 1, 1, 6), "w", "y3"),
            Node("bn3", batch_norm(8, 4), "y3", "z3"),
            Node("k", Concat(), ("z3", "w"), "v"),
        )
    )
    found = merge_batchnorm(net)
    assert [node.name for node in found.nodes] == ["c1", "c2", "bn1", "s", "c3", "k"]
    assert (found.inputs, found.outputs) == (net.inputs, net.outputs)
    want = net.forward(X)
    trace = found.forward(X)
    assert set(want) - set(trace) == {"y2", "y3"}
    for name in trace:
        np.testing.assert_allclose(trace[name], want[name], 0, 1e-12 * abs(want[name]).max(), err_msg=name)


def test_shared_filters_are_merged_on_their_own() -> None:
    shared_conv = conv(1, 5, 1, 1, 5)
    nodes = chain({"a": shared_conv, "bn": batch_norm(4, 5), "b": shared_conv, "bn2": batch_norm(6, 5)})
    net = Graph(nodes)
    found = merge_batchnorm(net)
    want = net.forward(X).output
    np.testing.assert_allclose(found.forward(X).output, want, 0, 1e-12 * abs(want).max())


def test_a_trained_network_merges_to_what_its_authors_merged() -> None:
    """Both files are the authors' own: with the batch normalisations, and merged. They agree bit for bit."""
    found, expected = (
        merge_batchnorm(refvis.load(shared("models", "DnCNN_s25_Bnorm.mat"))),
        refvis.load(shared("models", "DnCNN_s25.mat")),
    )
    assert not [node for node in found.nodes if isinstance(node.layer, BatchNorm)]
    mine, theirs = ([n.layer for n in net.nodes if isinstance(n.layer, Conv)] for net in (found, expected))
    assert len(theirs) == 17
    for one, two in zip(mine, theirs, strict=True):
        assert_same(one, replace(two))
