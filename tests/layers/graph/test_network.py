"""The engine: order, names, branches, cuts, losses; and that a network is a function that leaves its inputs alone."""

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import cases
from support.numeric import assert_adjoint, central

from refvis import layers
from refvis.layers import Conv, Graph, Loss, Node, Operator, ReLU, Sigmoid, Softmax, chain, modes


@dataclass(frozen=True, eq=False)
class Product:
    """y = a * b, a layer that only these tests know."""


PRODUCT = Operator(
    lambda layer, a, b: a * b, lambda layer, g, y, a, b: (g * b, g * a), lambda layer, first, second: first
)


@pytest.fixture
def product(monkeypatch: pytest.MonkeyPatch) -> Product:
    monkeypatch.setitem(layers.OPERATORS, Product, PRODUCT)
    monkeypatch.setitem(modes.GRADIENT, Product, PRODUCT.gradient)
    return Product()


def image(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=shape or (2, 3, 4, 5))


def same(found: dict[Any, np.ndarray], expected: dict[Any, np.ndarray]) -> None:
    np.testing.assert_equal(list(found), list(expected))
    for name, array in found.items():
        np.testing.assert_array_equal(array, expected[name], strict=True)


def test_one_variable_read_twice(product: Product) -> None:
    graph, x = Graph([Node("square", product, ("x", "x"), "y")]), image()
    trace, g = graph.forward(x), image()
    np.testing.assert_equal((graph.inputs, graph.outputs), (("x",), ("y",)))
    np.testing.assert_array_equal(trace.output, x * x)
    np.testing.assert_allclose(graph.backward(trace, {"y": g})["x"], 2 * x * g, rtol=1e-15)


def test_branches_add_up(product: Product) -> None:
    left, right = Conv(image(3, 1, 1, 5)), Conv(image(3, 1, 1, 5), image(3))
    graph = Graph(
        [
            Node("left", left, "x", "l"),
            Node("right", right, "x", "r"),
            Node("gate", Sigmoid(), "r", "s"),
            Node("meet", product, ("l", "s"), "y"),
        ]
    )
    x, g = image(), image(2, 3, 4, 3)
    trace = graph.forward(x)
    found = graph.backward(trace, {"y": g})
    by_left = layers.backward(left, g * trace["s"], None, x)[0]
    slope = trace["s"] * (1 - trace["s"])
    by_right = layers.backward(right, g * trace["l"] * slope, None, x)[0]
    np.testing.assert_allclose(found["x"], by_left + by_right, rtol=1e-12)
    gradients = graph.parameter_gradients(trace, {"y": g})
    np.testing.assert_equal(set(gradients), {("left", "filters"), ("right", "filters"), ("right", "biases")})
    np.testing.assert_allclose(gradients["right", "biases"], (g * trace["l"] * slope).sum(axis=(0, 1, 2)), rtol=1e-12)


def test_seeds_on_the_way_add_up() -> None:
    graph, x = Graph(chain({"a": Sigmoid(), "b": Sigmoid()})), image()
    trace, g, h = graph.forward(x), image(), 2 * image()
    both = graph.backward(trace, {"x2": g, "x1": h})["x0"]
    each = graph.backward(trace, {"x2": g})["x0"] + graph.backward(trace, {"x1": h})["x0"]
    np.testing.assert_allclose(both, each, rtol=1e-12)


def test_signals_go_no_further_than_they_reach() -> None:
    graph = Graph([Node("a", Sigmoid(), "x", "y"), Node("b", Sigmoid(), "x", "z")])
    trace = graph.forward(image())
    np.testing.assert_equal(set(graph.backward(trace, {"y": image()})), {"x", "y"})


