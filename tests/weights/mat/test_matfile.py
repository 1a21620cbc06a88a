"""Both .mat formats give the same tree."""

import struct

import h5py
import numpy as np
import pytest
import scipy.io
import scipy.sparse
from scipy.io.matlab import MatlabFunction
from scipy.sparse import issparse
from support.golden_files import SHARED, golden
from support.matlab_files import V5_HEADER, V73, StructArray, element, matrix, opaque
from support.same import assert_same

from refvis.weights import Opaque, read_mat

TREE = {
    "net": {
        "layers": [
            {"type": "conv", "weights": [np.arange(120, dtype="float32").reshape(2, 3, 4, 5), np.zeros((1, 0))]},
            {"type": "relu", "opts": [], "precious": np.array([[False]])},
        ],
        "name": "é→",
        "nothing": "",
        "none": {},
        "column": np.array([[1.0], [2.0]]),
        "small": np.array([[1.0, 2.0, 255.0]]),
        "counts": np.array([[-3, 4]], dtype="int16"),
        "empty": np.zeros((0, 3), dtype="float32"),
    }
}


def v5_tree(value):
    """The tree as scipy.io.savemat takes it."""
    if isinstance(value, dict):
        return {key: v5_tree(entry) for key, entry in value.items()}
    if isinstance(value, list):
        cell = np.empty((1, len(value)) if value else (0, 0), dtype=object)
        for index, entry in enumerate(value):
            cell[0, index] = v5_tree(entry)
        return cell
    return value


@pytest.mark.parametrize("compressed", [False, True])
def test_v5(tmp_path, compressed):
    scipy.io.savemat(tmp_path / "a.mat", v5_tree(TREE), do_compression=compressed)
    assert_same(read_mat(tmp_path / "a.mat"), TREE)


@pytest.mark.parametrize("fields", [False, True])
@pytest.mark.parametrize("compression", [None, "gzip"])
def test_v73(tmp_path, fields, compression):
    path = V73(tmp_path / "a.mat", fields=fields, compression=compression).write(TREE)
    assert_same(read_mat(path), TREE)


def from_scipy(value):
    """The tree of what scipy.io.loadmat gives."""
    if isinstance(value, MatlabFunction):
        return Opaque("function_handle")
    if issparse(value):
        return Opaque("sparse")
    if value.dtype.names:
        records = [{name: from_scipy(record[name]) for name in value.dtype.names} for record in value.ravel(order="F")]
        return records[0] if value.shape == (1, 1) else records
    if value.dtype == object and value.size and value.flat[0] is None:
        return {}  # a struct without fields
    if value.dtype == object:
        return [from_scipy(entry) for entry in value.ravel(order="F")]
    if value.dtype.kind == "U":
        return "" if value.size == 0 else str(value[0]) if value.size == 1 else [str(row) for row in value]
    return value


def shared_v5_files():
    files = golden("*")
    for path in sorted((SHARED / "models").glob("*.mat")):
        files += [path] if not h5py.is_hdf5(path) else []
    return files


def test_v5_reads_as_scipy_does():
    files = shared_v5_files()
    assert files
    for path in files:
        expected = scipy.io.loadmat(path, mat_dtype=True)
        names = [name for name in expected if not name.startswith("__")]
        assert_same(read_mat(path), {name: from_scipy(expected[name]) for name in names}, path.name)


def test_v5_with_the_other_byte_order(tmp_path):
    def tagged(kind, data):
        return struct.pack(">II", kind, len(data)) + data + bytes(-len(data) % 8)

    flags, sizes = tagged(6, struct.pack(">II", 6, 0)), tagged(5, struct.pack(">ii", 1, 2))
    body = flags + sizes + tagged(1, b"x") + tagged(4, struct.pack(">HH", 1, 258))
    (tmp_path / "a.mat").write_bytes(V5_HEADER[:124] + b"\x01\x00MI" + tagged(14, body))
    assert_same(read_mat(tmp_path / "a.mat"), {"x": np.array([[1.0, 258.0]])})


def test_v5_complex_sparse_and_functions(tmp_path):
    values = {"z": np.array([[1 + 2j, 3]]), "s": scipy.sparse.eye_array(3).tocsc(), "b": np.array([[True, False]])}
    scipy.io.savemat(tmp_path / "a.mat", values)
    assert_same(read_mat(tmp_path / "a.mat"), {"z": values["z"], "s": Opaque("sparse"), "b": values["b"]})


def test_struct_arrays_are_lists_of_dicts(tmp_path):
    rows = [{"a": np.array([[1.0]]), "b": "x"}, {"a": np.array([[2.0]]), "b": "yz"}]
    assert_same(read_mat(V73(tmp_path / "a.mat").write({"s": StructArray(rows)})), {"s": rows})
    array = np.empty((1, 2), dtype=[("a", object), ("b", object)])
    for index, values in enumerate(rows):
        array[0, index] = tuple(values.values())
    scipy.io.savemat(tmp_path / "b.mat", {"s": array})
    assert_same(read_mat(tmp_path / "b.mat"), {"s": rows})


def test_cells_and_text_rows_are_column_major(tmp_path):
    cell = np.array([["a", "b", "c"], ["d", "e", "f"]], dtype=object)
    scipy.io.savemat(tmp_path / "a.mat", {"c": cell, "t": np.array(["ab ", "cde"])})
    assert read_mat(tmp_path / "a.mat") == {"c": ["a", "d", "b", "e", "c", "f"], "t": ["ab ", "cde"]}


def test_v5_objects_are_opaque(tmp_path):
    fields = element(5, struct.pack("<i", 4)), element(1, b"gpu\0num\0")
    number = matrix(6, (1, 1), "", element(9, struct.pack("<d", 2.0)))
    body = matrix(2, (1, 1), "s", *fields, opaque("", "gpuArray"), number) + opaque("net", "dagnn.DagNN")
    (tmp_path / "a.mat").write_bytes(V5_HEADER + body)
    expected = {"s": {"gpu": Opaque("gpuArray"), "num": np.array([[2.0]])}, "net": Opaque("dagnn.DagNN")}
    assert_same(read_mat(tmp_path / "a.mat"), expected)


def test_v73_objects_are_opaque(tmp_path):
    path = V73(tmp_path / "a.mat").write({"n": {"x": np.array([[1.0]])}})
    with h5py.File(path, "r+") as file:
        item = file["n"].create_dataset("gpu", data=np.array([[3707764736, 2, 1, 1, 1, 1]], "u4"))
        item.attrs["MATLAB_class"] = np.bytes_("gpuArray")
        item.attrs["MATLAB_object_decode"] = np.int32(3)
    assert_same(read_mat(path), {"n": {"x": np.array([[1.0]]), "gpu": Opaque("gpuArray")}})


def test_v73_is_read_without_its_list_of_fields(tmp_path):
    """HDF5 itself crashes on a damaged MATLAB_fields, the only data of variable length: they are left alone."""
    path = V73(tmp_path / "a.mat", fields=True).write(TREE)
    content = path.read_bytes()
    assert b"GCOL" in content  # where data of variable length are kept
    path.write_bytes(content.replace(b"GCOL", b"XXXX"))
    assert_same(read_mat(path), TREE)
