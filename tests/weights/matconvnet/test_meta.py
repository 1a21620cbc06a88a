"""Meta data becomes plain Python values."""

import numpy as np
import pytest
from support.same import assert_same

from refvis.weights import Opaque
from refvis.weights.matconvnet.meta import read_meta


def row(*values):
    return np.array([values], dtype="float64")


def load(**net):
    report = []
    return read_meta(net, "net", report, channels=2), report


@pytest.mark.parametrize("net", [{}, {"meta": {}}, {"meta": np.zeros((0, 0))}, {"meta": []}])
def test_absent_or_empty(net):
    assert load(**net) == ({}, [])


def test_normalization():
    image = np.arange(24, dtype="float32").reshape(2, 4, 3)
    given = {"imageSize": row(10, 20, 3), "border": row(6, 2), "averageImage": image, "keepAspect": np.array([[True]])}
    meta, report = load(meta={"normalization": given | {"interpolation": "bicubic"}})
    expected = {
        "imageSize": (10, 20, 3),
        "border": (6, 2),
        "averageImage": image,
        "keepAspect": True,
        "interpolation": "bicubic",
        "cropSize": (10 / 16, 20 / 22),
    }
    assert_same(meta["normalization"], expected)
    assert [(remark.place, remark.kind) for remark in report] == [("net.meta.normalization.cropSize", "default")]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (np.array([[[1, 2, 3]]], "float32"), np.array([1, 2, 3], "float32")),
        (row(1, 2, 3).T, np.array([1.0, 2.0, 3.0])),
        (np.zeros((0, 0)), None),
        ("", None),
        (Opaque("gpuArray"), None),
        (np.ones((5, 6)), np.ones((5, 6, 1))),
    ],
)
def test_average_image(given, expected):
    meta, _ = load(meta={"normalization": {"averageImage": given}})
    assert_same(meta["normalization"], {"averageImage": expected})


def test_older_fields_move_into_meta():
    classes = {"name": ["a", "b"], "description": ["an a", "a b"]}
    meta, report = load(classes=classes, normalization={"imageSize": row(4, 5, 3)})
    assert meta == {"normalization": {"imageSize": (4, 5, 3)}, "classes": classes}
    assert [remark.place for remark in report if remark.kind == "changed"] == ["net.classes", "net.normalization"]


def test_classes_in_every_form():
    both = {"name": ["a", "b"], "description": ["a", "b"]}
    assert load(meta={"classes": {"name": ["a", "b"]}})[0]["classes"] == both
    assert load(meta={"classes": ["a", "b"]})[0]["classes"] == both
    assert load(meta={"classes": {"description": ["a ", "b"]}})[0]["classes"] == both
    _, report = load(meta={"classes": {"name": ["a", "b", "c"], "description": ["a", "b", "c"]}})
    assert [remark.text for remark in report] == ["3 class names for 2 outputs"]


def test_everything_else_is_plain():
    given = {
        "n": row(40),
        "flag": np.array([[True]]),
        "rates": row(0.1, 0.2),
        "column": row(1, 2).T,
        "inputs": [{"name": "data", "size": row(4, 5)}],
        "fn": Opaque("function_handle"),
    }
    meta, _ = load(meta=given)
    column = meta.pop("column")
    assert_same(column, row(1, 2).T)
    expected = {"n": 40.0, "flag": True, "rates": (0.1, 0.2), "inputs": [{"name": "data", "size": (4.0, 5.0)}]}
    assert_same(meta, expected | {"fn": "<function_handle>"})
