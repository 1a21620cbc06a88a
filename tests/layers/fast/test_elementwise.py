"""What treats values one by one is its definition bit for bit, in one thread and shared out among two."""

from unittest import mock

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from support import cases
from threadpoolctl import threadpool_limits

from refvis import layers
from refvis.layers import batch_norm, pool, relu
from refvis.layers import sum as sums
from refvis.layers.fast import bit_masks, elementwise, threads
from refvis.layers.fast import pool as fast_pool
from refvis.layers.fast import relu as fast_relu

LEAST = [1, threads.THREAD_BYTES]
"""Bytes from which on threads share the rows out: all arrays, and none of these."""

shapes = st.tuples(st.integers(1, 4), st.integers(1, 6), st.integers(1, 5), st.integers(1, 7))


def drawn(shape: tuple[int, ...], seed: int, dtype: str = "float32") -> np.ndarray:
    """Return signed values, some 0, -0, NaN or infinite."""
    random = np.random.default_rng(seed)
    odd = random.choice(np.array([0.0, -0.0, np.nan, np.inf, -np.inf]), shape)
    return np.where(random.random(shape) < 0.4, odd, random.standard_normal(shape)).astype(dtype)


def in_threads(least: int) -> mock._patch:
    return mock.patch.object(threads, "THREAD_BYTES", least)


@given(shapes, st.sampled_from(LEAST), st.sampled_from(["float32", "float64"]), st.integers(0, 99))
def test_relu(shape: tuple[int, ...], least: int, dtype: str, seed: int) -> None:
    x, g = drawn(shape, seed, dtype), drawn(shape, seed + 1, dtype)
    with in_threads(least), threadpool_limits(2, "blas"):
        for leak in (0.0, 0.25):
            layer = layers.ReLU(leak)
            found = fast_relu.forward(layer, x)
            np.testing.assert_array_equal(found, relu.forward(layer, x), strict=True)
        (dx,) = relu.gradient(layers.ReLU(), g, found, x)
    np.testing.assert_array_equal(dx, np.where(x > 0, g, 0), strict=True)


@given(shapes, st.sampled_from(LEAST), st.sampled_from(["float32", "float64"]), st.integers(0, 99), st.booleans())
def test_batch_norm(shape: tuple[int, ...], least: int, dtype: str, seed: int, given_moments: bool) -> None:
    random = np.random.default_rng(seed)
    scale, offset, mean = random.standard_normal((3, shape[3]), dtype)
    moments = np.stack([mean, random.uniform(0.5, 2, shape[3]).astype(dtype)], axis=1)
    layer = layers.BatchNorm(scale, offset, moments if given_moments else None)
    x, g = (random.standard_normal(shape, dtype) for _ in range(2))
    with in_threads(least), threadpool_limits(2, "blas"):
        y = elementwise.batch_norm_forward(layer, x)
        (dx,) = elementwise.batch_norm_gradient(layer, g, y, x)
    np.testing.assert_array_equal(y, batch_norm.forward(layer, x), strict=True)
    np.testing.assert_array_equal(dx, batch_norm.gradient(layer, g, y, x)[0], strict=True)


@given(shapes, st.integers(1, 4), st.sampled_from(LEAST), st.integers(0, 99))
def test_sum(shape: tuple[int, ...], count: int, least: int, seed: int) -> None:
    inputs = [drawn(shape, seed + i, "float64" if i % 2 else "float32") for i in range(count)]
    with np.errstate(invalid="ignore"):
        expected = sums.forward(layers.Sum(), *inputs)
        with in_threads(least), threadpool_limits(2, "blas"):
            found = elementwise.sum_forward(layers.Sum(), *inputs)
    np.testing.assert_array_equal(found, expected, strict=True)
    assert not any(np.shares_memory(found, x) for x in inputs)


@given(shapes, st.sampled_from(["none", "one", "each"]), st.sampled_from(LEAST), st.integers(0, 99))
def test_biases(shape: tuple[int, ...], which: str, least: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    y = random.standard_normal(shape, "float32")
    biases = {"none": None, "one": random.standard_normal(1), "each": random.standard_normal(shape[3])}[which]
    expected = y + np.float32(0 if biases is None else biases.astype("float32"))
    with in_threads(least), threadpool_limits(2, "blas"):
        elementwise.add_biases(y, biases)
    np.testing.assert_array_equal(y, expected, strict=True)


@given(shapes, st.sampled_from(LEAST), st.integers(0, 99), st.sampled_from(["float32", "float64"]))
def test_masks(shape: tuple[int, ...], least: int, seed: int, dtype: str) -> None:
    values, by = drawn(shape, seed, dtype)[:, ::-1], drawn(shape, seed + 1, dtype)
    with in_threads(least), threadpool_limits(2, "blas"):
        mask = bit_masks.positive_mask(by)
        found = bit_masks.select(values, mask)
    np.testing.assert_array_equal(mask, by > 0, strict=True)
    np.testing.assert_array_equal(found, np.where(by > 0, values, values.dtype.type(0)), strict=True)


@settings(max_examples=150)
@given(cases.single(("pool",)), st.sampled_from([0.0, np.nan, np.inf, -np.inf]), st.integers(0, 10**6))
@example((layers.Pool((2, 3), (3, 3)), (np.zeros((1, 7, 8, 2)),)), 0.0, 0)  # ties, and windows that do not meet
def test_pooling_goes_back_tap_by_tap(case: cases.Case, value: float, place: int) -> None:
    layer, (x,) = case
    x = x.copy()
    x.reshape(-1)[place % x.size] = value
    y = pool.forward(layer, x)
    signal = np.random.default_rng(place).standard_normal(y.shape).astype(x.dtype)
    (found,), (expected,) = fast_pool.gradient(layer, signal, y, x), pool.gradient(layer, signal, y, x)
    np.testing.assert_array_equal(found, expected, strict=True)


@pytest.mark.parametrize("rows", [1, 2, 5])
def test_pieces_are_all_rows_once(rows: int) -> None:
    x, seen = np.zeros((3, rows, 2, 2), "float32"), []
    with in_threads(1), threadpool_limits(2, "blas"):

        def add(some: np.ndarray) -> None:
            seen.append(some.shape)
            some += 1

        threads.in_pieces(add, x)
    assert (x == 1).all()
    assert len(seen) > 1
