"""With kappa = 0 a window of zeros has L = 0: the output and the gradient are defined as zero there."""

import numpy as np

from refvis import layers


def test_a_window_of_zeros_gives_zeros() -> None:
    x = np.random.default_rng(0).standard_normal((2, 3, 4, 7))
    x[1, 2, 3] = 0
    layer = layers.LRN(size=5, kappa=0, alpha=1, beta=0.5)
    y = layers.forward(layer, x)
    (dx,) = layers.backward(layer, np.ones_like(y), y, x)
    np.testing.assert_array_equal(y[1, 2, 3], 0)
    np.testing.assert_array_equal(dx[1, 2, 3], 0)
    np.testing.assert_allclose(y[0, 0, 0, 0], x[0, 0, 0, 0] / np.sqrt((x[0, 0, 0, :3] ** 2).sum()))
    assert np.isfinite(y).all()
    assert np.isfinite(dx).all()
