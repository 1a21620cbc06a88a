"""Layers that users add: they run, go back, show, and load and save like those that are built in."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
from support.numeric import assert_adjoint

import refvis
from refvis import layers
from refvis.layers import ReLU, lrp, modes, relu
from refvis.layers.base.arrays import array_module
from refvis.layers.graph import registry
from refvis.weights import ModelFormatError, read_model


@dataclass(frozen=True, eq=False)
class Affine:
    """y = factor * x, a layer with a parameter."""

    factor: np.ndarray
    name: str = "a"


def register(**changed):
    options = {
        "forward": lambda layer, x: layer.factor * x,
        "gradient": lambda layer, signal, output, x: (layer.factor * signal,),
        "output_shape": lambda layer, shape: shape,
        "parameter_gradients": lambda layer, signal, output, x: {"factor": (signal * x).sum((0, 1, 2))},
        "matconvnet": "affine",
        "build": lambda fields: Affine(fields["weights"][0].ravel(), fields["label"]),
        "save": lambda layer: {"label": layer.name, "weights": [layer.factor]},
    }
    layers.register(Affine, **(options | changed))


@pytest.fixture(autouse=True)
def _clean():
    before = {name: dict(table) for name, table in modes.MODES.items()}
    yield
    layers.unregister(Affine)
    assert Affine not in layers.OPERATORS
    assert before == modes.MODES


def network():
    return refvis.chain({"a": Affine(np.array([2.0, -3.0], "float32"), "it"), "r": ReLU()})


def test_it_runs_and_goes_back():
    x = np.random.default_rng(0).standard_normal((2, 3, 4, 2)).astype("float32")
    with pytest.raises(ValueError, match=r"layer 'a' \(Affine\): no implementation .* refvis.layers.register"):
        network().forward(x)
    register()
    net = network()
    trace = net.forward(x)
    np.testing.assert_array_equal(trace["x1"], x * np.array([2, -3], "float32"))
    signals = net.backward(trace, {"x1": x[::-1]})
    assert_adjoint(x, trace["x1"], x[::-1], signals["x0"], 1e-6)
    found = net.parameter_gradients(trace, {"x1": x})
    np.testing.assert_allclose(found["a", "factor"], (x * x).sum((0, 1, 2)), rtol=1e-5)
    for mode in ("deconvnet", "guided"):
        np.testing.assert_array_equal(net.backward(trace, {"x1": x}, mode)["x0"], x * np.array([2, -3], "float32"))
    with pytest.raises(ValueError, match="the mode has no rule for layer 'a'"):
        net.backward(trace, {"x1": x}, "epsilon")
    assert layers.receptive_fields(net)["x1"] == ((1, 1), (1, 1), (0, 0))


@pytest.mark.parametrize("kind", ["chain", "graph"])
def test_it_loads_and_saves(tmp_path, kind):
    register()
    net = network() if kind == "chain" else refvis.Network([layers.Node("a", network().nodes[0].layer, "in", "out")])
    refvis.save(net, tmp_path / "a.mat")
    again = refvis.load(tmp_path / "a.mat")
    assert again.fingerprint == net.fingerprint
    layers.unregister(Affine)
    unknown = refvis.load(tmp_path / "a.mat").nodes[0].layer
    assert unknown.type == {"chain": "affine", "graph": "dagnn.affine"}[kind]
    assert unknown.fields["label"] == "it"
    refvis.save(refvis.load(tmp_path / "a.mat"), tmp_path / "b.mat")
    register()
    assert refvis.load(tmp_path / "b.mat").fingerprint == net.fingerprint


@pytest.mark.parametrize("how", ["registered", "a row", "LINEAR"])
def test_rules_of_relevance_know_how_it_is_linear(monkeypatch, how):
    """Rules that look at weights ask for the affine form, wherever it was given."""

    def affine(layer, x):
        return lrp.Linear(layers.Scale(layer.factor), (x,), weights="scale")

    register(**({"affine": affine} if how == "registered" else {}))
    if how == "a row":
        monkeypatch.setitem(layers.OPERATORS, Affine, replace(layers.OPERATORS[Affine], affine=affine))
    elif how == "LINEAR":
        monkeypatch.setitem(lrp.LINEAR, Affine, affine)
    x = np.random.default_rng(0).standard_normal((2, 3, 4, 2))
    layer, twin = network().nodes[0].layer, layers.Scale(np.array([2.0, -3.0]))
    y = layers.forward(layer, x)
    for rule in (lrp.epsilon, lrp.z_plus, lrp.gamma, lrp.flat):
        expected = layers.backward(twin, y, y, x, rule=rule)
        np.testing.assert_allclose(layers.backward(layer, y, y, x, rule=rule), expected, rtol=1e-12, atol=1e-14)


@dataclass(frozen=True, eq=False)
class Twin:
    """A layer that computes what the built-in `layer` computes, and is registered."""

    layer: object


def twin_row(name):
    """Return the function `name` of the built-in layer's row, called for a twin."""

    def call(twin, *given, **options):
        return getattr(layers.OPERATORS[type(twin.layer)], name)(twin.layer, *given, **options)

    return call


