"""Whole networks agree with the running original: every variable, every signal, every parameter's gradient."""

import numpy as np
import pytest
from support.golden_files import COMMITTED, SHARED, assert_agrees, golden, images, read
from support.same import assert_same
from support.shared_files import shared

import refvis

FILES = golden("simplenn_res_*_exact_lrn")


def model(name):
    """The network file that a case names, committed or shared."""
    return COMMITTED / name if (COMMITTED / name).exists() else shared("golden", name)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_network_agrees(path):
    case = read(path)
    net = refvis.load(model(case["options"]["net_file"]))
    x, seed = (images(case["inputs"][key]) for key in ("x", "dzdy"))
    trace = net.forward(x)
    last = f"x{len(net.nodes)}"
    signals = net.backward(trace, {last: seed}, "gradient")
    gradients = net.parameter_gradients(trace, {last: seed})
    expected = case["outputs"]
    assert {len(expected[key]) for key in expected} == {len(net.nodes) + 1}

    compared = []
    for found, key in ((trace, "res_x"), (signals, "res_dzdx")):
        for i, want in enumerate(expected[key]):
            if want.size:
                assert_agrees(found[f"x{i}"], images(want), f"{key}({i + 1})")
                compared.append(f"{key}({i + 1})")
    for node, want in zip(net.nodes, expected["res_dzdw"], strict=False):
        if isinstance(want, list):
            assert_agrees(gradients[node.name, "filters"], images(want[0]), f"{node.name} filters")
            assert_agrees(gradients[node.name, "biases"], want[1].ravel(), f"{node.name} biases")
            compared.append(node.name)
    assert_all_compared(path.stem, compared, net)


def assert_all_compared(name, compared, net):
    """What the files leave empty: old format, all but the ends; batches of three, the three largest maps."""
    places = range(1, len(net.nodes) + 2)
    if "old_format" in name:
        expected = [f"res_x({len(net.nodes) + 1})", "res_dzdx(1)"]
    else:
        kept = [i for i in places if "batch1" in name or i not in (2, 3, 4)]
        weighted = [node.name for node in net.nodes if hasattr(node.layer, "filters")]
        expected = [f"{key}({i})" for key in ("res_x", "res_dzdx") for i in kept] + weighted
    assert compared == expected


def test_committed_cases_are_here():
    names = {path.stem for path in FILES}
    assert {f"simplenn_res_old_format_batch{n}_exact_lrn" for n in (1, 3)} <= names
    if (SHARED / "golden").exists():
        assert {f"simplenn_res_new_batch{n}_exact_lrn" for n in (1, 3)} <= names


def test_old_format_and_its_upgrade_are_one_network():
    old, tidied = (refvis.load(model(f"simplenn_net_old_{kind}.mat")) for kind in ("format", "tidied"))
    assert_same(old.nodes, tidied.nodes)
    assert old.fingerprint == tidied.fingerprint
    assert_same(old.meta, tidied.meta)
    assert old.input_size == tidied.input_size
    random = np.random.default_rng(0)
    for image in (random.integers(0, 256, (50, 41, 3)).astype(np.uint8), random.uniform(0, 255, (23, 29))):
        x = old.preprocess(image)
        assert x.shape == (1, 32, 32, 3)
        assert_same(x, tidied.preprocess(image))
        assert old.classify(image) == tidied.classify(image)
        assert_same(old.forward(x).output, tidied.forward(x).output)
