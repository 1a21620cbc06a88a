"""Files that are not models, and damaged ones: one clear error each, never a crash, never all memory."""

import contextlib
import struct

import h5py
import numpy as np
import pytest
import scipy.io
from hypothesis import given, settings
from hypothesis import strategies as st
from support.matlab_files import V5_HEADER, V73, StructArray, element, matrix

from refvis.weights import Limits, ModelFormatError, read_mat, read_model

SOUND = {"net": {"layers": [{"type": "relu", "leak": np.array([[0.0]])}], "note": "a note, long enough"}}


def fails(path, *words, read=read_mat, **options):
    with pytest.raises(ModelFormatError) as caught:
        read(path, **options)
    message = str(caught.value)
    for word in (str(path), *words):
        assert word in message, message


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "an empty file"),
        (bytes(500), "a file of zeros"),
        (b"layer conv1\nlayer conv2\n", "looks like text"),
        (b"\x89PNG\r\n\x1a\n" + bytes(50), "looks like a PNG image"),
        (b"<!doctype html><html>", "a web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid", "git lfs pull"),
        (b"PK\x03\x04" + bytes(30), "a ZIP archive"),
        (b"\x80\x04\x95" + bytes(30), "a Python pickle"),
        (b"# Created by Octave 7.3.0", "save -v7"),
        (b"\x07\x01\xff\xfe" * 40, "unknown kind of file, beginning 07 01 ff fe"),
        (b"MATLAB 5.0 MAT-file, Plat", "cut off in its header"),
        (V5_HEADER, "without variables"),
        (V5_HEADER + b"\x0e\x00", "cut off or damaged"),
    ],
)
def test_not_a_mat_file(tmp_path, content, words):
    path = tmp_path / "model.mat"
    path.write_bytes(content)
    fails(path, words)


def test_missing_file_and_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match="no such file"):
        read_mat(tmp_path / "none.mat")
    fails(tmp_path, "a folder")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (matrix(1, (2**30, 2**30), "c"), "values declared in 0 bytes"),
        (matrix(6, (2**20, 2**20), "d", element(9, bytes(8))), "1,099,511,627,776 values declared in 8 bytes"),
        (matrix(2, (2**30, 1), "s", element(5, struct.pack("<i", 4)), element(1, b"")), "values declared"),
        (matrix(4, (1, 2**30), "t", element(1, b"")), "values declared"),
        (matrix(6, (-1, 1), "n", element(9, b"")), "none negative"),
        (matrix(6, (1,), "n", element(9, bytes(8))), "dimensions (1,)"),
        (matrix(77, (1, 1), "n", element(9, bytes(8))), "class 77"),
        (matrix(6, (1, 1), "n", element(99, bytes(8))), "numbers of type 99"),
        (matrix(6, (1, 1), "n", element(9, bytes(8)))[:-4], "cut off"),
        (matrix(6, (1, 1), "n", element(9, bytes(8))) * 2, "two variables named 'n'"),
        (element(15, b"not compressed"), "zlib cannot inflate"),
        (element(9, bytes(8)), "an element of type 9"),
    ],
)
def test_damaged_v5(tmp_path, body, words):
    path = tmp_path / "model.mat"
    path.write_bytes(V5_HEADER + body)
    fails(path, words)


def test_v5_depth_is_bounded(tmp_path):
    inner = matrix(6, (1, 1), "", element(9, bytes(8)))
    for level in range(3000):
        inner = matrix(1, (1, 1), "deep" if level == 2999 else "", inner)
    (tmp_path / "a.mat").write_bytes(V5_HEADER + inner)
    fails(tmp_path / "a.mat", "deep{1}{1}", "at most 64 levels")


def test_limits_can_be_set(tmp_path):
    values = {"x": np.zeros((300, 1000)), "c": np.array([[1.0, 2.0, 3.0]], dtype=object)}
    for compressed in (False, True):
        scipy.io.savemat(tmp_path / "a.mat", values, do_compression=compressed)
        fails(tmp_path / "a.mat", "at most 1,000,000 in the whole file", limits=Limits(size=10**6))
        fails(tmp_path / "a.mat", "too many values", "at most 2", limits=Limits(values=2))
    V73(tmp_path / "b.mat").write({"x": np.zeros((300, 1000))})
    fails(tmp_path / "b.mat", "at most 1,000,000 in the whole file", limits=Limits(size=10**6))