TWINS = {
    "batch_norm": (layers.BatchNorm(np.array([2.0, -1, 0.5]), np.array([0.5, 1, -1]), np.array([[1.0, 2]] * 3)), 1),
    "sum": (layers.Sum(), 3),
    "scale": (layers.Scale(np.array([2.0, -3.0, 0.5]), np.array([0.25])), 1),
    "gate": (layers.Scale(), 3),
    "pool": (layers.Pool((2, 3), method="avg"), 1),
}


@pytest.mark.parametrize("mode", modes.MODES)
@pytest.mark.parametrize("name", TWINS)
def test_a_registered_affine_layer_goes_back_like_a_built_in_one(name, mode):
    """In every mode, the signals are those of the built-in layers, bit for bit."""
    names = ("forward", "gradient", "output_shape", "affine")
    layers.register(Twin, **{one: twin_row(one) for one in names})
    try:
        layer, count = TWINS[name]
        random = np.random.default_rng(5)
        inputs = {f"i{n}": random.standard_normal((2, 4, 5, 3)) for n in range(count)}
        graphs = [layers.Graph([layers.Node("a", one, tuple(inputs), "y")]) for one in (layer, Twin(layer))]
        found = []
        for graph in graphs:
            trace = graph.forward(**inputs)
            found.append(graph.backward(trace, {"y": trace.output}, mode))
        for variable in inputs:
            np.testing.assert_array_equal(found[0][variable], found[1][variable])
    finally:
        layers.unregister(Twin)


@pytest.mark.parametrize("name", ["lrp_0", "excitation"])
def test_tables_made_after_a_registration_have_its_rule(name):
    rules = {"lrp_0": modes.LRP_0, "excitation": modes.EXCITATION}
    layers.register(Twin, **{one: twin_row(one) for one in ("forward", "gradient", "output_shape", "affine")})
    try:
        rule = rules[name][Twin]
        assert rule is rules[name][layers.Scale]
        assert modes.relevance(lrp.z_plus, affine=rule)[Twin] is rule
        assert modes.relevance(lrp.z_plus)[Twin] is lrp.epsilon
    finally:
        layers.unregister(Twin)


@dataclass(frozen=True)
class ELU:
    """y = x where x > 0, else exp(x) - 1."""


def elu_forward(layer, x):
    xp = array_module(x)
    return xp.where(x > 0, x, xp.expm1(x))


def elu_gradient(layer, signal, output, x):
    xp = array_module(x)
    return (xp.where(x > 0, signal, signal * xp.exp(x)),)


@pytest.fixture
def elu():
    """A registered activation whose gradient is positive everywhere."""
    layers.register(
        ELU,
        forward=elu_forward,
        gradient=elu_gradient,
        output_shape=lambda layer, shape: shape,
        activation=True,
    )
    yield ELU()
    layers.unregister(ELU)
    assert not any(ELU in table for table in (*modes.MODES.values(), modes.relevance(lrp.epsilon)))


def test_an_activation_is_gated_in_deconvnet_and_guided(elu):
    x, signal = np.array([-1.0, -1, 0, 0, 2, 2]), np.array([3.0, -3, 3, -3, 3, -3])
    x, signal = x.reshape(1, 1, 2, 3), signal.reshape(1, 1, 2, 3)
    y = layers.forward(elu, x)
    rules = {name: modes.rule_for(modes.MODES[name], "elu", elu) for name in ("gradient", "deconvnet", "guided")}
    found = {name: layers.backward(elu, signal, y, x, rule=rule)[0].ravel() for name, rule in rules.items()}
    e = np.exp(-1)
    np.testing.assert_allclose(found["gradient"], [3 * e, -3 * e, 3, -3, 3, -3])
    assert all(table.get(ELU) is lrp.passes for mode, table in modes.MODES.items() if modes.is_relevance(mode))
    np.testing.assert_array_equal(found["deconvnet"], [3, 0, 3, 0, 3, 0])
    np.testing.assert_array_equal(found["guided"], [0, 0, 0, 0, 3, 0])


