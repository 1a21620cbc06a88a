"""Large values neither overflow nor warn (a warning is an error here), and ignored instances do no harm."""

import numpy as np
import pytest
from support import cases

from refvis import layers

X = np.array([-1e4, 0, 1e4, 3]).reshape(1, 2, 1, 2)


@pytest.mark.parametrize("dtype", cases.FLOATS)
@pytest.mark.parametrize(
    ("layer", "expected"),
    [(layers.Sigmoid(), [0, 0.5, 1, 1 / (1 + np.exp(-3))]), (layers.Softmax(), [0, 1, 1, 0])],
    ids=["sigmoid", "softmax"],
)
def test_saturation(layer: object, expected: list[float], dtype: str) -> None:
    x = X.astype(dtype)
    y = layers.forward(layer, x)
    np.testing.assert_allclose(y.ravel(), expected, rtol=1e-6)
    slope = layers.backward(layer, np.ones_like(x), y, x)[0]
    np.testing.assert_allclose(slope.ravel()[[0, 2]], [0, 0], rtol=0, atol=1e-30)


@pytest.mark.parametrize("dtype", cases.FLOATS)
@pytest.mark.parametrize(
    ("kind", "labels", "loss", "slope"),
    [
        ("softmaxlog", [1, 1], 1e4, [-1, 1, 0, 0]),
        ("logistic", [1, 1, -1, -1], 2e4 + np.log(2) + np.log1p(np.exp(3)), [-1, -0.5, 1, 1 / (1 + np.exp(-3))]),
        ("hinge", [1, 1, -1, -1], 1e4 + 1 + 1 + 1e4 + 1 + 4, [-1, -1, 1, 1]),
    ],
)
def test_losses(kind: str, labels: list[int], loss: float, slope: list[float], dtype: str) -> None:
    layer, x, c = layers.Loss(kind), X.astype(dtype), np.array(labels).reshape(1, 2, 1, -1)
    y = layers.forward(layer, x, c)
    np.testing.assert_allclose(y.item(), loss, rtol=1e-6)
    found = layers.backward(layer, np.ones_like(y), y, x, c)[0]
    np.testing.assert_allclose(found.ravel(), slope, rtol=1e-6, atol=1e-30)


@pytest.mark.parametrize("kind", cases.CATEGORICAL + cases.ATTRIBUTE)
@pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
def test_ignored_instances_count_nothing(kind: str, value: float) -> None:
    layer, x, c = layers.Loss(kind), np.full((2, 1, 1, 3), value), np.zeros(2)
    y = layers.forward(layer, x, c)
    np.testing.assert_array_equal(y, np.zeros((1, 1, 1, 1)))
    np.testing.assert_array_equal(layers.backward(layer, np.ones_like(y), y, x, c)[0], np.zeros(x.shape))


def test_a_single_channel_has_no_rival() -> None:
    layer, x = layers.Loss("mshinge"), np.array([0.5, -3]).reshape(2, 1, 1, 1)
    y = layers.forward(layer, x, np.ones(2))
    np.testing.assert_array_equal(y, np.zeros((1, 1, 1, 1)))
    np.testing.assert_array_equal(layers.backward(layer, np.ones_like(y), y, x, np.ones(2))[0], np.zeros(x.shape))


def test_moments_of_values_far_from_zero() -> None:
    x = (1e4 + np.random.default_rng(0).normal(size=(3, 50, 40, 2))).astype("float32")
    exact = (x - x.mean((0, 1, 2), dtype="float64")) / x.std((0, 1, 2), dtype="float64")
    layer = layers.BatchNorm(np.ones(2), np.zeros(2), epsilon=0)
    # The mean is off by half a unit in its last place, 5e-4; mean[x^2] - mean[x]^2 would be off by as much as 5.
    np.testing.assert_allclose(layers.forward(layer, x), exact, rtol=1e-4, atol=1e-3)
