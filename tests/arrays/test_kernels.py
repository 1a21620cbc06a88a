"""Kernels: their very source, run by the stand-in for CuPy, gives what the definitions give, bit for bit."""

import subprocess
import sys
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import cases
from support.elsewhere import there
from support.sides import assert_equal_sides
from support.standin import compile
from support.standin.kernels import sanitized

from refvis import exact, layers
from refvis.layers import pool
from refvis.layers.fast import conv as fast_conv
from refvis.layers.fast import conv_kernels, conv_strided, kernels, lrn_kernels, pool_kernels
from refvis.layers.fast import lrn as fast_lrn
from refvis.layers.fast import pool as fast_pool
from refvis.layers.fast.kernels import Kernel

ROOT = Path(__file__).resolve().parents[2]
VALUES = (0.0, -0.0, 1.0, -1.0, 0.1, -3.5, 1e30, np.nan, np.inf, -np.inf)
BETAS = (0.25, 0.5, 0.75)


def bits(array):
    """Return the array's bytes; all NaN are one."""
    host = array.get() if hasattr(array, "get") else array
    return host.dtype, host.shape, np.where(np.isnan(host), host.dtype.type("nan"), host).tobytes()


def odd(draw, shape, dtype):
    """Return values with zeros of both signs, ties, NaN and infinities among them, or none of these."""
    random = draw(cases.generators())
    chosen = random.choice(np.array(VALUES if draw(st.booleans()) else VALUES[:6]), shape)
    return np.where(
        random.random(shape) < draw(st.sampled_from([0, 0.3, 1])), chosen, random.normal(size=shape)
    ).astype(dtype)


def laid_out(draw, cupy, x):
    """Return the array over there: in C order, in another order of axes, or with gaps."""
    way = draw(st.sampled_from(["C", "channels first", "gaps"]))
    if way == "channels first":
        return cupy.asarray(np.ascontiguousarray(x.transpose(3, 0, 1, 2))).transpose(1, 2, 3, 0)
    return cupy.asarray(np.repeat(x, 2, axis=2))[:, :, ::2] if way == "gaps" else cupy.asarray(x)


def threads(draw):
    """Few threads for many values, or more threads than values."""
    few = draw(st.booleans())
    return mock.patch.multiple(kernels, THREADS=3 if few else 256, MOST_BLOCKS=2 if few else 1 << 16)


@settings(max_examples=150)
@given(data=st.data())
def test_max_pool_gradient(cupy, data):
    draw = data.draw
    shape, dtype = draw(cases.shapes()), draw(st.sampled_from(cases.FLOATS))
    layer, x = cases.pool_on(draw, shape, "max"), odd(draw, shape, dtype)
    y = pool.forward(layer, x)
    signal = odd(draw, y.shape, dtype)
    with threads(draw):
        (found,) = fast_pool.gradient(layer, *(laid_out(draw, cupy, one) for one in (signal, y, x)))
    with np.errstate(invalid="ignore"):
        (expected,) = pool.gradient(layer, signal, y, x)
    assert bits(found) == bits(expected)


@settings(max_examples=150)
@given(data=st.data())
def test_lrn(cupy, data):
    draw = data.draw
    shape, dtype = draw(cases.shapes()), draw(st.sampled_from(cases.FLOATS))
    size, kappa, alpha = draw(st.integers(1, 2 * shape[3] + 2)), draw(st.floats(0, 2)), draw(st.floats(0, 0.5))
    layer = layers.LRN(size, draw(st.sampled_from([0.0, kappa])), alpha, draw(st.sampled_from(BETAS)))
    x, signal = odd(draw, shape, dtype), odd(draw, shape, dtype)
    far, far_signal = laid_out(draw, cupy, x), laid_out(draw, cupy, signal)
    assert lrn_kernels.suits(layer, far)
    with np.errstate(all="ignore"):
        y = fast_lrn.forward(layer, x)
        (dx,) = fast_lrn.gradient(layer, signal, y, x)
    with threads(draw):
        assert bits(lrn_kernels.forward(layer, far)) == bits(y)
        assert bits(lrn_kernels.gradient(layer, far_signal, far)) == bits(dx)


def test_another_power_is_no_kernel(cupy):
    x = np.random.default_rng(0).normal(size=(1, 2, 3, 5))
    layer = layers.LRN(3, 1, 0.1, 0.6)
    assert not lrn_kernels.suits(layer, cupy.asarray(x))
    assert_equal_sides(cupy, layers.forward(layer, cupy.asarray(x)), layers.forward(layer, x))


