"""NaN and infinity are never turned into numbers where they take part; where they do not, is said here.

A NaN needs no warning (and gives none: a warning is an error). Infinity times zero does warn, as everywhere in NumPy.
"""

from functools import partial
from typing import Any

import numpy as np
import pytest
from support import dense

from refvis import layers
from refvis.layers import lrp, modes

RULES: dict[str, Any] = {
    "epsilon": lrp.epsilon,
    "epsilon without": partial(lrp.epsilon, bias="absent"),
    "epsilon spread": partial(lrp.epsilon, bias="spread"),
    "clipped": partial(lrp.epsilon, eps=lrp.Stabiliser(0.5, "clipped")),
    "gamma": lrp.gamma,
    "gamma weights": partial(lrp.gamma, split="weights"),
    "alpha_beta": lrp.alpha_beta,
    "z_plus": lrp.z_plus,
    "box": partial(lrp.box, low=-9.0, high=9.0),
    "excitation": lrp.excitation,
    "contrastive": lrp.contrastive,
}
BLIND = {"w_square": lrp.w_square, "flat": lrp.flat}
"""Rules that do not look at the input."""

RANDOM = np.random.default_rng(8)
LAYER = layers.Conv(RANDOM.normal(size=(5, 2, 2, 2)), RANDOM.normal(size=5), pad=(1, 0, 0, 0))
X = RANDOM.normal(size=(3, 4, 6, 2))
Y = layers.forward(LAYER, X)
PLACE = (1, 2, 3, 0)


def spoilt(values: np.ndarray, bad: float) -> np.ndarray:
    """Return a copy with one bad value, in the second image."""
    values = values.copy()
    values[PLACE] = bad
    return values


def reached(outputs: np.ndarray) -> np.ndarray:
    """Return which inputs share an output with those (N x H x W x C)."""
    reach = dense.block(LAYER, X).reach.astype(int)
    return (outputs.reshape(3, -1).astype(int) @ reach > 0).reshape(X.shape)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("name", RULES | BLIND)
def test_a_bad_signal(name: str, bad: float) -> None:
    signal = spoilt(np.ones_like(Y), bad)
    with np.errstate(invalid="ignore" if np.isinf(bad) else "warn"):
        found = layers.backward(LAYER, signal, Y, X, rule=(RULES | BLIND)[name])[0]
    wanted = reached(~np.isfinite(signal))
    if np.isinf(bad):  # an input that is off, or has the other sign, takes no part, however large the signal
        np.testing.assert_equal(bool((~np.isfinite(found)).any()), True)
        np.testing.assert_equal(bool((~np.isfinite(found) & ~wanted).any()), False)
    else:
        np.testing.assert_array_equal(np.isnan(found), wanted)


@pytest.mark.parametrize("name", RULES)
def test_nan_in_the_input(name: str) -> None:
    x = spoilt(X, np.nan)
    found = layers.backward(LAYER, np.ones_like(Y), None, x, rule=RULES[name])[0]
    np.testing.assert_array_equal(np.isnan(found), reached(np.isnan(layers.forward(LAYER, x))))


@pytest.mark.parametrize("name", RULES)
def test_infinity_in_the_input(name: str) -> None:
    x = spoilt(X, np.inf)
    with np.errstate(invalid="ignore"):
        if name == "box":
            with pytest.raises(ValueError, match=r"\.\.\. inf, outside the box"):
                layers.backward(LAYER, np.ones_like(Y), None, x, rule=RULES[name])
            return
        found = layers.backward(LAYER, np.ones_like(Y), None, x, rule=RULES[name])[0]
    np.testing.assert_equal(bool(np.isfinite(found[PLACE])), False)
    np.testing.assert_equal(bool(np.isfinite(found[[0, 2]]).all()), True)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("name", BLIND)
def test_rules_that_do_not_look_at_the_input(name: str, bad: float) -> None:
    found = layers.backward(LAYER, np.ones_like(Y), Y, spoilt(X, bad), rule=BLIND[name])[0]
    np.testing.assert_array_equal(found, layers.backward(LAYER, np.ones_like(Y), Y, X, rule=BLIND[name])[0])


def test_a_box_around_nan_is_nan() -> None:
    found = layers.backward(LAYER, np.ones_like(Y), None, spoilt(X, np.nan), rule=lrp.box)[0]
    np.testing.assert_array_equal(np.isnan(found).all(axis=(1, 2, 3)), [False, True, False])
    np.testing.assert_array_equal(np.isnan(found).any(axis=(1, 2, 3)), [False, True, False])


@pytest.mark.parametrize("mode", sorted(name for name, one in modes.MODES.items() if modes.is_relevance(one)))
def test_nan_below_a_relu(mode: str) -> None:
    """max(NaN, 0) is 0 here, so the score is a number; the relevance at that unit is not, once divided by NaN."""
    graph = layers.Graph(
        layers.chain(
            {
                "conv": LAYER,
                "relu": layers.ReLU(),
                "conv2": layers.Conv(RANDOM.normal(size=(2, 2, 2, 5))),
                "relu2": layers.ReLU(),
            }
        )
    )
    trace = graph.forward(spoilt(X, np.nan))
    np.testing.assert_equal(bool(np.isfinite(trace.output).all()), True)
    found = np.isnan(graph.backward(trace, {"x4": np.ones_like(trace.output)}, mode)["x0"])
    blind = mode in ("epsilon_plus_flat", "epsilon_alpha2_beta1_flat", "deep_taylor")
    np.testing.assert_array_equal(found.any(axis=(1, 2, 3)), [False, not blind, False])
    np.testing.assert_equal(bool(found[PLACE]), not blind)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_bad_signal_reaches_the_winner_alone(bad: float) -> None:
    x = np.array([[0.0, 7, 7], [7, 7, 0]]).reshape(1, 2, 3, 1)
    found = layers.backward(layers.Pool((2, 3)), np.full((1, 1, 1, 1), bad), None, x)[0]
    np.testing.assert_array_equal(found[0, :, :, 0], [[0, 0, 0], [bad, 0, 0]])


def test_nan_wins() -> None:
    x = np.array([[9.0, 7, np.nan], [np.nan, 7, np.inf]]).reshape(1, 2, 3, 1)
    y = layers.forward(layers.Pool((2, 3)), x)
    np.testing.assert_array_equal(y, np.full((1, 1, 1, 1), np.nan))
    found = layers.backward(layers.Pool((2, 3)), np.ones((1, 1, 1, 1)), y, x)[0]
    np.testing.assert_array_equal(found[0, :, :, 0], [[0, 0, 0], [1, 0, 0]])