@given(cases.chains(), st.data())
def test_parameter_gradients_are_each_layers_own(net: cases.Net, data: st.DataObject) -> None:
    trace = net.graph.forward(**net.given)
    end = net.graph.nodes[-1].output
    seeds = {end: cases.like(data.draw, trace[end])}
    signals, expected = net.graph.backward(trace, seeds), {}
    for node in reversed(net.graph.nodes):
        inputs = [trace[name] for name in node.inputs]
        found = layers.parameter_gradients(node.layer, signals[node.output], trace[node.output], *inputs)
        expected |= {(node.name, key): gradient for key, gradient in found.items()}
    same(net.graph.parameter_gradients(trace, seeds), expected)


def shared(filters: np.ndarray, biases: np.ndarray) -> Graph:
    """Return a network in which three convolutions have the same filters, and two of them the same biases."""
    return Graph(
        [
            Node("one", Conv(filters, biases), "x", "a"),
            Node("bend", Sigmoid(), "a", "b"),
            Node("two", Conv(filters, biases, stride=2), "b", "c"),
            Node("three", Conv(filters, biases.copy()), "b", "d"),
            Node("aside", Conv(filters), "b", "e"),
        ]
    )


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("row", [False, True], ids=["vector", "row"])
def test_gradients_of_shared_parameters_add_up(row: bool, dtype: str) -> None:
    filters, biases, x = image(5, 1, 2, 5).astype(dtype), image(5).astype(dtype), image(2, 3, 9, 5).astype(dtype)
    biases = biases.reshape(1, 5) if row else biases
    graph = shared(filters, biases)
    trace = graph.forward(x)
    seeds = {"c": image(*trace["c"].shape).astype(dtype), "d": 2 * image(*trace["d"].shape).astype(dtype)}
    found = graph.parameter_gradients(trace, seeds)
    np.testing.assert_equal({array.dtype.name for array in found.values()}, {dtype})

    apart = [
        replace(n, layer=replace(n.layer, filters=filters.copy(), biases=biases.copy()))
        for n in graph.nodes
        if n.name != "bend"
    ]
    apart.insert(1, graph.nodes[1])
    each = Graph(apart).parameter_gradients(trace, seeds)
    tolerance = {"float64": 1e-12, "float32": 1e-5}[dtype]
    total = sum(each[name, "filters"] for name in ("one", "two", "three"))
    for name in ("one", "two", "three", "aside"):  # no seed reaches `aside`, but it has the same filters
        np.testing.assert_allclose(found[name, "filters"], total, rtol=tolerance, atol=tolerance)
    total = each["one", "biases"] + each["two", "biases"]
    for name in ("one", "two"):
        np.testing.assert_allclose(found[name, "biases"], total, rtol=tolerance, atol=tolerance)
    np.testing.assert_array_equal(found["three", "biases"], each["three", "biases"])
    np.testing.assert_equal(len(found), 4 + 3)


def test_the_sum_is_the_derivative_of_moving_all_places() -> None:
    filters, biases, x = image(5, 1, 2, 5), image(5), image(2, 3, 9, 5)
    trace = shared(filters, biases).forward(x)
    seeds = {name: image(*trace[name].shape) for name in ("c", "d")}
    found = shared(filters, biases).parameter_gradients(trace, seeds)["two", "filters"]
    u = np.random.default_rng(1).uniform(-1, 1, filters.shape)

    def scores(moved: np.ndarray) -> np.ndarray:
        outputs = shared(moved, biases).forward(x)
        return np.array([sum((seeds[name] * outputs[name]).sum() for name in seeds)])

    assert_adjoint(u, central(scores, filters, u), np.ones(1), found, 1e-8)


def test_one_array_in_two_fields_of_a_layer() -> None:
    both, x = image(5), image()
    graph = Graph(chain({"norm": layers.BatchNorm(both, both)}))
    found = graph.parameter_gradients(graph.forward(x), {"x1": image()})
    alone = layers.parameter_gradients(layers.BatchNorm(both, both.copy()), image(), None, x)
    np.testing.assert_allclose(found["norm", "scale"], alone["scale"] + alone["offset"], rtol=1e-12)
    np.testing.assert_array_equal(found["norm", "offset"], found["norm", "scale"])


