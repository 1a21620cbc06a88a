"""LRN by its Taylor expansion: a slow replica of the formula, and what of the layer it keeps."""

from functools import partial

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from support import cases

from refvis import layers
from refvis.layers import lrp


def contributions(layer: layers.LRN, x: np.ndarray) -> np.ndarray:
    """Return c_kj of Binder et al. 2016 for the channels x of one pixel."""
    c = np.zeros((len(x), len(x)))
    for k, own in enumerate(x):
        low, high = k - (layer.size - 1) // 2, k + layer.size // 2
        window = [j for j in range(len(x)) if low <= j <= high]
        L = layer.kappa + layer.alpha * sum(x[j] ** 2 for j in window)
        for j in window:
            if j == k:
                alone = layer.kappa + layer.alpha * own**2
                c[k, k] = own * alone**-layer.beta if alone else 0
            else:
                c[k, j] = -2 * layer.alpha * layer.beta * own * x[j] ** 2 * L ** (-layer.beta - 1) if L else 0
    return c


@pytest.mark.parametrize("kappa", [None, 0.0])
@settings(max_examples=25, phases=[Phase.generate])
@given(data=st.data())
def test_lrn_is_its_formula(kappa: float | None, data: st.DataObject) -> None:
    layer, (x,) = data.draw(cases.single(("lrn",), dtype="float64"))
    layer = layer if kappa is None else layers.LRN(layer.size, 0.0, 0.25, layer.beta)
    R, eps, book = cases.like(data.draw, x), 0.125, lrp.Booking()
    expected, size, taken = np.zeros(x.shape), np.zeros(x.shape), 0.0
    for n, i, j in np.ndindex(*x.shape[:3]):
        c = contributions(layer, x[n, i, j])
        y = c.sum(axis=1)
        share = R[n, i, j] / (y + np.where(y >= 0, eps, -eps))
        expected[n, i, j], size[n, i, j] = c.T @ share, np.abs(c).T @ np.abs(share)
        taken += float((share * np.where(y >= 0, eps, -eps)).sum())
    found = layers.backward(layer, R, None, x, rule=partial(lrp.lrn_taylor, eps=eps, book=book))[0]
    # The window is a sum less the channel itself, which rounding of that size goes with.
    rounding = 1e-13 * np.abs(R).sum() / eps * (1 + np.abs(x).max())
    np.testing.assert_array_less(np.abs(found - expected), 1e-10 * size + rounding + 1e-300)
    np.testing.assert_allclose(book.stabiliser, taken, rtol=0, atol=1e-10 * (1 + np.abs(R).sum()))
    np.testing.assert_allclose(found.sum() + book.stabiliser, R.sum(), rtol=0, atol=1e-10 * (size.sum() + 1))


def test_by_hand() -> None:
    """Two channels 1 and 2, alpha = beta = kappa = 1: L = 6 for both, c = ((1/2, -8/36), (-4/36, 2/5))."""
    layer, x = layers.LRN(3, 1, 1, 1), np.array([1.0, 2.0]).reshape(1, 1, 1, 2)
    found = layers.backward(
        layer, np.array([0.0, 1.0]).reshape(1, 1, 1, 2), None, x, rule=partial(lrp.lrn_taylor, eps=0)
    )
    own, other = 2 / 5, -4 / 36
    np.testing.assert_allclose(found[0].ravel(), [other / (own + other), own / (own + other)], rtol=1e-13)


def test_an_even_window_looks_up_and_its_relevance_comes_down() -> None:
    x, R = np.ones((1, 1, 1, 4)), np.array([0.0, 1, 0, 0]).reshape(1, 1, 1, 4)
    found = layers.backward(layers.LRN(2, 1, 1, 1), R, None, x, rule=lrp.lrn_taylor)[0].ravel()
    np.testing.assert_equal((found != 0).tolist(), [False, True, True, False])


def test_without_neighbours_all_goes_through() -> None:
    x, R = np.array([3.0, -2.0, 0.0]).reshape(1, 1, 1, 3), np.array([5.0, 7.0, 11.0]).reshape(1, 1, 1, 3)
    book = lrp.Booking()
    found = layers.backward(layers.LRN(1, 0, 2, 0.5), R, None, x, rule=partial(lrp.lrn_taylor, eps=0.0, book=book))
    np.testing.assert_allclose(found[0].ravel(), [5, 7, 0], rtol=1e-14)
    np.testing.assert_equal(book.zero, 11)
