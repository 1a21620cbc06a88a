"""Layers that other projects added to MatConvNet, as their files hold them: types, fields and shapes of parameters."""

from typing import Any

import numpy as np
import pytest
from support.dag_files import layer, net, row
from support.same import assert_same

import refvis
from refvis.layers import (
    Axpy,
    EuclideanLoss,
    Flatten,
    GlobalPool,
    L2Loss,
    NoiseLevel,
    Permute,
    PReLU,
    SubPixel,
    Tanh,
    Trunc,
    Unknown,
)
from refvis.weights import ModelFormatError, Remark
from refvis.weights.matconvnet.dag import read_dag
from refvis.weights.matconvnet.simplenn import read_simplenn

SLOPES = np.array([[0.25], [0.5], [-1.0]], "float32")


def in_chain(kind: str, **fields: Any) -> tuple[Any, list[Remark]]:
    """The layer of a simplenn struct, and the remarks."""
    report: list[Remark] = []
    model = read_simplenn({"layers": [{"type": kind, "name": "it", **fields}]}, "net", report)
    return model.nodes[0].layer, report


def in_dag(kind: str, inputs: str = "x", *params: np.ndarray, **fields: Any) -> tuple[Any, list[Remark]]:
    """The layer of a DagNN block, and the remarks."""
    names = [f"p{number}" for number in range(len(params))]
    given = layer("it", f"dagnn.{kind}", inputs, "y", " ".join(names), fields)
    report: list[Remark] = []
    return read_dag(net(given, **dict(zip(names, params, strict=True))), "net", report).nodes[0].layer, report


CHAINED = {
    "FFDNet begins": ("SubP", {"scale": row(0.5)}, SubPixel(2, inverse=True)),
    "FFDNet ends": ("SubP", {"scale": row(2)}, SubPixel(2)),
    "a third": ("SubP", {"scale": row(1 / 3)}, SubPixel(3, inverse=True)),
    "a third, in single precision": ("SubP", {"scale": np.array([[1 / 3]], "float32")}, SubPixel(3, inverse=True)),
    "a level that was saved": ("concat", {"sigma": row(0.1, 0.2)}, NoiseLevel((0.1, 0.2))),
    "tanh": ("tanh", {}, Tanh()),
    "a column of slopes": ("prelu", {"weights": [SLOPES], "learningRate": row(1)}, PReLU(SLOPES.ravel())),
    "labels of training": ("euclideanloss", {"class": row(1, 2, 3)}, EuclideanLoss()),
    "l2": ("l2loss", {}, L2Loss()),
}
BLOCKS = {
    "SubP": ("x", (), {"scale": row(2)}, SubPixel(2)),
    "Tanh": ("x", (), {}, Tanh()),
    "PReLU": ("x", (SLOPES[:1],), {"useShortCircuit": row(1), "opts": []}, PReLU(SLOPES[0])),
    "pReLU": ("x", (SLOPES,), {"leak": row(0)}, PReLU(SLOPES.ravel())),
    "Trunc": ("x", (), {"opts": ["cuDNN"]}, Trunc(5, mirrored=True)),
    "GlobalPooling": ("x", (), {"method": "max", "poolSize": row(1, 1), "opts": ["cuDNN"]}, GlobalPool("max")),
    "Axpy": ("a x b", (), {"numInputs": row(3)}, Axpy()),
    "Flatten": ("x", (), {"firstAxis": row(1), "axis": row(3)}, Flatten(3)),
    "Permute": ("x", (), {"order": row(2, 1, 3, 4)}, Permute((2, 1, 3))),
    "EuclideanLoss": ("x t w", (), {"loss": "softmaxlog", "ignoreAverage": row(0), "opts": []}, EuclideanLoss()),
    "L2Loss": ("x t", (), {}, L2Loss()),
}


@pytest.mark.parametrize("name", CHAINED)
def test_in_a_chain(name: str) -> None:
    kind, fields, expected = CHAINED[name]
    found, report = in_chain(kind, **fields)
    assert_same(found, expected)
    assert [one for one in report if one.kind in ("warning", "default")] == []


@pytest.mark.parametrize("kind", BLOCKS)
def test_in_a_graph(kind: str) -> None:
    inputs, params, fields, expected = BLOCKS[kind]
    found, report = in_dag(kind, inputs, *params, **fields)
    assert_same(found, expected)
    expected_kinds = ["warning"] if kind == "Trunc" else []
    assert [one.kind for one in report] == expected_kinds, report


def test_what_no_file_stores_is_warned_of() -> None:
    found, report = in_chain("concat")
    assert_same(found, NoiseLevel(25 / 255))
    assert [(one.place, one.kind) for one in report] == [("net.layers{1}.sigma", "warning")]
    assert "replace_layer" in report[0].advice
    _, report = in_dag("Trunc")
    assert [(one.place, one.kind) for one in report] == [("net.layers(1).block.limit", "warning")]


@pytest.mark.parametrize(
    ("kind", "inputs", "fields"),
    [
        ("SubP", "x scale", {}),
        ("Axpy", "a x", {}),
        ("Permute", "x", {"order": row(4, 1, 2, 3)}),
        ("EuclideanLoss", "x t", {"p": row(1)}),
        ("Reshape", "x", {"shape": row(1, 1, 6)}),
    ],
)
def test_what_is_no_such_layer_is_shown_and_not_run(kind: str, inputs: str, fields: dict[str, Any]) -> None:
    found, report = in_dag(kind, inputs, **fields)
    assert isinstance(found, Unknown)
    assert report[0].kind == "warning"


@pytest.mark.parametrize("scale", [1.5, -2.0, 0.0, 0.4])
def test_impossible_scales_are_refused(scale: float) -> None:
    with pytest.raises(ModelFormatError, match=r"net.layers\{1\}.scale: .*expected a whole number, or one divided by"):
        in_chain("SubP", scale=row(scale))


def test_slopes_are_needed() -> None:
    with pytest.raises(ModelFormatError, match=r"weights\{1\}: no slopes, expected one for each channel"):
        in_chain("prelu", weights=[])
    with pytest.raises(ModelFormatError, match=r"weights\{1\}: no slopes"):
        in_dag("PReLU")


def test_other_truncations_are_not_saved(tmp_path) -> None:
    """The block's function has its limit; a chain has no such layer at all."""
    refvis.save(refvis.chain({"it": Trunc(5, mirrored=True)}), tmp_path / "a.mat")
    assert_same(refvis.load(tmp_path / "a.mat").nodes[0].layer, Trunc(5, mirrored=True))
    for other in (Trunc(), Trunc(4, mirrored=True)):
        with pytest.raises(ValueError, match=r"layer 'it' \(Trunc\): a model holds only Trunc\(5, mirrored=True\)"):
            refvis.save(refvis.chain({"it": other}), tmp_path / "b.mat")


def test_a_graph_with_a_noise_level_is_not_saved(tmp_path) -> None:
    nodes = [refvis.Node("level", NoiseLevel(), "image", "y")]
    with pytest.raises(ValueError, match=r"layer 'level' \(NoiseLevel\) cannot be written to a DagNN"):
        refvis.save(refvis.Network(nodes), tmp_path / "a.mat")


def test_the_factor_one_of_sub_pixel_has_one_direction():
    assert SubPixel(1, inverse=True).inverse is False
    assert SubPixel(2, inverse=True).inverse is True