def test_shared_parameters_stay_shared() -> None:
    graph = shared(image(5, 1, 2, 5), image(5))
    for moved in (graph.astype("float32"), graph.to("numpy"), graph.astype("float32").astype("float64")):
        one, _, two, three, aside = (node.layer for node in moved.nodes)
        np.testing.assert_equal(all(layer.filters is one.filters for layer in (two, three, aside)), True)
        np.testing.assert_equal(np.shares_memory(one.biases, two.biases), True)
        np.testing.assert_equal(np.shares_memory(one.biases, three.biases), False)


@pytest.mark.parametrize(
    ("nodes", "message"),
    [
        ([("a", "x", "y"), ("a", "y", "z")], r"two nodes are named 'a': give each a name of its own"),
        ([("a", "x", "y"), ("b", "x", "y")], r"variable 'y' is written by 'a' and 'b'"),
        ([("a", "y", "z"), ("b", "x", "y")], r"node 'a' reads 'y' before it is computed: reorder the nodes"),
        ([("a", "x", "x")], r"node 'a' reads 'x' before it is computed"),
        ([("a", "x", "y"), ("b", "y", "x")], r"node 'a' reads 'x' before it is computed"),
        ([("a", (), "y")], r"node 'a' has 0 inputs and 1 outputs, expected at least one input and exactly one output"),
        ([("a", "x", ("y", "z"))], r"node 'a' has 1 inputs and 2 outputs"),
    ],
)
def test_impossible_wiring(nodes: list[tuple[Any, Any, Any]], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Graph([Node(name, ReLU(), inputs, outputs) for name, inputs, outputs in nodes])


def tower() -> Graph:
    return Graph(
        [
            Node("conv1", Conv(image(3, 2, 2, 5)), "data", "c1"),
            Node("relu1", ReLU(), "c1", "r1"),
            Node("side", Sigmoid(), "c1", "s1"),
            Node("conv2", Conv(image(4, 2, 2, 3)), "r1", "c2"),
        ]
    )


@pytest.mark.parametrize("name", ["relu1", "r1"])
def test_upto_keeps_what_is_needed(name: str) -> None:
    graph = tower()
    cut = graph.upto(name)
    np.testing.assert_equal([node.name for node in cut.nodes], ["conv1", "relu1"])
    np.testing.assert_equal((cut.inputs, cut.outputs), (("data",), ("r1",)))
    x = image()
    np.testing.assert_array_equal(cut.forward(x).output, graph.forward(x)["r1"])


def test_upto_follows_every_input(product: Product) -> None:
    nodes = tower().nodes
    graph = Graph([*nodes[:3], Node("meet", product, ("r1", "s1"), "m"), nodes[3]])
    cut = graph.upto("meet")
    np.testing.assert_equal([node.name for node in cut.nodes], ["conv1", "relu1", "side", "meet"])
    np.testing.assert_array_equal(cut.forward(image()).output, graph.forward(image())["m"])


def test_names_find_nodes_and_variables() -> None:
    graph = tower()
    for name in ("conv2", "c2"):
        np.testing.assert_equal((graph.node(name).name, graph.variable(name)), ("conv2", "c2"))
    np.testing.assert_equal(graph.variable("data"), "data")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("conv3", r"no layer or variable 'conv3': did you mean 'conv\d' or 'conv\d'\?"),
        ("qqq", r"no layer or variable 'qqq': it has .*'conv1'.*'conv2'"),
    ],
)
def test_unknown_names_get_suggestions(name: str, message: str) -> None:
    for look_up in (tower().node, tower().variable, tower().upto):
        with pytest.raises(ValueError, match=message):
            look_up(name)


