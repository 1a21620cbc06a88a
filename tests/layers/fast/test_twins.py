"""Local response normalisation by roots and fully connected layers in blocks are their definitions to rounding, and
maximum pooling along one axis after the other is its definition to the bit."""

from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import cases

from refvis import layers
from refvis.layers import fully_connected, lrn, pool
from refvis.layers.fast import fully_connected as fast_fully_connected
from refvis.layers.fast import lrn as fast_lrn
from refvis.layers.fast import pool as fast_pool


@st.composite
def normalisations(draw: st.DrawFn) -> tuple[layers.LRN, np.ndarray, np.ndarray]:
    beta = draw(st.sampled_from([0.25, 0.5, 0.75, 1.0, 0.6, 0.0]))
    kappa, alpha = draw(st.sampled_from([0.0, 1.0, 2.5])), draw(st.just(0.0) | st.floats(1e-5, 3))
    layer = layers.LRN(draw(st.integers(1, 9)), kappa, alpha, beta)
    shape = draw(st.tuples(st.integers(1, 3), st.integers(1, 4), st.integers(1, 5), st.integers(1, 7)))
    random, dtype = np.random.default_rng(draw(st.integers(0, 99))), draw(st.sampled_from(["float32", "float64"]))
    x, g = (random.standard_normal(shape, dtype) for _ in range(2))
    return layer, np.where(random.random(shape) < 0.3, x.dtype.type(0), x), g


@settings(max_examples=150)
@given(normalisations())
def test_roots_are_powers(case: tuple[layers.LRN, np.ndarray, np.ndarray]) -> None:
    layer, x, g = case
    fast, slow = fast_lrn.forward(layer, x), lrn.forward(layer, x)
    assert fast.dtype == slow.dtype
    eps = np.finfo(x.dtype).eps
    np.testing.assert_allclose(fast, slow, rtol=(20 + 2 * layer.size) * eps, atol=0)
    (found,), (expected,) = fast_lrn.gradient(layer, g, fast, x), lrn.gradient(layer, g, slow, x)
    assert found.dtype == expected.dtype
    sizes = lrn_sizes(layer, g, x)
    assert (np.abs(found - expected) <= (40 + 4 * layer.size) * eps * sizes).all()


def lrn_sizes(layer: layers.LRN, g: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Return the sum of the sizes of all that the gradient adds up."""
    below, above = lrn.neighbours(layer)
    L = lrn.denominator(layer, x.astype(float))
    power = L**-layer.beta
    spread = lrn.window_sum(np.abs(g * x) * power / L, above, below)
    found: np.ndarray = np.abs(g) * power + 2 * layer.alpha * layer.beta * np.abs(x) * spread
    return found


def test_neighbours_are_those_of_the_same_pixel() -> None:
    x = np.zeros((1, 1, 3, 4), "float32")
    x[0, 0, 1] = [np.nan, 1, 1, 1]
    y = fast_lrn.forward(layers.LRN(3, 1, 1, 0.75), x)
    np.testing.assert_array_equal(np.isnan(y[0, 0]), [[False] * 4, [True, True, False, False], [False] * 4])


@given(st.integers(1, 2), st.integers(1, 9), st.integers(1, 9), st.booleans(), st.sampled_from(["float32", "float64"]))
def test_blocks_are_the_whole(count: int, inputs: int, outputs: int, biased: bool, dtype: str) -> None:
    random = np.random.default_rng(inputs)
    layer = layers.FullyConnected(
        random.standard_normal((outputs, inputs)), random.standard_normal(outputs) if biased else None
    )
    x = random.standard_normal((count, 1, inputs, 1)).astype(dtype)
    g = random.standard_normal((count, 1, 1, outputs)).astype(dtype)
    with mock.patch.object(fast_fully_connected, "ROWS", 4):
        y = fast_fully_connected.forward(layer, x)
        (dx,) = fast_fully_connected.gradient(layer, g, y, x)
    assert y.dtype == dx.dtype == x.dtype
    tolerance = 100 * np.finfo(dtype).eps
    np.testing.assert_allclose(y, fully_connected.forward(layer, x), rtol=0, atol=tolerance)
    np.testing.assert_allclose(dx, fully_connected.gradient(layer, g, y, x)[0], rtol=0, atol=tolerance)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_relu_of_what_is_not_finite(value: float) -> None:
    x = np.array([value, -value, 1, -1], "float32").reshape(1, 1, 2, 2)
    expected = [np.inf, 0, 1, 0] if value == np.inf else [0, 0, 1, 0]
    np.testing.assert_array_equal(layers.forward(layers.ReLU(), x).ravel(), expected)


@settings(max_examples=100)
@given(cases.single(("pool",)), st.sampled_from([0.0, np.nan, np.inf, -np.inf]), st.integers(0, 10**6))
def test_one_axis_after_the_other_is_the_window(case: cases.Case, value: float, place: int) -> None:
    layer, (x,) = case
    x = x.copy()
    x.reshape(-1)[place % x.size] = value
    np.testing.assert_array_equal(fast_pool.forward(layer, x), pool.forward(layer, x), strict=True)
