"""What formulas leave undefined is defined: zero denominators, dead units, ties. Warnings are errors."""

from functools import partial
from typing import Any

import numpy as np
import pytest
from support import cases

from refvis import layers
from refvis.layers import lrp, modes, pool

RULES: dict[str, Any] = {
    "epsilon": lrp.epsilon,
    "gamma": lrp.gamma,
    "gamma weights": partial(lrp.gamma, split="weights"),
    "alpha_beta": lrp.alpha_beta,
    "z_plus": lrp.z_plus,
    "w_square": lrp.w_square,
    "flat": lrp.flat,
    "box": lrp.box,
    "excitation": lrp.excitation,
    "contrastive": lrp.contrastive,
}


def image(*values: float) -> np.ndarray:
    """Return one image of one pixel."""
    return np.array(values, float).reshape(1, 1, 1, -1)


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("dtype", cases.FLOATS)
def test_zero_denominators_pass_zero_and_book_it(name: str, dtype: str) -> None:
    """Output 0 reads nothing, output 1 something of either sign: only what arrives at 0 stays."""
    layer, x = layers.FullyConnected(np.array([[0.0, 0, 0], [1, -2, -3]], dtype)), image(2, -1, 4).astype(dtype)
    if name == "flat":  # asks not for weights, but for inputs: of those, a window on the padding has none
        layer = layers.Conv(np.ones((1, 1, 1, 3), dtype), pad=(1, 0, 0, 0))
    y = layers.forward(layer, x)
    book, R = lrp.Booking(), np.full_like(y, 5)
    found = layers.backward(layer, R, y, x, rule=partial(RULES[name], eps=0.0, book=book))[0]
    expected = 0 if name == "contrastive" else 5  # which subtracts as much
    np.testing.assert_allclose([book.zero, found.sum()], expected, rtol=1e-6)
    np.testing.assert_equal((book.stabiliser, book.bias), (0, 0))


@pytest.mark.parametrize("at_zero", [1, 0, -1])
def test_the_sign_of_zero(at_zero: int) -> None:
    """1 and -2 cancel 2 and 1. By at_zero=0 (FeatureVis) a zero stays one, whatever eps is, and is booked."""
    layer, x, book = layers.FullyConnected(np.array([[1.0, -2.0]])), image(2, 1), lrp.Booking()
    eps = lrp.Stabiliser(0.25, at_zero=at_zero)
    found = layers.backward(layer, image(3), None, x, rule=partial(lrp.epsilon, eps=eps, book=book))[0]
    np.testing.assert_array_equal(found.ravel(), np.array([2, -2]) * 3 / 0.25 * at_zero)
    np.testing.assert_equal((book.zero, book.stabiliser), (0.0, 3.0) if at_zero else (3.0, 0.0))
    np.testing.assert_equal(book.bias, 0)


@pytest.mark.parametrize(("at_zero", "expected"), [(1, [2, -1]), (-1, [-1, 2]), (0, [0, 0])])
def test_gamma_takes_the_sign_of_zero(at_zero: int, expected: list[float]) -> None:
    layer, x, book = layers.FullyConnected(np.array([[1.0, -2.0]])), image(2, 1), lrp.Booking()
    eps = lrp.Stabiliser(0.0, at_zero=at_zero)
    found = layers.backward(layer, image(1), None, x, rule=partial(lrp.gamma, gamma=1.0, eps=eps, book=book))[0]
    # P = 2, N = -2: favoured P gives (4, -2) / 2, favoured N (2, -4) / -2.
    np.testing.assert_array_equal(found.ravel(), expected)
    np.testing.assert_equal(book.zero, float(at_zero == 0))


@pytest.mark.parametrize("mode", modes.MODES)
@pytest.mark.parametrize("dtype", cases.FLOATS)
def test_nothing_leaks_through_dead_units(mode: str, dtype: str) -> None:
    """All ReLUs are off. What they pass on by the gradient is 0; relevance has no y above them to be shared out of."""
    random = np.random.default_rng(3)
    first = layers.Conv(random.normal(size=(4, 2, 2, 3)).astype(dtype), np.full(4, -99, dtype))
    full = layers.FullyConnected(random.normal(size=(5, 4 * 4 * 5)).astype(dtype))
    graph = layers.Graph(layers.chain({"conv": first, "relu": layers.ReLU(), "full": full}))
    trace = graph.forward(random.normal(size=(2, 5, 6, 3)).astype(dtype))
    np.testing.assert_array_equal(trace["x2"], np.zeros((2, 4, 5, 4)))
    found = graph.backward(trace, {"x3": np.ones((2, 1, 1, 5), dtype)}, mode)
    np.testing.assert_equal(all(bool(np.isfinite(signal).all()) for signal in found.values()), True)
    if mode != "deconvnet":  # which does not look at the input
        np.testing.assert_array_equal(found["x0"], np.zeros((2, 5, 6, 3)))


WINNERS = {"gradient": None, "lrp.pool": lrp.pool, "deeplift": modes.DEEPLIFT[layers.Pool]}


@pytest.mark.parametrize("name", WINNERS)
def test_ties_go_to_the_first_down_the_rows(name: str) -> None:
    x = np.array([[0.0, 7, 7], [7, 7, 0]]).reshape(1, 2, 3, 1)
    x = np.concatenate([x, x - 7]) if name == "deeplift" else x  # of the reference, the first of its ties, as well
    found = layers.backward(layers.Pool((2, 3)), np.ones((len(x), 1, 1, 1)), None, x, rule=WINNERS[name])[0]
    for one in found:
        np.testing.assert_array_equal(one[:, :, 0], [[0, 0, 0], [1, 0, 0]])


def test_ties_share_alike_when_relevance_is_spread() -> None:
    x = np.array([[0.0, 6, 6], [6, 6, 0]]).reshape(1, 2, 3, 1)
    found = layers.backward(layers.Pool((2, 3)), np.ones((1, 1, 1, 1)), None, x, rule=partial(lrp.spread, eps=0.0))[0]
    np.testing.assert_allclose(found[0, :, :, 0], [[0, 0.25, 0.25], [0.25, 0.25, 0]])


def test_the_centre_does_not_look_at_values() -> None:
    x = np.array([[0.0, 7, 7], [7, 7, 0]]).reshape(1, 2, 3, 1)
    found = layers.backward(layers.Pool((2, 3)), np.ones((1, 1, 1, 1)), None, x, rule=pool.centred)[0]
    np.testing.assert_array_equal(found[0, :, :, 0], [[0, 1, 0], [0, 0, 0]])
