"""Reading of v5 files: slice by slice, inflated chunk by chunk, filters in the layers' memory order."""

import io
import struct
import zlib

import numpy as np
import pytest
import scipy.io
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from support.matlab_files import V5_HEADER, element, matrix
from support.same import assert_same

from refvis.weights import Limits, ModelFormatError, read_mat
from refvis.weights.mat import inflate, layout
from refvis.weights.mat.inflate import FileBytes, InflatedBytes
from refvis.weights.mat.tree import DEFAULT_LIMITS, Budget
from refvis.weights.matconvnet.fields import last_axis_first, not_finite
from refvis.weights.sandbox import messages

FEW = 40
"""Bytes of a chunk in these tests, so that small arrays have many chunks."""

numbers = arrays.arrays(
    st.sampled_from(["float32", "float64", "int16", "uint8", "bool", "complex128", ">f4"]),
    arrays.array_shapes(min_dims=2, max_dims=5, min_side=0, max_side=5),
)


@pytest.fixture(autouse=True)
def few(monkeypatch):
    """Make all chunks small."""
    monkeypatch.setattr(layout, "CHUNK", FEW)
    monkeypatch.setattr(inflate, "CHUNK", FEW)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("v5")


@settings(deadline=None)
@given(array=numbers, compressed=st.booleans())
@example(array=np.array([[complex(0.0, np.inf), complex(-0.0, 1.0), complex(0.0, -0.0)]]), compressed=False)
def test_arrays_are_what_scipy_reads(folder, array, compressed):
    path = folder / "a.mat"
    scipy.io.savemat(path, {"x": array}, do_compression=compressed)
    expected = scipy.io.loadmat(path)["x"]
    values = read_mat(path)["x"]
    assert_same(values, expected.astype(bool) if array.dtype == bool else expected)


def test_filters_have_the_layers_memory_order(folder):
    filters = np.arange(2 * 3 * 4 * 5, dtype="float32").reshape(2, 3, 4, 5)
    scipy.io.savemat(folder / "a.mat", {"x": filters})
    stored = read_mat(folder / "a.mat")["x"]
    assert np.shares_memory(last_axis_first(stored), stored)
    np.testing.assert_array_equal(last_axis_first(stored), filters.transpose(3, 0, 1, 2))


@given(array=numbers, order=st.sampled_from("CF"))
def test_arrays_leave_the_sandbox_in_any_layout(array, order):
    stream = io.BytesIO()
    native = array.astype(array.dtype.newbyteorder("="))  # as both readers return them
    messages.send(stream, {"x": np.array(native, order=order), "reordered": reordered(native)})
    stream.seek(0)
    received = messages.receive(io.BufferedReader(stream), DEFAULT_LIMITS)
    assert_same(received, {"x": native, "reordered": native})


def reordered(array):
    copy = layout.allocate(array.shape, array.dtype)
    copy[...] = array
    return copy


def compress(body, level=6):
    """A compressed element, alone in its file."""
    return FileBytes(io.BytesIO(zlib.compress(body, level)))


@given(body=st.binary(max_size=2000), cuts=st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 300))))
def test_slices_of_compressed_bytes(body, cuts):
    """Slices in order, with gaps and overlaps, are those of the bytes themselves."""
    data = compress(body)
    source = InflatedBytes(data, 0, len(data), Budget(DEFAULT_LIMITS))
    for start, size in sorted(cuts):
        if start + size <= len(body):
            assert source[start : start + size] == body[start : start + size]
    source.finish()


@given(body=st.binary(max_size=300), start=st.integers(0, 400), size=st.integers(1, 400))
def test_slices_beyond_the_end_are_an_error(body, start, size):
    data = compress(body)
    source = InflatedBytes(data, 0, len(data), Budget(DEFAULT_LIMITS))
    if start + size > len(body):
        with pytest.raises(ModelFormatError, match="data end too early"):
            source[start : start + size]


def test_slices_out_of_order():
    data = compress(bytes(range(200)))
    source = InflatedBytes(data, 0, len(data), Budget(DEFAULT_LIMITS))
    assert source[150:160] == bytes(range(150, 160))
    with pytest.raises(ValueError, match="in order"):
        source[100:110]


@given(arrays.arrays(st.sampled_from(["float32", "float64"]), arrays.array_shapes(min_dims=2, max_dims=4)))
def test_numbers_that_are_not_finite_are_counted(array):
    for factor in (1, np.finfo(array.dtype).max):  # sums of which overflow
        with np.errstate(all="ignore"):
            values = array * array.dtype.type(factor)
        assert not_finite(values) == sum(not np.isfinite(value) for value in values.ravel())


NUMBERS = np.arange(400.0)
BODY = matrix(6, (1, 400), "x", element(9, NUMBERS.tobytes()))
WHOLE = zlib.compress(BODY)
HUGE = struct.pack("<II", 14, 2**31) + matrix(6, (1, 2**27), "x")[8:] + struct.pack("<II", 9, 2**30)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (WHOLE[:-1] + bytes([WHOLE[-1] ^ 1]), "zlib cannot inflate"),  # the checksum
        (WHOLE[:-30], "cut off"),
        (zlib.compress(BODY[:-30]), "cut off"),
        (zlib.compress(HUGE), "cut off"),  # far more declared than so few bytes can inflate to
        (zlib.compress(BODY + bytes(10**7)), "in the whole file"),
    ],
)
def test_damaged_and_compressed(folder, content, words):
    (folder / "b.mat").write_bytes(V5_HEADER + element(15, content))
    with pytest.raises(ModelFormatError, match=words):
        read_mat(folder / "b.mat", Limits(size=5 * 10**6))


def test_sound_and_compressed(folder):
    (folder / "b.mat").write_bytes(V5_HEADER + struct.pack("<II", 15, len(WHOLE)) + WHOLE)
    assert_same(read_mat(folder / "b.mat"), {"x": NUMBERS[None]})


def test_a_file_that_becomes_shorter(folder):
    (folder / "c").write_bytes(bytes(range(100)))
    with (folder / "c").open("r+b", buffering=0) as file:
        data = FileBytes(file)
        assert data[90:99] == bytes(range(90, 99))
        file.truncate(95)
        with pytest.raises(ModelFormatError, match="data end too early"):
            data[90:99]
