"""Meta data becomes plain Python values."""

import numpy as np
import pytest
from support.same import assert_same

from refvis.weights import ModelFormatError, Opaque, Remark
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
    meta, report = load(meta=given)
    column = meta.pop("column")
    assert_same(column, row(1, 2).T)
    expected = {"n": 40.0, "flag": True, "rates": (0.1, 0.2), "inputs": [{"name": "data", "size": (4.0, 5.0)}]}
    assert_same(meta, expected)
    text = "an object of class function_handle, which only MATLAB can read, was left out"
    assert report == [Remark("net.meta.fn", "ignored", text)]


def remarks(report):
    return [(remark.place, remark.kind) for remark in report]


@pytest.mark.parametrize("name", ["imageMean", "rgbMean", "dataMean", "data_mean", "meanImage", "averageImage"])
@pytest.mark.parametrize("beside", [False, True])
def test_an_average_under_another_name_or_beside_the_layers(name, beside):
    values = {name: row(1, 2, 3)}
    meta, report = load(**values) if beside else load(meta=values)
    assert_same(meta, {"normalization": {"averageImage": np.array([1.0, 2.0, 3.0])}})
    assert remarks(report) == [(f"net.{name}" if beside else f"net.meta.{name}", "changed")]


@pytest.mark.parametrize("name", ["imageMean", "rgbMean", "mean"])
def test_an_average_under_another_name_in_normalization(name):
    meta, report = load(meta={"normalization": {name: row(1, 2, 3), "averageImage": np.zeros((0, 0))}})
    assert_same(meta, {"normalization": {"averageImage": np.array([1.0, 2.0, 3.0])}})
    assert remarks(report) == [(f"net.meta.normalization.{name}", "changed")]


def test_matconvnets_own_name_wins():
    meta, report = load(
        meta={"normalization": {"averageImage": row(1, 2, 3), "rgbMean": row(4, 5, 6)}}, imageMean=row(7)
    )
    assert_same(meta["normalization"]["averageImage"], np.array([1.0, 2.0, 3.0]))
    expected = [("net.imageMean", "ignored"), ("net.meta.normalization.rgbMean", "ignored")]
    assert remarks(report) == expected


def test_deviations_and_factors():
    mean, std = row(0.485, 0.456, 0.406), row(0.229, 0.224, 0.225)
    meta, report = load(meta={"normalization": {"averageImage": mean, "std": std}})
    expected = {"averageImage": mean[0], "imageStd": std[0], "imageFactor": 1 / 255}
    assert_same(meta["normalization"], expected)
    place = "net.meta.normalization"
    assert remarks(report) == [(f"{place}.std", "changed"), (f"{place}.imageFactor", "warning")]
    meta, report = load(meta={"normalization": {"averageImage": mean * 255, "imageStd": std * 255}})
    assert_same(meta["normalization"], {"averageImage": mean[0] * 255, "imageStd": std[0] * 255})
    assert report == []
    meta, report = load(meta={"normalization": {"averageImage": mean}})
    assert remarks(report) == [(f"{place}.imageFactor", "warning")]
    meta, report = load(meta={"normalization": {"imageStd": row(1, 0, 1), "imageFactor": row(-1)}})
    assert meta["normalization"] == {"imageStd": None}
    assert remarks(report) == [(f"{place}.imageStd", "warning"), (f"{place}.imageFactor", "warning")]


@pytest.mark.parametrize(
    ("name", "value"),
    [("whitening", np.eye(3)), ("scale", row(0.017)), ("colorOrder", "bgr"), ("interpolation", "sinc"), ("mean", "x")],
)
def test_what_may_change_inputs_is_warned_of(name, value):
    _, report = load(meta={"normalization": {name: value}})
    assert remarks(report) == [(f"net.meta.normalization.{name}", "warning")]


def test_an_unknown_number_of_images_is_no_damage():
    """MatConvNet writes it as NaN after height, width and channels."""
    found = load(meta={"normalization": {"imageSize": row(32, 48, 3, np.nan)}})[0]["normalization"]["imageSize"]
    assert found[:3] == (32, 48, 3)
    assert np.isnan(found[3])


@pytest.mark.parametrize("size", [row(np.inf, 8, 3), row(np.nan, 8, 3), row(8, 1e300, 3), row(1e18, 8, 3)])
def test_sizes_that_no_image_has_are_refused(size):
    with pytest.raises(ModelFormatError, match="imageSize"):
        load(meta={"normalization": {"imageSize": size}})


def test_a_description_of_the_data_names_no_class():
    classes = {"name": ["a", "b"], "description": ["my data set"]}
    meta, report = load(meta={"classes": classes})
    assert meta["classes"] == classes
    assert remarks(report) == [("net.meta.classes.description", "ignored")]
    meta, report = load(meta={"classes": {"description": ["my data set"]}})
    assert meta["classes"] == {"description": ["my data set"]}
    assert remarks(report) == [("net.meta.classes.description", "ignored")]


@pytest.mark.parametrize("names", [row(1, 2), row(1, 2).T, [row(1), row(2)], [["1"], ["2"]]])
def test_numbers_and_nested_cells_are_names(names):
    assert load(meta={"classes": {"name": names}})[0]["classes"]["name"] == ["1", "2"]


@pytest.mark.parametrize(
    "names", [[Opaque("string")] * 2, Opaque("string"), [{"a": "b"}, "c"], np.ones((1, 1), complex)]
)
def test_values_that_are_no_text_name_no_class(names):
    meta, report = load(meta={"classes": {"name": names}})
    assert meta["classes"] == {}
    assert remarks(report) == [("net.meta.classes.name", "warning")]


def test_opaque_values_keep_the_places_of_others():
    meta, report = load(meta={"a": [row(1), Opaque("table"), "b"], "s": {"f": Opaque("gpuArray")}})
    assert (meta["a"][0], meta["a"][2], meta["s"]) == (1, "b", {})
    assert meta["a"][1].size == 0
    assert remarks(report) == [("net.meta.a", "ignored"), ("net.meta.s.f", "ignored")]
    assert "vl_simplenn_move(net, 'cpu')" in report[1].text
