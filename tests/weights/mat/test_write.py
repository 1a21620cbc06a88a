"""Writing of v5 files: scipy and refvis read what was written, with MATLAB's shapes, classes and characters."""

import shutil
import subprocess

import numpy as np
import pytest
import scipy.io
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from support.same import assert_same

from refvis.weights import read_mat
from refvis.weights.mat import write
from refvis.weights.mat.v5_values import Element, text_matrix
from refvis.weights.mat.write import Structs, write_v5

TYPES = ["float32", "float64", "bool", "complex64", "complex128", ">f4", ">i2"]
TYPES += [f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)]
NAMES = ["plain", "Käse", "日本語", "😀 face", "naïve café", "Ω≈ç", ""]
OCTAVE = shutil.which("octave-cli")

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=9)
one_unit = st.text(st.characters(exclude_categories=["Cs"], max_codepoint=0xFFFF), max_size=9)
numbers = arrays.arrays(st.sampled_from(TYPES), arrays.array_shapes(min_dims=1, max_dims=5, min_side=0, max_side=4))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("write")


@settings(deadline=None)
@given(array=numbers)
def test_numbers_keep_shape_and_class(folder, array):
    write_v5(folder / "a.mat", {"x": array})
    expected = np.atleast_2d(array)
    by_scipy = scipy.io.loadmat(folder / "a.mat")["x"]
    # scipy calls logical values uint8, and reads complex ones as complex128
    assert_same(by_scipy.astype(expected.dtype.newbyteorder("=")), expected.astype(expected.dtype.newbyteorder("=")))
    by_refvis = read_mat(folder / "a.mat")["x"]
    assert by_refvis.dtype == (array.dtype.newbyteorder("=") if array.dtype.kind != "c" else by_refvis.dtype)
    np.testing.assert_array_equal(by_refvis, expected, strict=False)


@settings(deadline=None)
@given(text=texts)
def test_text_is_read_as_it_was_written(folder, text):
    write_v5(folder / "a.mat", {"x": text, "y": [text, {"z": text}], "s": Structs([{"z": text}, {"z": "a"}])})
    values = read_mat(folder / "a.mat")
    assert values == {"x": text, "y": [text, {"z": text}], "s": [{"z": text}, {"z": "a"}]}


@settings(deadline=None)
@given(text=one_unit.filter(len))
def test_scipy_reads_text_of_one_unit_for_each_character(folder, text):
    write_v5(folder / "a.mat", {"x": text})
    assert scipy.io.loadmat(folder / "a.mat", chars_as_strings=False)["x"].shape == (1, len(text))
    assert "".join(scipy.io.loadmat(folder / "a.mat", chars_as_strings=False)["x"][0]) == text


@pytest.mark.parametrize(("text", "kind"), [("a", 16), ("é", 17), ("日本", 17), ("a😀", 4)])
def test_storage_types_of_text(text, kind):
    element = text_matrix(text, "").data[3]
    assert isinstance(element, Element)
    assert element.kind == kind


def test_characters_of_two_units_spoil_no_other_value_in_scipy(tmp_path):
    write_v5(tmp_path / "a.mat", {"x": "a😀b", "y": "Käse"})
    values = scipy.io.loadmat(tmp_path / "a.mat")
    assert values["y"][0] == "Käse"


def test_octave_reads_every_character(tmp_path):
    if OCTAVE is None:
        pytest.skip("GNU Octave is not installed")
    write_v5(tmp_path / "a.mat", {"c": NAMES, "s": Structs({"name": name} for name in NAMES)})
    code = "load a.mat; for k = 1:numel(c), printf('%s|%s|', c{k}, s(k).name); end"
    run = subprocess.run([OCTAVE, "--no-gui", "-q", "--eval", code], cwd=tmp_path, capture_output=True, check=True)
    assert run.stdout.decode() == "".join(f"{name}|{name}|" for name in NAMES)  # Octave's text is UTF-8


def test_values_without_contents_have_matlabs_shapes(tmp_path):
    write_v5(tmp_path / "a.mat", {"n": None, "c": [], "t": "", "s": {}, "a": Structs(), "e": np.zeros((0, 3))})
    stored = scipy.io.loadmat(tmp_path / "a.mat", chars_as_strings=False)
    shapes = {name: value.shape for name, value in stored.items() if name[0] != "_"}
    assert shapes == {"n": (0, 0), "c": (0, 0), "t": (0, 0), "s": (1, 1), "a": (1, 0), "e": (0, 3)}


def test_plain_numbers_and_tuples_are_rows(tmp_path):
    write_v5(tmp_path / "a.mat", {"x": 3, "y": (1, 2.5), "z": (True, False), "w": np.float32(0.5), "v": 1j, "u": ()})
    values = read_mat(tmp_path / "a.mat")
    expected = {"x": [[3.0]], "y": [[1.0, 2.5]], "z": [[True, False]], "w": [[0.5]], "v": [[1j]]}
    assert_same({name: values[name] for name in expected}, {k: np.array(v) for k, v in expected.items()})
    assert values["u"].shape == (1, 0)


def test_arrays_of_texts_are_cells(tmp_path):
    write_v5(tmp_path / "a.mat", {"x": np.array(["é", "bc"]), "y": np.array(["a", None], object)})
    values = read_mat(tmp_path / "a.mat")
    assert values["x"] == ["é", "bc"]
    assert values["y"][0] == "a"
    assert values["y"][1].shape == (0, 0)


@pytest.mark.parametrize(
    ("value", "match"),
    [
        ({"a": ["b", "\ud800"]}, r"x\.a\{2\} .*no valid Unicode"),
        (np.zeros(2, "float16"), "array of type float16"),
        ({"é": 1}, "MATLAB field name"),
        (Structs([{"a": object()}]), r"x\(1\)\.a is object"),
    ],
)
def test_values_that_matlab_does_not_have(tmp_path, value, match):
    with pytest.raises(ValueError, match=match):
        write_v5(tmp_path / "a.mat", {"x": value})
    assert list(tmp_path.iterdir()) == []


def test_too_large_a_variable_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(write, "LARGEST", 1000)
    write_v5(tmp_path / "a.mat", {"x": np.zeros((1, 100))})
    with pytest.raises(ValueError, match="at most 4 GB"):
        write_v5(tmp_path / "b.mat", {"x": np.zeros((1, 125))})
    assert [path.name for path in tmp_path.iterdir()] == ["a.mat"]