def test_truncated_at_any_place(tmp_path):
    scipy.io.savemat(tmp_path / "a.mat", {"net": {"note": "a note, long enough", "x": np.arange(9.0)}})
    V73(tmp_path / "b.mat").write(SOUND)
    for name in ("a.mat", "b.mat"):
        whole = (tmp_path / name).read_bytes()
        for size in range(0, len(whole) - 1, max(1, len(whole) // 60)):
            (tmp_path / "cut.mat").write_bytes(whole[:size])
            fails(tmp_path / "cut.mat")


def change_v73(path, change):
    V73(path).write(SOUND)
    with h5py.File(path, "r+") as file:
        change(file)
    return path


def make_cycle(file):
    references = np.array([[file["net"].ref]], dtype=h5py.ref_dtype)
    item = file["net"].create_dataset("again", data=references, dtype=h5py.ref_dtype)
    item.attrs["MATLAB_class"] = np.bytes_("cell")


def make_null(file):
    item = file["net"].create_dataset("null", shape=(1, 1), dtype=h5py.ref_dtype)
    item.attrs["MATLAB_class"] = np.bytes_("cell")


def make_huge(file):
    item = file["net"].create_dataset("huge", shape=(2**16, 2**14), dtype="f4", chunks=(2**8, 2**8))
    item.attrs["MATLAB_class"] = np.bytes_("single")


def make_link(file):
    file["net"]["outside"] = h5py.ExternalLink("other.mat", "/net")


def make_bare(file):
    file["net"].create_dataset("bare", data=np.zeros(3))


def make_words(file):
    file["net"].create_dataset("words", data=np.array([b"ab"])).attrs["MATLAB_class"] = np.bytes_("double")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (make_cycle, ("net.again{1}", "contains itself")),
        (make_null, ("net.null{1}", "an empty reference")),
        (make_huge, ("net.huge", "4,294,967,296 bytes declared in a file of")),
        (make_link, ("net.outside", "a link")),
        (make_bare, ("net.bare", "MATLAB_class")),
        (make_words, ("net.words", "numbers of class double")),
    ],
)
def test_damaged_v73(tmp_path, change, words):
    fails(change_v73(tmp_path / "a.mat", change), *words)


def test_hdf5_that_is_not_matlabs(tmp_path):
    with h5py.File(tmp_path / "keras.mat", "w") as file:
        file["model_weights/conv1"] = np.zeros(3)
    fails(tmp_path / "keras.mat", "MATLAB_class")


def test_struct_array_with_uneven_fields(tmp_path):
    V73(tmp_path / "a.mat").write({"s": StructArray([{"a": "x", "b": "y"}] * 2)})
    with h5py.File(tmp_path / "a.mat", "r+") as file:
        kept = file["s/b"][:1]
        del file["s/b"]
        file["s"].create_dataset("b", data=kept, dtype=h5py.ref_dtype)
    fails(tmp_path / "a.mat", "fields of [1, 2] values")


@pytest.mark.parametrize("kind", ["plain", "compressed"])
@settings(deadline=None, max_examples=150)
@given(changes=st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), min_size=1, max_size=4))
def test_flipped_bytes_never_raise_anything_else(tmp_path_factory, kind, changes):
    folder = tmp_path_factory.mktemp("flip")
    layers = np.empty((1, 2), dtype=object)
    layers[0, 0] = {"type": "conv", "weights": np.array([[np.ones((3, 3, 2, 4), "float32"), np.zeros((1, 4))]], object)}
    layers[0, 1] = {"type": "pool", "pool": np.array([[2.0, 2.0]]), "method": "avg"}
    scipy.io.savemat(folder / "a.mat", {"net": {"layers": layers}}, do_compression=kind == "compressed")
    data = bytearray((folder / "a.mat").read_bytes())
    for place, value in changes:
        data[128 + place % (len(data) - 128)] = value
    (folder / "a.mat").write_bytes(data)
    with contextlib.suppress(ModelFormatError):
        read_model(folder / "a.mat")
