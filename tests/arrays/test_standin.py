"""The stand-in for CuPy refuses what CuPy refuses, and NumPy's functions besides."""

import numpy as np
import pytest

NUMBERS = np.arange(6.0).reshape(2, 3)


@pytest.fixture
def a(cupy):
    return cupy.asarray(NUMBERS)


def test_no_way_to_the_host_but_get(cupy, a):
    with pytest.raises(TypeError, match="Implicit conversion"):
        np.asarray(a)
    for refused in (np.exp, np.sum, np.stack, np.ascontiguousarray, np.isfinite, np.savez):
        with pytest.raises(TypeError):
            refused(a)
    with pytest.raises(TypeError):
        np.maximum(NUMBERS, a)
    with pytest.raises(TypeError):
        range(a[0, 1])
    with pytest.raises(TypeError):
        NUMBERS[a[0, 1] :]
    for host in (a.get(), cupy.asnumpy(a)):
        host[:] = 7  # a copy
    np.testing.assert_array_equal(a.get(), NUMBERS)


def test_what_comes_is_copied(cupy):
    given = NUMBERS.copy()
    a = cupy.asarray(given)
    given[:] = 7
    np.testing.assert_array_equal(a.get(), NUMBERS)


@pytest.mark.parametrize(
    "mix",
    [
        lambda a: a + NUMBERS,
        lambda a: NUMBERS + a,
        lambda a: a * NUMBERS[0, 1, ...],
        lambda a: a @ NUMBERS.T,
        lambda a: a == NUMBERS,
        lambda a: a.__iadd__(NUMBERS),
        lambda a: a.__setitem__(0, NUMBERS[0]),
    ],
)
def test_arrays_of_both_sides_do_not_mix(a, mix):
    with pytest.raises(TypeError):
        mix(a)


def test_functions_refuse_arrays_of_the_host(cupy, a):
    for refused in (cupy.exp, cupy.sum, lambda x: cupy.stack([a, x]), lambda x: cupy.einsum("ij,ij->i", a, x)):
        with pytest.raises(TypeError):
            refused(NUMBERS)
    with pytest.raises(TypeError):
        cupy.zeros(a[0, 1])


def test_numbers_mix(a):
    for number in (2, 2.0, np.float64(2), NUMBERS.dtype.type(2), a[0, 2]):
        np.testing.assert_array_equal((number * a + number).get(), 2 * NUMBERS + 2)
        np.testing.assert_array_equal((number <= a).get(), NUMBERS >= 2)


def test_single_values_stay_arrays(cupy, a):
    for one in (a[0, 1], a.sum(), a.max(), abs(a[0, 1]), a[0, 1] + 1, cupy.exp(0.0)):
        assert type(one) is cupy.ndarray
        assert one.shape == ()
    a[0, 1][...] = 9  # a view
    assert float(a[0, 1]) == 9
    assert isinstance(a[0, 1].item(), float)


def test_only_what_cupy_has(cupy, a):
    for absent in ("ctypes", "setflags", "__index__", "__contains__", "__imatmul__", "ptp"):
        assert not hasattr(a, absent)
    for absent in ("errstate", "ndindex_", "vecdot", "nditer", "float128", "object_"):
        assert not hasattr(cupy, absent)
    for refused in (
        lambda: a.max(initial=0),
        lambda: a.item(0),
        lambda: cupy.clip(a, min=0),
        lambda: a.sum(where=True),
    ):
        with pytest.raises(TypeError):
            refused()
    with pytest.raises(ValueError, match="Unsupported dtype"):
        cupy.asarray([None])
    with pytest.raises(NotImplementedError):
        cupy.maximum.reduce(a)


def test_what_does_not_repeat_is_left_out(cupy, a):
    for absent in ("bincount", "cumsum", "cumprod", "histogram", "nancumsum"):
        assert not hasattr(cupy, absent)
    for absent in ("cumsum", "cumprod", "scatter_add"):
        assert not hasattr(a, absent)
    for absent in ("at", "reduceat", "accumulate"):
        assert not hasattr(cupy.add, absent)