def test_inputs_by_name(product: Product) -> None:
    graph = Graph([Node("meet", product, ("a", "b"), "y")])
    a, b = image(), 3 * image()
    expected = graph.forward(a=a, b=b)
    same(dict(graph.forward(a, b=b)), dict(expected))
    np.testing.assert_array_equal(expected.output, a * b)
    np.testing.assert_equal((list(expected), len(expected)), (["a", "b", "y"], 3))
    with pytest.raises(ValueError, match=r"input 'b' was not given: pass it to forward, by name"):
        graph.forward(a)
    with pytest.raises(ValueError, match=r"no input 'c', expected 'a', 'b'"):
        graph.forward(a, b=b, c=b)


def test_several_outputs_need_a_name() -> None:
    trace = tower().forward(image())
    with pytest.raises(ValueError, match=r"the network has 2 outputs \(s1, c2\): choose one by name"):
        _ = trace.output


def test_seeds_that_do_not_fit() -> None:
    graph = tower()
    trace = graph.forward(image())
    for back in (graph.backward, graph.parameter_gradients):
        with pytest.raises(ValueError, match=r"no layer or variable 'x9': there are data, "):
            back(trace, {"x9": image()})
        with pytest.raises(
            layers.ShapeError, match=r"seed for relu1 \(r1\) has shape \(2, 3, 4, 5\), expected \(2, 2, 3, 3\)"
        ):
            back(trace, {"r1": image()})


def test_errors_name_the_layer() -> None:
    with pytest.raises(layers.ShapeError, match=r"layer 'conv2' \(Conv\): the filter covers 2 x 2 pixels.* 1 x 2"):
        tower().forward(image(1, 2, 3, 5))
    with pytest.raises(layers.ShapeError, match=r"layer 'conv1' \(Conv\): the input has 4 channels"):
        tower().shapes(data=(1, 8, 9, 4))
    with pytest.raises(TypeError, match=r"layer 'conv1' \(Conv\): the input is int64, expected float32 or float64"):
        tower().forward(np.ones((1, 8, 9, 5), "int64"))


def classifier(loss: Any) -> Graph:
    return Graph(chain({"fc": layers.FullyConnected(image(4, 6), image(4)), "softmax": Softmax(), "loss": loss}))


def test_a_loss_without_labels_is_left_out() -> None:
    trace = classifier(Loss("log")).forward(image(5, 1, 2, 3))
    np.testing.assert_equal(list(trace), ["x0", "x1", "x2"])
    np.testing.assert_array_equal(trace.output, trace["x2"])


def test_softmax_and_log_is_the_old_loss() -> None:
    x, labels = image(5, 1, 2, 3), np.array([1, 2, 4, 0, 3])
    new, one = classifier(Loss("log")), np.ones((1, 1, 1, 1))
    old = Graph(chain({"fc": new.nodes[0].layer, "loss": layers.SoftmaxLoss()}))
    by_new, by_old = new.forward(x, label=labels), old.forward(x, label=labels)
    np.testing.assert_allclose(by_new.output, by_old.output, rtol=1e-12)
    expected = -np.log(by_new["x2"][np.arange(5), 0, 0, labels - 1])[labels > 0].sum() / 5
    np.testing.assert_allclose(by_new.output.item(), expected, rtol=1e-12)
    for key in ("x0", "x1"):
        signals = new.backward(by_new, {"x3": one})[key], old.backward(by_old, {"x2": one})[key]
        np.testing.assert_allclose(*signals, rtol=1e-9, atol=1e-15)


def test_a_network_that_runs_up_to_an_unknown_layer() -> None:
    graph = Graph(chain({"relu": ReLU(), "odd": layers.Unknown("custom", {"a": 1}), "end": ReLU()}))
    x = image()
    np.testing.assert_equal(graph.shapes(x0=x.shape), {"x0": x.shape, "x1": x.shape})
    np.testing.assert_array_equal(graph.upto("relu").forward(x).output, np.maximum(x, 0))
    with pytest.raises(ValueError, match=r"layer 'odd'.*no implementation for .*'custom'"):
        graph.forward(x)


