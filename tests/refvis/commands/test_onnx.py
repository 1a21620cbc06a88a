"""The command line with ONNX files: names with slashes, a size that the file leaves open, a package that is missing."""

import sys

import numpy as np
import pytest

pytest.importorskip("onnx", reason="onnx is not installed: pip install 'refvis[onnx]'")
from onnx import helper
from support.command_line import IMAGE, fill, run
from support.onnx_models import model, write

import refvis

CONV, FULL = "/features/0/Conv", "/fc/Gemm"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A working folder with images, and a model for each size, and for one."""
    monkeypatch.chdir(tmp_path)
    fill(tmp_path)
    random = np.random.default_rng(0)
    weights = {
        "w": random.normal(size=(4, 3, 3, 3)).astype("float32"),
        "m": random.normal(size=(5, 4 * 13 * 11)).astype("float32"),
    }
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["c"], name=CONV, pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["c"], ["r"], name="/features/1/Relu"),
        helper.make_node("Flatten", ["r"], ["f"]),
        helper.make_node("Gemm", ["f", "m"], ["s"], name=FULL, transB=1),
        helper.make_node("Softmax", ["s"], ["y"], name="/Softmax"),
    ]
    for name, shape in {"net": ("n", 3, 13, 11), "open": ("n", 3, "h", "w")}.items():
        write(model(nodes, shape, weights), tmp_path / f"{name}.onnx")
    return tmp_path


def test_show(folder, monkeypatch, capsys):
    code, out, err = run(monkeypatch, capsys, "show", "net.onnx")
    assert (code, err) == (0, "")
    assert all(name in out for name in (CONV, FULL))
    code, out, err = run(monkeypatch, capsys, "show", "open.onnx", "--size", "13x11")
    assert (code, err) == (0, "")
    assert "unknown" not in out
    assert run(monkeypatch, capsys, "show", "net.onnx", "--svg", "net.svg")[0] == 0


def test_a_size_that_is_not_given(folder, monkeypatch, capsys):
    code, _, err = run(monkeypatch, capsys, "classify", "a.png", "--model", "open.onnx")
    assert code == 2
    assert "leaves the size of the input open" in err
    assert "--size HxW" in err
    assert "layer '/fc/Gemm' (unknown 'onnx.Gemm') has no implementation" in err
    assert run(monkeypatch, capsys, "classify", "a.png", "--model", "open.onnx", "--size", "13x11")[0] == 0


def test_methods_at_layers_with_slashes(folder, monkeypatch, capsys):
    command = ("deconvolution", "a.png", "--model", "net.onnx")
    code, _, err = run(monkeypatch, capsys, *command, "--at", CONV, "--mode", "guided", "--out", "conv.png")
    assert code == 0, err
    assert (folder / "conv.png").exists()
    for mode in ("epsilon_plus_flat", "deconvnet", "gradient"):
        assert run(monkeypatch, capsys, *command, "--mode", mode, "--out", f"{mode}.png")[0] == 0
    code, _, err = run(monkeypatch, capsys, "explain", "a.png", "--model", "net.onnx", "--out", "page", "--no-maximize")
    assert code == 0, err
    assert (folder / "page" / "explanation.html").exists()


def test_results_and_networks_are_saved(folder):
    net = refvis.load("net.onnx")
    x = net.preprocess(IMAGE)
    heat = refvis.deconvolution(net, x, "epsilon")
    heat.save(folder / "heat.h5")
    assert (folder / "heat.h5").exists()
    assert net.upto(CONV).forward(x).output.shape == (1, 13, 11, 4)


def test_a_package_that_is_missing_is_one_line(folder, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "onnx", None)
    code, out, err = run(monkeypatch, capsys, "show", "net.onnx")
    assert (code, out) == (2, "")
    assert err == "refvis: error: refvis reads ONNX files by the package onnx, which is not installed: " + (
        "pip install 'refvis[onnx]'\n"
    )