def test_the_gates_of_an_activation_are_the_relus(elu):
    """At a ReLU that is registered as an activation, the two rules are those of the built-in one."""
    random = np.random.default_rng(0)
    x, signal = (random.integers(-2, 3, (2, 3, 4, 5)).astype("float32") for _ in range(2))
    y = layers.forward(ReLU(), x)
    for name in ("deconvnet", "guided"):
        rule = modes.GUIDED[ELU].func if name == "guided" else modes.DECONVNET[ELU]
        options = {"gradient": relu.gradient} if name == "guided" else {}
        found = rule(ReLU(), signal, y, x, **options)[0]
        np.testing.assert_array_equal(found, layers.backward(ReLU(), signal, y, x, rule=getattr(relu, name))[0])


def test_an_activation_works_in_every_mode_and_method(elu):
    random = np.random.default_rng(1)
    net = refvis.chain(
        {
            "conv": layers.Conv(random.standard_normal((4, 3, 3, 3)).astype("float32"), pad=1),
            "elu": elu,
            "pool": layers.Pool(2, 2),
            "fc": layers.FullyConnected(random.standard_normal((5, 4 * 3 * 4)).astype("float32")),
        }
    )
    x = random.standard_normal((1, 6, 8, 3)).astype("float32")
    maps = {mode: refvis.deconvolution(net, x, mode, channel=1).values for mode in modes.MODES}
    assert all(np.isfinite(values).all() and values.any() for values in maps.values())
    for one, other in (("gradient", "guided"), ("gradient", "deconvnet"), ("guided", "deconvnet")):
        assert np.abs(maps[one] - maps[other]).max() > 1e-3, (one, other)
    measures = refvis.deeplift(net, x.astype("float64"), channel=1).measures
    assert measures["relative_completeness_error"].item() < 1e-10
    for method in (refvis.deeplift, refvis.gradient_times_input, refvis.integrated_gradients):
        assert np.isfinite(method(net, x, channel=1).values).all()
    assert np.isfinite(refvis.excitation_backprop(net, x, channel=1, layer="x0").values).all()
    refvis.deconvolution(net, x, modes.relevance(lrp.gamma), channel=1)
    assert refvis.occlusion(net, x, size=3, stride=2, channel=1).values.any()


def test_the_advice_about_a_missing_rule_works_as_printed():
    register()
    net, x = network(), np.ones((1, 1, 1, 2), "float32")
    trace = net.forward(x)
    with pytest.raises(ValueError, match="add one, ") as caught:
        net.backward(trace, {"x1": x}, "epsilon")
    advice = str(caught.value).partition("add one, ")[2]
    assert advice == "refvis.modes.find('epsilon') | {'a': rule}"
    mode = eval(advice, {"refvis": refvis, "rule": lrp.epsilon})
    np.testing.assert_allclose(net.backward(trace, {"x1": x}, mode)["x0"], x, rtol=1e-5)


def test_without_the_affine_form_weights_are_unknown():
    register()
    x = np.ones((1, 1, 1, 2))
    with pytest.raises(ValueError, match="this rule needs the weights of Affine, which are unknown"):
        layers.backward(network().nodes[0].layer, x, None, x, rule=lrp.z_plus)


def test_without_save_it_cannot_be_written(tmp_path):
    register(save=None)
    with pytest.raises(ValueError, match=r"layer 'a' \(Affine\): Affine was registered without save="):
        refvis.save(network(), tmp_path / "a.mat")
    assert not list(tmp_path.iterdir())


def test_what_build_cannot_make_is_a_format_error(tmp_path):
    register(save=lambda layer: {"weights": []})
    refvis.save(network(), tmp_path / "a.mat")
    with pytest.raises(ModelFormatError, match=r"layers\{1\}: the registered build function ended in IndexError"):
        read_model(tmp_path / "a.mat")
    register(build=lambda fields: Affine(1 / 0))
    with pytest.raises(ZeroDivisionError):
        read_model(tmp_path / "a.mat")


def test_a_second_registration_replaces_the_first():
    register(forward=lambda layer, x: x)
    register(forward=lambda layer, x: -x, matconvnet="other")
    x = np.ones((1, 2, 3, 2), "float32")
    np.testing.assert_array_equal(network().forward(x)["x1"], -x)
    assert "affine" not in registry.BY_NAME
    assert "other" in registry.BY_NAME


@pytest.mark.parametrize(
    ("layer", "changed", "words"),
    [
        (ReLU, {}, "ReLU is built in"),
        (dict, {}, "is not a dataclass"),
        (Affine(np.ones(1)), {}, "is not a dataclass"),
        (Affine, {"build": None}, "belong together"),
        (Affine, {"matconvnet": None}, "belong together"),
    ],
)
def test_what_cannot_be_registered(layer, changed, words):
    given = {"forward": None, "gradient": None, "output_shape": None, "matconvnet": "a", "build": dict} | changed
    with pytest.raises(ValueError, match=words):
        layers.register(layer, **given)
