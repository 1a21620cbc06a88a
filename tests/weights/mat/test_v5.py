"""How v5 files are read: slice by slice, unpacked piece by piece, filters laid out as layers have them."""

import io
import struct
import zlib

import numpy as np
import pytest
import scipy.io
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from support.matlab_files import V5_HEADER, element, matrix
from support.same import assert_same

from refvis.weights import Limits, ModelFormatError, read_mat
from refvis.weights.mat import inflate as unpacked
from refvis.weights.mat import layout
from refvis.weights.mat.file_bytes import FileBytes
from refvis.weights.mat.tree import DEFAULT_LIMITS, Budget
from refvis.weights.matconvnet.parameters import last_axis_first, not_finite
from refvis.weights.sandbox import wire

FEW = 40
"""Bytes of a piece in these tests, so that small arrays have many."""

numbers = arrays.arrays(
    st.sampled_from(["float32", "float64", "int16", "uint8", "bool", "complex128", ">f4"]),
    arrays.array_shapes(min_dims=2, max_dims=5, min_side=0, max_side=5),
)


@pytest.fixture(autouse=True)
def few(monkeypatch):
    """Let all pieces be small."""
    monkeypatch.setattr(layout, "PIECE", FEW)
    monkeypatch.setattr(unpacked, "PIECE", FEW)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("v5")


@settings(deadline=None)
@given(array=numbers, compressed=st.booleans())
def test_arrays_are_what_scipy_reads(folder, array, compressed):
    path = folder / "a.mat"
    scipy.io.savemat(path, {"x": array}, do_compression=compressed)
    expected = scipy.io.loadmat(path)["x"]
    found = read_mat(path)["x"]
    assert_same(found, expected.astype(bool) if array.dtype == bool else expected)


def test_filters_lie_as_layers_have_them(folder):
    filters = np.arange(2 * 3 * 4 * 5, dtype="float32").reshape(2, 3, 4, 5)
    scipy.io.savemat(folder / "a.mat", {"x": filters})
    found = read_mat(folder / "a.mat")["x"]
    assert np.shares_memory(last_axis_first(found), found)
    np.testing.assert_array_equal(last_axis_first(found), filters.transpose(3, 0, 1, 2))


@given(array=numbers, order=st.sampled_from("CF"))
def test_arrays_go_through_the_wire_in_any_layout(array, order):
    stream = io.BytesIO()
    native = array.astype(array.dtype.newbyteorder("="))  # as both readers return them
    wire.send(stream, {"x": np.array(native, order=order), "laid out": laid(native)})
    stream.seek(0)
    found = wire.receive(io.BufferedReader(stream), DEFAULT_LIMITS)
    assert_same(found, {"x": native, "laid out": native})


def laid(array):
    found = layout.laid_out(array.shape, array.dtype)
    found[...] = array
    return found


def packed(body, level=6):
    """A compressed element, alone in its file."""
    return FileBytes(io.BytesIO(zlib.compress(body, level)))


@given(body=st.binary(max_size=2000), cuts=st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 300))))
def test_slices_of_what_is_packed(body, cuts):
    """Slices in order, with gaps and overlaps, are those of the bytes themselves."""
    data = packed(body)
    source = unpacked.Unpacked(data, 0, len(data), Budget(DEFAULT_LIMITS))
    for start, size in sorted(cuts):
        if start + size <= len(body):
            assert source[start : start + size] == body[start : start + size]
    source.finish()


@given(body=st.binary(max_size=300), start=st.integers(0, 400), size=st.integers(1, 400))
def test_what_is_not_there_is_cut_off(body, start, size):
    data = packed(body)
    source = unpacked.Unpacked(data, 0, len(data), Budget(DEFAULT_LIMITS))
    if start + size > len(body):
        with pytest.raises(ModelFormatError, match="data end too early"):
            source[start : start + size]


def test_slices_out_of_order():
    data = packed(bytes(range(200)))
    source = unpacked.Unpacked(data, 0, len(data), Budget(DEFAULT_LIMITS))
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
        (WHOLE[:-1] + bytes([WHOLE[-1] ^ 1]), "do not unpack"),  # the checksum
        (WHOLE[:-30], "cut off"),
        (zlib.compress(BODY[:-30]), "cut off"),
        (zlib.compress(HUGE), "cut off"),  # far more declared than so few bytes can unpack to
        (zlib.compress(BODY + bytes(10**7)), "in the whole file"),
    ],
)
def test_damaged_and_packed(folder, content, words):
    (folder / "b.mat").write_bytes(V5_HEADER + element(15, content))
    with pytest.raises(ModelFormatError, match=words):
        read_mat(folder / "b.mat", Limits(size=5 * 10**6))


def test_packed_and_sound(folder):
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