def test_the_sign_of_nan_is_that_of_cupy(cupy):
    np.testing.assert_array_equal(cupy.sign(cupy.asarray([np.nan, -2.0, 0.0, 3.0])).get(), [0, -1, 0, 1])


def test_views_and_places(cupy, a):
    assert a.T.data.ptr == a.data.ptr
    a.reshape(-1)[3:] *= 2
    a[a > 7] = -1
    np.testing.assert_array_equal(a.get(), [[0, 1, 2], [6, -1, -1]])
    cupy.add(a, 1, out=a)
    a[:, cupy.asarray([0, 1])] = a[:, [1, 0]]
    np.testing.assert_array_equal(a.get(), [[2, 1, 3], [0, 7, 0]])
    assert a.flags.c_contiguous
    assert not a.T.flags.c_contiguous


SUM = """
extern "C" __global__ void sums(const long long size, float* y, const float* x, const float factor) {
    const int first = blockIdx.x * blockDim.x + threadIdx.x, step = gridDim.x * blockDim.x;
    for (int i = first; i < size; i += step) y[i] += factor * x[i];
}
"""


@pytest.mark.parametrize("grid", [(1,), (3,)])
def test_kernels_run(cupy, grid):
    x = cupy.asarray(NUMBERS.astype("float32"))
    y = x.copy()
    cupy.RawKernel(SUM, "sums")(grid, (2,), (np.int64(5), y, x, np.float32(2)))
    np.testing.assert_array_equal(y.get().ravel(), [0, 3, 6, 9, 12, 5])


@pytest.mark.parametrize(
    ("grid", "block", "change", "message"),
    [
        ((0,), (2,), {}, "expected one number each"),
        ((1,), (2048,), {}, "expected one number each"),
        ((1, 1), (2, 1), {}, "expected one number each"),
        ((1,), (2,), {0: np.int32(5)}, "types iFFf, expected qFFf"),
        ((1,), (2,), {3: np.float64(2)}, "types qFFd, expected qFFf"),
        ((1,), (2,), {3: 2.0}, "give an array, or a number of NumPy's"),
        ((1,), (2,), {2: NUMBERS}, "give an array, or a number of NumPy's"),
        ((1,), (2,), {2: "float64"}, "types qFDf, expected qFFf"),
    ],
)
def test_kernels_are_called_with_care(cupy, grid, block, change, message):
    if cupy.__version__ != "stand-in":
        pytest.skip("CuPy hands over what it is given")
    x = cupy.asarray(NUMBERS.astype("float32"))
    change = {key: x.astype(one) if isinstance(one, str) else one for key, one in change.items()}
    given = {0: np.int64(5), 1: x, 2: x, 3: np.float32(2)} | change
    with pytest.raises((ValueError, TypeError), match=message):
        cupy.RawKernel(SUM, "sums")(grid, block, tuple(given.values()))


def test_kernels_that_cannot_be_made(cupy, monkeypatch):
    if cupy.__version__ != "stand-in":
        pytest.skip("CuPy hands over what it is given")
    x = cupy.asarray(NUMBERS.astype("float32"))
    given = (1,), (1,), (np.int64(1), x, x, np.float32(2))
    with pytest.raises(ValueError, match=r"(?s)does not compile.*facter"):
        cupy.RawKernel(SUM.replace("factor *", "facter *"), "sums")(*given)
    with pytest.raises(ValueError, match="unknown to the stand-in"):
        cupy.RawKernel(SUM, "sums", options=("--use_fast_math",))
    monkeypatch.setenv("PATH", "")
    with pytest.raises(pytest.skip.Exception, match=r"no C\+\+ compiler"):
        cupy.RawKernel(SUM + "// not compiled before", "sums")(*given)


def test_it_offers_nothing_that_cupy_lacks():
    cupy = pytest.importorskip("cupy", reason="CuPy is not installed: nothing to compare the stand-in with")
    if cupy.__version__ == "stand-in":
        pytest.skip("the stand-in stands in CuPy's place")
    from support.standin.check import differences

    assert not differences()
