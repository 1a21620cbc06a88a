"""Graphs agree with the running original: every variable, signal and parameter's gradient that it kept."""

from dataclasses import replace

import numpy as np
import pytest
from support.golden_files import COMMITTED, SHARED, assert_agrees, golden, images, read
from support.same import assert_same
from support.shared_files import shared

import refvis
from refvis import layers
from refvis.layers import BatchNorm, Node, SoftmaxLoss, backward, modes
from refvis.weights import read_mat

FIELDS = {
    "dagnn.Conv": ("filters", "biases"),
    "dagnn.BatchNorm": ("scale", "offset", "moments"),
    "dagnn.Scale": ("scale", "offset"),
}


def found(name):
    """The file of that name, committed or shared."""
    return COMMITTED / name if (COMMITTED / name).exists() else shared("golden", name)


def in_batch_mode(net):
    """The network whose batch normalisations take the batch's own moments, as the original's mode "normal" does."""
    changed = [
        replace(node, layer=replace(node.layer, moments=None)) if isinstance(node.layer, BatchNorm) else node
        for node in net.nodes
    ]
    return replace(net, nodes=tuple(changed))


def as_original(layer, *arguments):
    """The original goes back through given moments as if they were the batch's own, and takes those."""
    return backward(replace(layer, moments=None), *arguments)


ORIGINAL = modes.GRADIENT | {BatchNorm: as_original}


def going_back(net, trace, seeds):
    """The signals and the parameters' gradients of the original: ours, but for given moments."""
    signals = net.backward(trace, seeds, ORIGINAL)
    gradients = {}
    for node in net.nodes:
        layer = replace(node.layer, moments=None) if isinstance(node.layer, BatchNorm) else node.layer
        if node.output in signals:
            arguments = signals[node.output], None, *(trace[name] for name in node.inputs)
            found = layers.parameter_gradients(layer, *arguments)
            gradients |= {(node.name, name): array for name, array in found.items()}
    if not any(isinstance(node.layer, BatchNorm) and node.layer.moments is not None for node in net.nodes):
        assert_same(net.backward(trace, seeds), signals)
        assert_same(net.parameter_gradients(trace, seeds), gradients)
    return signals, gradients


def parameters_of(name):
    """Parameter -> (layer, field) of a DagNN file."""
    stored = read_mat(found(name))["layers"]
    return {p: (one["name"], FIELDS[one["type"]][i]) for one in stored for i, p in enumerate(one["params"])}


def in_our_layout(array, like):
    return images(array) if like.ndim == 4 else array.ravel()


FILES = golden("dag_eval_*_exact_lrn")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_graph_agrees(path):
    case = read(path)
    options, expected = case["options"], case["outputs"]
    net = refvis.load(found(options["net_file"]))
    net = in_batch_mode(net) if options["mode"] == "normal" else net
    trace = net.forward(images(case["inputs"]["data"]))
    signals, gradients = going_back(net, trace, {options["output"]: images(case["inputs"]["derOutput"])})
    if expected["backward_error"]:  # at given moments; so far, only the pooling has gone back to norm1x
        pool = net.node("pc")
        signals["norm1x"] = backward(pool.layer, signals["pcx"], None, trace["norm1x"])[0]
    compared = []
    for found_here, key in ((trace, "var_values"), (signals, "var_ders")):
        for name, want in zip(expected["var_names"], expected[key], strict=True):
            if want.size:
                assert_agrees(found_here[name], images(want), f"{key} {name}")
                compared.append(name)
    weights = dict(zip(expected["param_names"], expected["param_ders"], strict=True))
    for name, key in parameters_of(options["net_file"]).items():
        if weights[name].size and key[1] != "moments":
            assert_agrees(gradients[key], in_our_layout(weights[name], gradients[key]), name)
            compared.append(name)
    assert compared.count("prediction") == 2
    assert len(compared) > 15, compared


def test_losses_agree():
    """The original's normalisation has an approximate power here, which is up to 0.5 % off."""
    case = read(shared("golden", "dag_loss_eval.mat"))
    net = refvis.load(shared("golden", "dag_loss_net.mat"))
    inputs, expected = case["inputs"], case["outputs"]
    x = images(inputs["input"])
    trace = net.forward(input=x, label=inputs["label"].reshape(-1, 1, 1, 1))
    for name in ("objective", "top1err", "top3err"):
        np.testing.assert_allclose(trace[name].item(), expected[name].item(), rtol=5e-3)
    near(trace["prediction"], images(expected["prediction"]), 5e-3)
    signals, gradients = going_back(net, trace, {"objective": np.ones((1, 1, 1, 1), "float32")})
    scale = np.abs(expected["dzdinput"]).max()
    # Where the approximation makes another pixel the largest of its window, the signal goes there.
    assert np.quantile(np.abs(signals["input"] - images(expected["dzdinput"])) / scale, 0.99) < 0.02
    for name, want in zip(expected["param_names"], expected["param_ders"], strict=True):
        key = parameters_of("dag_loss_net.mat")[name]
        near(gradients[key], in_our_layout(want, gradients[key]), 0.02 if "1" in name else 5e-3)
    alone = net.forward(x)  # without labels
    assert set(trace) - set(alone) == {"label", "objective", "top1err", "top3err"}
    assert_same(alone.output, trace["prediction"])


