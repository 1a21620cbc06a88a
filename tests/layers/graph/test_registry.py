"""Layers that users add: they run, go back, show, and load and save like those that are built in."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
from support.numeric import assert_adjoint

import refvis
from refvis import layers
from refvis.layers import ReLU, lrp, modes
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
