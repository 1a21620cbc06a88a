"""Large windows are pooled axis by axis: the definition's values, in time that does not grow with the window."""

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.cases import fill

from refvis import layers
from refvis.layers import pool
from refvis.layers.fast import pool_large


@st.composite
def large_windows(draw):
    """A pooling layer, most of whose windows are longer than the image, an input and a signal."""
    count, channels = draw(st.integers(1, 2)), draw(st.integers(1, 3))
    shape = (count, draw(st.integers(1, 17)), draw(st.integers(1, 16)), channels)
    sizes, pads = [], []
    for extent in shape[1:3]:
        size = draw(st.integers(1, 14))
        before = draw(st.integers(0, size - 1))
        sizes.append(size)
        pads += [before, draw(st.integers(min(max(0, size - extent - before), size - 1), size - 1))]
    stride = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    layer = layers.Pool(tuple(sizes), stride, tuple(pads), draw(st.sampled_from(["max", "avg"])))
    x = fill(draw, shape)
    if draw(st.booleans()):
        x[..., 0] = np.where(np.arange(x[..., 0].size).reshape(shape[:3]) % 5 == 2, np.nan, x[..., 0])
    return layer, x, fill(draw, layers.output_shape(layer, shape))


@given(large_windows())
def test_it_is_the_definition(case):
    layer, x, signal = case
    y = pool.forward(layer, x)
    found = pool_large.forward(layer, x)
    np.testing.assert_allclose(found, y, rtol=1e-13, atol=1e-13)
    expected, back = pool.gradient(layer, signal, y, x)[0], pool_large.gradient(layer, signal, x)
    np.testing.assert_allclose(back, expected, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(pool_large.counts(layer, x), pool.counts(layer, x), rtol=0)
    assert back.dtype == found.dtype == x.dtype
    if layer.method == "max":
        np.testing.assert_array_equal(found, y)


@pytest.mark.parametrize("method", ["max", "avg"])
def test_it_is_used_for_large_windows(method):
    x = np.zeros((1, 20, 30, 2))
    assert pool_large.suits(layers.Pool(11, method=method), x)
    assert not pool_large.suits(layers.Pool(10, method=method), x)
    assert not pool_large.suits(layers.Pool((21, 1), pad=(1, 0, 0, 0), method=method), x)


@pytest.mark.parametrize("layer", [layers.SpatialNorm((10**9, 10**9)), layers.Pool(10**5, 10**4, pad=99_000)])
def test_the_time_does_not_grow_with_the_window(layer):
    x = np.random.default_rng(0).standard_normal((1, 60, 50, 3)).astype("float32")
    start = time.process_time()
    y = layers.forward(layer, x)
    (back,) = layers.backward(layer, np.ones_like(y), y, x)
    assert time.process_time() - start < 3
    assert np.isfinite(back).all()


def test_a_window_of_a_thousand_million_pixels_is_that_of_the_whole_image():
    x = np.random.default_rng(0).standard_normal((2, 7, 5, 3))
    huge, whole = layers.SpatialNorm((10**9, 10**9)), layers.SpatialNorm((15, 11))
    np.testing.assert_array_equal(layers.spatial_norm.forward(huge, x), layers.spatial_norm.forward(whole, x))
    np.testing.assert_allclose(layers.forward(huge, x), layers.spatial_norm.forward(whole, x), rtol=1e-13)


@pytest.mark.parametrize("method", ["max", "avg"])
def test_long_windows_on_long_images_take_time_by_their_logarithm(method):
    layer, x = layers.Pool((20_000, 1), 2, method=method), np.ones((8, 60_000, 2, 3), "float32")
    start = time.process_time()
    y = layers.forward(layer, x)
    assert time.process_time() - start < 3
    np.testing.assert_allclose(y, 1, rtol=1e-6)