@given(cases.chains())
def test_shapes_are_those_of_forward(net: cases.Net) -> None:
    expected = {name: array.shape for name, array in net.graph.forward(**net.given).items()}
    found = net.graph.shapes(**{name: array.shape for name, array in net.given.items()})
    np.testing.assert_equal(found, expected)


def parameters(graph: Graph) -> dict[tuple[str, str], np.ndarray]:
    every = {(n.name, f.name): getattr(n.layer, f.name) for n in graph.nodes for f in fields(n.layer)}
    return {key: value for key, value in every.items() if isinstance(value, np.ndarray)}


@given(cases.chains())
def test_astype_casts_every_parameter(net: cases.Net) -> None:
    single = net.graph.astype("float32")
    np.testing.assert_equal({a.dtype.name for a in parameters(single).values()} <= {"float32"}, True)
    expected = {key: array.astype("float32") for key, array in parameters(net.graph).items()}
    same(parameters(single), expected)
    again = single.to("numpy")
    same(parameters(again), expected)
    same(dict(again.forward(**net.given)), dict(single.forward(**net.given)))


def test_moving_leaves_scalar_fields_alone() -> None:
    graph = Graph(chain({"relu": ReLU(np.float64(0.1)), "loss": Loss("binaryerror", threshold=np.float64(0.1))}))
    for moved in (graph.to("numpy"), graph.astype("float32")):
        np.testing.assert_equal(moved.node("relu").layer.leak, 0.1)
        np.testing.assert_equal(moved.node("loss").layer.threshold, 0.1)


def test_unknown_library() -> None:
    with pytest.raises(ValueError, match=r"unknown array library 'torch', expected 'numpy' or 'cupy'"):
        tower().to("torch")


def contents(net: cases.Net) -> dict[Any, bytes]:
    return {key: array.tobytes() for key, array in (net.given | parameters(net.graph)).items()}


@given(cases.chains(), st.data())
def test_a_network_is_a_function(net: cases.Net, data: st.DataObject) -> None:
    before = contents(net)
    trace = net.graph.forward(**net.given)
    kept = {name: array.copy() for name, array in trace.items()}
    end = net.graph.nodes[-1].output
    seed = cases.like(data.draw, trace[end])
    seed_before = seed.tobytes()
    for mode in ("gradient", "deconvnet", "guided"):
        signals = net.graph.backward(trace, {end: seed}, mode)
        same(net.graph.backward(trace, {end: seed}, mode), signals)
    gradients = net.graph.parameter_gradients(trace, {end: seed})
    same(net.graph.parameter_gradients(trace, {end: seed}), gradients)
    np.testing.assert_equal(contents(net), before)
    np.testing.assert_equal(seed.tobytes(), seed_before)
    same(dict(trace), kept)
    same(dict(net.graph.forward(**net.given)), kept)


@given(cases.every(), st.data())
def test_a_layer_works_on_arrays_that_cannot_be_written(case: cases.Case, data: st.DataObject) -> None:
    layer, inputs = case
    for array in inputs:
        array.flags.writeable = False
    y = layers.forward(layer, *inputs)
    signal = cases.like(data.draw, y)
    signal.flags.writeable = y.flags.writeable = False
    expected = layers.backward(layer, signal.copy(), y.copy(), *(array.copy() for array in inputs))
    for found, want in zip(layers.backward(layer, signal, y, *inputs), expected, strict=True):
        np.testing.assert_array_equal(found, want, strict=True)
    np.testing.assert_equal(
        layers.parameter_gradients(layer, signal, y, *inputs), layers.parameter_gradients(layer, signal, None, *inputs)
    )


def test_layers_and_nodes_are_frozen() -> None:
    node = tower().nodes[0]
    for thing, name in ((node, "name"), (node.layer, "stride"), (tower(), "nodes")):
        with pytest.raises(AttributeError, match=name):
            setattr(thing, name, None)
    np.testing.assert_equal(replace(node, name="other").layer is node.layer, True)