def near(mine, expected, tolerance):
    """Raise unless both agree to the accuracy of the approximate power."""
    assert mine.shape == expected.shape
    np.testing.assert_allclose(mine, expected, rtol=0, atol=tolerance * np.abs(expected).max())


def test_gradients_of_two_passes_add_up():
    case = read(shared("golden", "dag_accumulate.mat"))
    net, expected = refvis.load(found("dag_net_nobn.mat")), case["outputs"]
    total = {}
    for number in "12":
        trace = net.forward(images(case["inputs"][f"data{number}"]))
        seeds = {"prediction": images(case["inputs"][f"d{number}"])}
        for key, array in net.parameter_gradients(trace, seeds).items():
            total[key] = total.get(key, 0) + array
    for name, want in zip(expected["param_names"], expected["param_ders"], strict=True):
        key = parameters_of("dag_net_nobn.mat")[name]
        # Below the ReLUs and the max pooling that follow the approximate power, another input may win.
        near(total[key], in_our_layout(want, total[key]), 0.07 if name == "conv1f" else 0.025)
    assert_agrees(total["fc", "biases"], expected["param_ders"][-1].ravel(), "fcb")  # no normalisation in this one


def test_graph_from_a_chain_agrees_with_it():
    case = read(shared("golden", "dag_from_simplenn_eval.mat"))
    graph, chain = (refvis.load(shared("golden", f"{name}.mat")) for name in ("dag_from_simplenn", "simplenn_net_new"))
    x = images(case["inputs"]["data"])
    trace = graph.forward(x)
    near(trace["prob"], images(case["outputs"]["prob"]), 5e-3)
    assert list(trace) == case["outputs"]["var_names"]
    assert_same(list(trace.values()), list(chain.forward(x).values())[: len(trace)])


def weights_agree(net, gradients, expected, tolerance=None):
    compared = 0
    for node, want in zip(net.nodes, expected, strict=False):
        names = ("scale", "offset") if isinstance(node.layer, BatchNorm) else ("filters", "biases")
        for name, array in zip(names, want if isinstance(want, list) else [], strict=False):
            if array.size:
                mine = gradients[node.name, name]
                check = assert_agrees if tolerance is None else near
                check(mine, in_our_layout(array, mine), tolerance or f"{node.name} {name}")
                compared += 1
    assert compared == 7


@pytest.mark.parametrize("mode", ["test", "normal"])
def test_chain_of_all_kinds_agrees(mode):
    case = read(shared("golden", f"simplenn_zoo_{mode}.mat"))
    net, expected = refvis.load(found("simplenn_zoo_net.mat")), case["outputs_exact_lrn"]
    net = in_batch_mode(net) if mode == "normal" else net
    trace = net.forward(images(case["inputs"]["x"]))
    signals, gradients = going_back(net, trace, {"x10": images(case["inputs"]["dzdy"])})
    for i, (x, dx) in enumerate(zip(expected["res_x"], expected["res_dzdx"], strict=True)):
        assert_agrees(trace[f"x{i}"], images(x), f"x{i}")
        assert_agrees(signals[f"x{i}"], images(dx), f"d x{i}")
    weights_agree(net, gradients, expected["res_dzdw"])


def test_chain_with_a_loss_agrees():
    case = read(found("simplenn_zoo_loss.mat"))
    net = refvis.load(found("simplenn_zoo_net.mat"))
    net = replace(net, nodes=(*net.nodes, Node("loss", SoftmaxLoss(), ("x10", "label"), "x11")))
    trace = net.forward(x0=images(case["inputs"]["x"]), label=images(case["inputs"]["class"]))
    np.testing.assert_allclose(trace["x11"].item(), case["outputs"]["loss"].item(), rtol=1e-5)
    signals, _ = going_back(net, trace, {"x11": np.full((1, 1, 1, 1), 1.5, "float32")})
    for i, dx in enumerate(case["outputs"]["res_dzdx"]):
        near(signals[f"x{i}"], images(dx), 5e-3)


def test_chain_of_all_kinds_adds_up():
    case = read(found("simplenn_zoo_accumulate.mat"))
    net, total = refvis.load(found("simplenn_zoo_net.mat")), {}
    for factor in (1, 2):
        trace = net.forward(factor * images(case["inputs"]["x"]))
        _, gradients = going_back(net, trace, {"x10": images(case["inputs"]["dzdy"])})
        total = {key: array + total.get(key, 0) for key, array in gradients.items()}
    weights_agree(net, total, case["outputs"]["res_dzdw"], 5e-3)


def test_committed_cases_are_here():
    assert "dag_eval_bn_test_b3_prediction_exact_lrn" in {path.stem for path in FILES}
    if (SHARED / "golden").exists():
        assert len(FILES) == 9
