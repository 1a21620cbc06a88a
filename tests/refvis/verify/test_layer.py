"""`verify.layer` on functions with a planted mistake, on right ones, and on ones that fail."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import refvis
from refvis import layers, verify
from refvis.layers import conv, lrn, pool, relu


def flipped(layer: Any, x: Any) -> Any:
    return conv.forward(replace(layer, filters=layer.filters[:, ::-1, ::-1]), x)


def nchw_relu(layer: Any, x: Any) -> Any:
    return np.where(x > 0, x, layer.leak * x)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("layout", ["NHWC", "NCHW", "HWCN"])
def test_a_right_function_agrees_in_every_layout(layout: str, dtype: str) -> None:
    report = verify.layer(nchw_relu, "relu", layout=layout, dtype=dtype)
    assert report.verdict == "equal"
    assert report
    assert report.inputs == {}
    assert report.script == ""


def test_filters_are_in_the_layout_and_the_rest_of_the_layer_is_the_same() -> None:
    seen: list[tuple[Any, Any]] = []

    def forward(layer: Any, x: Any) -> Any:
        seen.append((layer.filters.shape, layer.size))
        filters = layer.filters.transpose(0, 2, 3, 1)
        own = layers.Conv(filters, layer.biases, layer.stride, layer.pad, layer.dilate)
        return conv.forward(own, x.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)

    assert verify.layer(forward, "conv", layout="NCHW").verdict == "equal"
    assert all(shape[2:] == size for shape, size in seen)


def test_a_planted_mistake_is_named_and_its_script_gives_the_right_numbers(capsys: pytest.CaptureFixture[str]) -> None:
    report = verify.layer(flipped, "conv")
    assert (report.verdict, report.reason_name, bool(report)) == ("differs", "flipped_filters", False)
    assert max(report.inputs["x"].shape[1:3]) <= 4
    assert not np.array_equal(report.expected["output"], report.theirs["output"])
    exec(report.script, {})
    assert capsys.readouterr().out == f"{report.expected['output']}\n"


def test_the_reason_of_a_json_test_is_its_second_answer() -> None:
    found = verify.layer(flipped, "conv").json()
    right, theirs = found["test"]["answers"]
    assert (right["result"], theirs["id"]) == ("valid", "flipped_filters")
    assert found["test"]["layer"]["type"] == "Conv"


def test_same_seed_same_report() -> None:
    assert str(verify.layer(flipped, "conv", seed=3)) == str(verify.layer(flipped, "conv", seed=3))


def test_two_mistakes_that_are_made_together_are_named_together() -> None:
    def forward(layer: Any, x: Any) -> Any:
        return flipped(replace(layer, biases=None), x)

    names = set(verify.layer(forward, "conv").reason_name.split(" + "))
    assert names == {"flipped_filters", "no_bias"}


def test_where_tells_what_is_supported() -> None:
    def forward(layer: Any, x: Any) -> Any:
        assert layer.dilate == (1, 1)
        return conv.forward(layer, x)

    assert not verify.layer(forward, "conv")
    assert verify.layer(forward, "conv", where=lambda layer: layer.dilate == (1, 1))


def test_not_implemented_skips_a_case_and_is_reported() -> None:
    def forward(layer: Any, x: Any) -> Any:
        if max(layer.dilate) > 1:
            raise NotImplementedError("no dilation")
        return conv.forward(layer, x)

    report = verify.layer(forward, "conv")
    assert report
    assert report.parts[0].unsupported == ("no dilation",)


def test_nothing_compared_is_no_agreement() -> None:
    def forward(layer: Any, x: Any) -> Any:
        raise NotImplementedError("everything")

    report = verify.layer(forward, "conv")
    assert report.verdict == "skipped"
    assert not report


def test_a_function_that_raises_differs_and_the_error_is_the_reason() -> None:
    def forward(layer: Any, x: Any) -> Any:
        raise IndexError("index 3 is out of bounds")

    report = verify.layer(forward, "lrn")
    assert report.reason_name == "raises"
    assert "IndexError: index 3 is out of bounds" in str(report)


@pytest.mark.parametrize("wrong", [None, "text", [1 + 2j]])
def test_results_that_are_no_real_arrays_differ(wrong: Any) -> None:
    assert verify.layer(lambda layer, x: wrong, "relu").verdict == "differs"


def test_another_shape_differs() -> None:
    report = verify.layer(lambda layer, x: nchw_relu(layer, x)[..., :1], "relu")
    assert report.reason_name == "shape"


def test_conventions_count_as_right_when_they_are_named() -> None:
    def forward(layer: Any, x: Any) -> Any:
        return lrn.forward(replace(layer, alpha=layer.alpha / layer.size), x)

    report = verify.layer(forward, "lrn")
    assert (report.verdict, report.reason_name) == ("convention", "alpha_over_n")
    assert verify.layer(forward, "lrn", conventions="alpha_over_n")
    assert not verify.layer(lrn.forward, "lrn", conventions="alpha_over_n")


def test_known_differences_leave_a_report_true(tmp_path: Path) -> None:
    def all_ties(layer: Any, signal: Any, output: Any, x: Any) -> Any:
        first = pool.gradient(layer, signal, output, x)[0]
        return 2 * first

    name = verify.layer(None, "max_pool", all_ties).id
    known = tmp_path / "known.txt"
    known.write_text(f"# ours doubles the signal\n{name}  # see the notes\n")
    report = verify.layer(None, "max_pool", all_ties, known=known)
    assert report
    assert "(known)" in str(report)
    with pytest.raises(ValueError, match="expected a text file"):
        verify.layer(None, "max_pool", all_ties, known=tmp_path / "absent.txt")


def test_a_constant_factor_is_named() -> None:
    report = verify.layer(None, "guided", lambda layer, signal, output, x: 3 * relu.guided(layer, signal, output, x)[0])
    assert report.reason_name == "factor"
    assert "3 times" in report.reason


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"kind": "avrage_pool"}, "did you mean"),
        ({"kind": "conv", "layout": "NHWK"}, "expected an order of the letters"),
        ({"kind": "lrn", "conventions": "alpha"}, "alpha_over_n"),
        ({"kind": "relu", "parameter_gradients": abs}, "has no parameter_gradients"),
    ],
)
def test_what_cannot_be_verified_is_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        verify.layer(nchw_relu, **arguments)


def test_no_function_is_refused() -> None:
    with pytest.raises(ValueError, match="no function is given"):
        verify.layer(None, "conv")


def test_float16_results_have_the_tolerance_of_float16() -> None:
    def forward(layer: Any, x: Any) -> Any:
        return lrn.forward(layer, x).astype("float16")

    assert refvis.verify.layer(forward, "lrn").verdict in ("rounding", "mistrusted")


def test_a_missing_hypothesis_is_one_line_that_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("refvis.verify.smallest.find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"pip install 'refvis\[verify\]'"):
        verify.layer(nchw_relu, "relu")


def test_an_unknown_convention_lists_near_names_and_not_hundreds() -> None:
    with pytest.raises(ValueError, match="'split=weights'") as caught:
        verify.layer(None, "z_plus at fully_connected", backward=print, conventions="split='weights'")
    assert len(str(caught.value)) < 400


def test_where_some_cases_raise_the_reason_of_the_others_is_named_too() -> None:
    def forward(layer: Any, x: Any) -> Any:
        return conv.forward(replace(layer, filters=layer.filters[:, ::-1, ::-1]), x) + 0 * layer.biases[0]

    report = verify.layer(forward, "conv")
    assert report.reason_name == "raises + flipped_filters"
    assert "'NoneType' object is not subscriptable" in report.reason


def test_a_result_that_cancels_is_no_other_precision() -> None:
    def backward(layer: Any, signal: Any, output: Any, x: Any) -> Any:
        return lrn.gradient(replace(layer, kappa=1.0), signal, output, x)[0]

    assert verify.layer(None, "lrn", backward=backward).reason_name == "kappa_one"


def test_geometry_becomes_as_small_as_the_layers_that_are_supported() -> None:
    def forward(layer: Any, x: Any) -> Any:
        return conv.forward(layer, x) + 1

    report = verify.layer(forward, "conv", where=lambda layer: layer.stride[0] > 1)
    assert report.layer.stride[0] == 2
    assert report.inputs["x"].size == 1
