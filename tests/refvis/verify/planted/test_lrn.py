"""Planted bugs of local response normalisation: y_k = x_k L_k^-beta, with L_k = kappa + alpha sum x_m^2 around k."""

from typing import Any

import numpy as np
import pytest
from support.planted import SEEDS, Planted, parameters, require_agreement, require_caught, require_reason


def energies(layer: Any, x: np.ndarray, bug: str) -> np.ndarray:
    below = (layer.size - 1) // 2
    above = layer.size - 1 - below
    if bug == "even_window_below":
        below, above = above, below
    alpha = layer.alpha / layer.size if bug == "alpha_over_n" else layer.alpha
    sums = np.zeros_like(x)
    for k in range(x.shape[0] if bug == "loop_over_images" else x.shape[1]):
        near = x[:, max(0, k - below) : k + above + 1]
        if k < x.shape[1]:
            sums[:, k] = (np.abs(near) if bug == "not_squared" else near**2).sum(axis=1)
    return (1 if bug == "kappa_is_one" else layer.kappa) + alpha * sums


def forward(layer: Any, x: np.ndarray, bug: str = "") -> np.ndarray:
    power = layer.beta if bug == "multiplied" else -layer.beta
    return (x * energies(layer, x, bug) ** power).astype(x.dtype)


def backward(layer: Any, signal: np.ndarray, output: Any, x: np.ndarray, bug: str = "") -> np.ndarray:
    L = energies(layer, x, bug)
    dx = signal * L**-layer.beta
    below = (layer.size - 1) // 2
    above = layer.size - 1 - below
    if bug == "window_not_mirrored":
        below, above = above, below
    shared = signal * x * L ** (-layer.beta - 1)
    for k in range(x.shape[1]):
        first, last = (k, k) if bug == "own_term_only" else (max(0, k - above), k + below)
        near = shared[:, first : last + 1]
        if bug != "no_cross_terms":
            dx[:, k] -= 2 * layer.alpha * layer.beta * x[:, k] * near.sum(axis=1)
    return dx.astype(x.dtype)


BUGS = (
    Planted("alpha_over_n", forward, "lrn", "alpha.*(size|n)"),
    Planted("even_window_below", forward, "lrn", "even|below"),
    Planted("loop_over_images", forward, "lrn", "loop.*images|images.*channels"),
    Planted("kappa_is_one", forward, "lrn", "kappa"),
    Planted("not_squared", forward, "lrn", "squar|absolute"),
    Planted("no_cross_terms", backward, "lrn", "cross|term|constant"),
    Planted("own_term_only", backward, "lrn", "cross|other channels|own"),
    Planted("window_not_mirrored", backward, "lrn", "mirror|window"),
)


@pytest.mark.parametrize("one", parameters(BUGS, strict=False))
def test_a_planted_bug_is_caught_on_a_small_input(one: Planted) -> None:
    require_caught(one)


@pytest.mark.parametrize("one", parameters(BUGS, strict=True))
def test_its_reason_is_named(one: Planted) -> None:
    require_reason(one)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("function", [forward, backward])
def test_a_right_normalisation_agrees(function: Any, seed: int) -> None:
    require_agreement(function, "lrn", seed)