@settings(max_examples=100)
@given(data=st.data())
def test_taps(cupy, data):
    draw = data.draw
    (count, height, width, channels), dtype = draw(cases.shapes()), draw(st.sampled_from(cases.FLOATS))
    (fh, sy, dy, *_), (fw, sx, dx, *_) = (cases.window(draw, 9) for _ in range(2))
    layer = layers.Conv(np.ones((1, fh, fw, 1)), stride=(sy, sx), dilate=(dy, dx))
    maps = odd(draw, (fh, fw, channels, count, height, width), dtype)
    below, right = draw(st.integers(0, 3)), draw(st.integers(0, 3))
    size = (height - 1) * sy + (fh - 1) * dy + 1 + below, (width - 1) * sx + (fw - 1) * dx + 1 + right
    planes = odd(draw, (channels, count, *size), dtype)
    far = cupy.asarray(np.repeat(planes, 2, axis=2))
    with threads(draw), np.errstate(invalid="ignore"):
        conv_kernels.add_maps(layer, cupy.asarray(maps), far[:, :, size[0] :])
        conv_strided.add_maps(layer, maps, (expected := np.repeat(planes, 2, axis=2))[:, :, size[0] :])
    assert bits(far) == bits(expected)


@settings(max_examples=40)
@given(case=cases.single(("conv",)), data=st.data())
def test_gradient_in_tiles(cupy, case, data):
    layer, (x,) = case
    y = layers.forward(layer, x)
    signal = cases.like(data.draw, y)
    at_once = data.draw(st.sampled_from([1, 1000, 1 << 20]))
    with (
        mock.patch.multiple(fast_conv, TILE_BYTES=at_once, DEVICE_TILE_BYTES=at_once),
        mock.patch.object(fast_conv, "_gradient_method", return_value=fast_conv._by_taps),
    ):
        found = fast_conv.gradient(*there((layer, signal, y, x)))
        assert_equal_sides(cupy, found, fast_conv.gradient(layer, signal, y, x))


RUN = [
    (layers.Pool(3, 2), {"max_pool_gradient"}),
    (layers.Pool(3, 2, method="avg"), set()),
    (layers.LRN(), {"lrn_forward", "lrn_shares", "lrn_gradient"}),
    (layers.Conv(np.ones((4, 3, 3, 2)), stride=2), {"conv_taps"}),
]


def test_all_kernels_are_here():
    assert set().union(*(names for _, names in RUN)) == {kernel.name for kernel in compile.kernels()}


@pytest.mark.parametrize(("layer", "names"), RUN)
def test_where_kernels_run(cupy, layer, names):
    called = set()
    far, x = there(layer), cupy.asarray(np.ones((1, 7, 9, 2)))
    with mock.patch.object(Kernel, "__call__", lambda kernel, *arguments: called.add(kernel.name)):
        y = layers.forward(far, x)
        layers.backward(far, y, y, x)
        assert called == names
        called.clear()
        with exact():
            layers.backward(far, y, layers.forward(far, x), x)
        assert called == set()


def test_nothing_to_compute(cupy):
    layer, x = layers.Pool(2), cupy.zeros((0, 4, 5, 3))
    (dx,) = fast_pool.gradient(layer, cupy.zeros((0, 3, 4, 3)), cupy.zeros((0, 3, 4, 3)), x)
    assert dx.shape == x.shape
    assert lrn_kernels.forward(layers.LRN(), x).shape == x.shape


@pytest.mark.parametrize("find", [compile.nvrtc, pytest.param(compile.nvcc, marks=pytest.mark.slow)])
def test_kernels_compile_for_gpus(find, monkeypatch):
    compiler = find()
    if compiler is None:
        pytest.skip(f"there is no {find.__name__}: kernels cannot be compiled for GPUs")
    monkeypatch.setattr(compile, "ARCHITECTURES", ("sm_80",))
    found = list(compile.rows(compiler))
    assert len(found) == 2 * len(compile.kernels()) >= 10
    assert not [row for row in found if "FAILED" in row[-1]]
    with pytest.raises(ValueError, match="thraedIdx"):
        compiler(pool_kernels.GRADIENT.source("float32").replace("threadIdx", "thraedIdx"), "sm_80")


BEYOND = """
import numpy
from support import standin
with standin.installed() as cupy:
    x = cupy.zeros(500)
    code = 'extern "C" __global__ void last(double* x, const long long i) { x[i] += 1; }'
    for i in (499, 500):
        cupy.RawKernel(code, "last")((1,), (1,), (x, numpy.int64(i)))
        print(i, "written", flush=True)
"""


def with_memory_checked(*arguments):
    """Return how a run of Python ended in which kernels' accesses to memory are checked."""
    environment = sanitized()
    if environment is None:
        pytest.skip("the C++ compiler has no library that checks accesses to memory")
    command = [sys.executable, *arguments]
    return subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=600, check=False)


def test_memory_is_checked():
    ended = with_memory_checked("-c", f"import sys; sys.path.append('tests'){BEYOND}")
    assert ended.stdout == "499 written\n"
    assert "heap-buffer-overflow" in ended.stderr


@pytest.mark.slow
def test_no_kernel_reaches_beyond_its_arrays():
    names = "test_max_pool_gradient or test_lrn or test_taps"
    ended = with_memory_checked("-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", names, __file__)
    assert ended.returncode == 0, ended.stdout[-3000:] + ended.stderr[-3000:]
    assert "3 passed" in ended.stdout
