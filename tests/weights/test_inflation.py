"""Small files whose values take much more memory than the file: bytes and numbers of values are both bounded."""

import time
import tracemalloc
import zlib

import h5py
import numpy as np
import pytest
import scipy.io
from support.matlab_files import V5_HEADER, V73, element, matrix

import refvis
from refvis.weights import Limits, ModelFormatError, read_mat, read_model

LAYERS = {"layers": [{"type": "relu"}]}


def stored_as_int8(path, kind, count, key="x"):
    """Write a v7.3 file with one array of `count` int8 zeros, of the class `kind`, compressed a thousand times."""
    V73(path).write({"net": LAYERS})
    with h5py.File(path, "a") as file:
        data = file.create_dataset(
            key, shape=(count, 1), dtype="i1", compression="gzip", compression_opts=9, chunks=(1 << 20, 1)
        )
        data[...] = np.zeros((count, 1), "i1")
        data.attrs["MATLAB_class"] = np.bytes_(kind)
    return path


@pytest.mark.parametrize(("kind", "each"), [("double", 9), ("single", 5), ("int8", 6), ("logical", 6), ("int64", 13)])
def test_the_bytes_of_the_class_count_and_not_those_stored(tmp_path, kind, each):
    path = stored_as_int8(tmp_path / "a.mat", kind, 1 << 20)
    assert path.stat().st_size < 60_000
    read_mat(path, Limits(size=each * (1 << 20) + 5000))
    with pytest.raises(ModelFormatError, match=r"x: .* bytes are declared here, expected at most"):
        read_mat(path, Limits(size=each * (1 << 20) - 5000))


def test_a_file_is_refused_before_its_memory_is_allocated(tmp_path):
    path = stored_as_int8(tmp_path / "a.mat", "double", 50 << 20)
    tracemalloc.start()
    with refvis.memory_limit("200 MB"), pytest.raises(ModelFormatError) as caught:
        read_model(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20 << 20
    expected = "expected at most 104,857,600 in the whole file, half of the memory limit: if the file is sound, raise"
    assert expected in str(caught.value)
    with refvis.memory_limit("1.2 GB"):
        assert len(read_model(path).nodes) == 1


@pytest.mark.parametrize("isolate", [False, True])
def test_the_memory_limit_bounds_files_of_both_formats(tmp_path, isolate):
    values = {"net": {"layers": np.array([[{"type": "relu"}]], object)}, "x": np.zeros((1000, 1000), "int8")}
    scipy.io.savemat(tmp_path / "v5.mat", values, do_compression=True)
    stored_as_int8(tmp_path / "v7.mat", "int8", 1 << 20)
    for name in ("v5.mat", "v7.mat"):
        with refvis.memory_limit("2 MB"), pytest.raises(ModelFormatError, match="half of the memory limit"):
            refvis.load(tmp_path / name, isolate=isolate)
        with refvis.memory_limit("40 MB"):
            refvis.load(tmp_path / name, isolate=isolate)


def hard_links(path, count, inside):
    V73(path).write({"net": LAYERS, "y": np.ones((1, 1)), "s": {"a": np.ones((1, 1))}})
    with h5py.File(path, "a") as file:
        for number in range(count):
            (file["s"] if inside else file)[f"v{number}"] = file["y"]
    return path


@pytest.mark.parametrize("inside", [True, False])
def test_many_links_to_one_value_take_time_by_their_number(tmp_path, inside):
    path = hard_links(tmp_path / "a.mat", 20_000, inside)
    start = time.process_time()
    variables = read_mat(path)
    assert time.process_time() - start < 2.5
    values = variables["s"] if inside else variables
    assert values["v7"] is values["v19999"] is variables["y"]
    with pytest.raises(ModelFormatError, match="too many values, expected at most 10,000"):
        read_mat(path, Limits(values=10_000))


def compressed(body):
    packed = zlib.compress(body, 9)
    return V5_HEADER + (15).to_bytes(4, "little") + len(packed).to_bytes(4, "little") + packed


def names(count):
    return element(5, (1).to_bytes(4, "little")) + element(1, b"a" * count)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(matrix(4, (500_000, 2), "x", element(16, b"a" * 1_000_000)), id="rows of text"),
        pytest.param(matrix(2, (500_000, 1), "x", names(0), element(1, bytes(8 * 500_000))), id="no fields"),
        pytest.param(matrix(2, (0, 0), "x", names(500_000)), id="names of fields without structs"),
        pytest.param(matrix(1, (500_000, 1), "x", element(14, b"") * 500_000), id="empty entries"),
    ],
)
def test_many_values_in_few_bytes_count_as_values(tmp_path, body):
    (tmp_path / "a.mat").write_bytes(compressed(body))
    assert (tmp_path / "a.mat").stat().st_size < 20_000
    with pytest.raises(ModelFormatError, match=r"x.*: too many values, expected at most 400,000"):
        read_mat(tmp_path / "a.mat", Limits(values=400_000))
    assert "x" in read_mat(tmp_path / "a.mat", Limits(values=1_100_000))


def test_many_rows_of_text_in_hdf5(tmp_path):
    V73(tmp_path / "a.mat").write({"y": np.ones((1, 1))})
    with h5py.File(tmp_path / "a.mat", "a") as file:
        data = file.create_dataset("x", data=np.full((2, 9000), 97, "u2"), compression="gzip")
        data.attrs["MATLAB_class"] = np.bytes_("char")
        file.create_dataset("z", data=np.full((1, 3), np.nan)).attrs["MATLAB_class"] = np.bytes_("char")
    with pytest.raises(ModelFormatError, match="x: too many values"):
        read_mat(tmp_path / "a.mat", Limits(values=5000))
    with pytest.raises(ModelFormatError, match="z: data of type float64, expected codes of text"):
        read_mat(tmp_path / "a.mat")


@pytest.mark.parametrize("name", ["imageSize", "border", "cropSize", "extra"])
def test_long_rows_stay_arrays(tmp_path, name):
    meta = {"normalization": {name: np.ones((1, 50_000))}, "inputs": np.ones((1, 50_000)), "classes": np.ones((1, 9))}
    scipy.io.savemat(tmp_path / "a.mat", {"layers": np.array([[{"type": "relu"}]], object), "meta": meta})
    net = refvis.load(tmp_path / "a.mat")
    kept = [net.meta["inputs"], net.normalization.get(name)]
    assert all(value is None or isinstance(value, np.ndarray) for value in kept)
    assert net.input_size is None
    assert len(net.meta["classes"]["name"]) == 9
