"""Parameters of any size take time by the size of the arrays: a file of a few bytes cannot ask for hours."""

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from refvis import layers
from refvis.layers import lrn, roi_pool

RANDOM = np.random.default_rng(3)
X = RANDOM.standard_normal((1, 6, 7, 3)).astype("float32")
REGIONS = np.array([[1.0, 2, 1, 6, 5], [1, -5, 2, 900, 4]], "float32").reshape(2, 1, 1, 5)


@pytest.mark.parametrize(
    ("layer", "inputs"),
    [
        (layers.Conv(np.ones((9, 2, 3, 3), "float32"), stride=10**9), (X,)),
        (layers.Conv(np.ones((2, 2, 3, 9), "float32"), stride=10**9, pad=1), (X.repeat(3, axis=3),)),
        (layers.ConvTranspose(np.ones((3, 2, 2, 20), "float32"), upsample=10**9), (X[:, :1, :1],)),
        (layers.LRN(10**9), (RANDOM.standard_normal((1, 1, 1, 10**5)).astype("float32"),)),
        (layers.ROIPool((2**11, 2**11)), (X[..., :1], REGIONS)),
        (layers.ROIPool((1, 2**20), "avg"), (X, REGIONS)),
        (layers.SpatialNorm((2**30, 1)), (X,)),
        (layers.Crop(2**31 - 1), (X, X[:, :2, :3])),
    ],
    ids=lambda value: type(value).__name__,
)
def test_time_follows_the_arrays(layer, inputs):
    start = time.process_time()
    y = layers.forward(layer, *inputs)
    back = layers.backward(layer, np.ones_like(y), y, *inputs)
    assert time.process_time() - start < 3
    assert np.isfinite(y).all()
    assert np.isfinite(back[0]).all()


@given(st.integers(-20, 20), st.integers(-20, 20), st.integers(1, 60), st.integers(1, 7))
def test_parts_that_cover_the_same_pixels_stand_together(first, last, count, extent):
    length, found = max(last - first + 1, 1), {}
    for parts, pixels in roi_pool.parts(first, last, count, extent):
        found |= dict.fromkeys(range(parts.start, parts.stop), (pixels.start, pixels.stop))
    expected = {}
    for k in range(count):
        start, stop = first + k * length // count, first + -(-(k + 1) * length // count)
        expected[k] = (min(max(start, 0), extent), min(max(stop, 0), extent))
    assert found == expected
    assert len(list(roi_pool.parts(first, last, count, extent))) <= max(
        count if count <= 2 * extent else 0, 2 * extent + 1
    )


@given(st.integers(30, 200), st.integers(40, 400))
def test_sums_over_many_channels(channels, size):
    x = np.random.default_rng(channels).standard_normal((1, 2, 3, channels))
    layer = layers.LRN(size, 1.0, 0.3, 0.75)
    y = lrn.forward(layer, x)
    np.testing.assert_allclose(layers.forward(layer, x), y, rtol=1e-13)
    expected = lrn.gradient(layer, np.cos(x), y, x)[0]
    np.testing.assert_allclose(layers.backward(layer, np.cos(x), y, x)[0], expected, rtol=1e-11, atol=1e-13)


def test_receptive_fields_beyond_all_arrays_are_not_computed():
    up = layers.ConvTranspose(np.ones((1, 1, 1, 1)), upsample=2**31 - 1)
    down = layers.Conv(np.ones((1, 3, 3, 1)), stride=2**31 - 1, pad=10**9)
    for layer in (up, down):
        net = layers.Graph(layers.chain({f"c{i}": layer for i in range(2000)}))
        start = time.process_time()
        fields = layers.receptive_fields(net)
        assert time.process_time() - start < 3
        assert fields["x1"] is not None
        assert fields["x2000"] is None


@pytest.mark.parametrize("scale", [1e300, 1e308, (1e19, 1.0)])
def test_scales_beyond_all_arrays(scale):
    with pytest.raises(layers.ShapeError, match="larger than any array"):
        layers.output_shape(layers.Resize(scale), X.shape)
