"""Planted bugs of batch normalisation: z = (x - mu) / sigma, y = w z + b, with given moments or the batch's own."""

from typing import Any

import numpy as np
import pytest
from support.planted import SEEDS, Planted, parameters, require_agreement, require_caught, require_reason


def moments(layer: Any, x: np.ndarray, bug: str) -> tuple[np.ndarray, np.ndarray]:
    if layer.moments is not None:
        mu, sigma = layer.moments.T
        if bug == "deviation_as_variance":
            sigma = np.sqrt(sigma + layer.epsilon)
        return mu[:, None, None], sigma[:, None, None]
    axes = (2, 3) if bug == "moments_of_an_image" else (0, 2, 3)
    mu = x.mean(axis=axes, keepdims=True)
    variance = ((x - mu) ** 2).mean(axis=axes, keepdims=True)
    if bug == "unbiased_variance":
        number = x.size // x.shape[1]
        variance = variance * number / max(1, number - 1)
    if bug == "epsilon_outside":
        return mu, np.sqrt(variance) + layer.epsilon
    return mu, np.sqrt(variance + layer.epsilon)


def forward(layer: Any, x: np.ndarray, bug: str = "") -> np.ndarray:
    mu, sigma = moments(layer, x, bug)
    scale, offset = layer.scale[:, None, None], layer.offset[:, None, None]
    return (scale * (x - mu) / sigma + offset).astype(x.dtype)


def backward(layer: Any, signal: np.ndarray, output: Any, x: np.ndarray, bug: str = "") -> np.ndarray:
    mu, sigma = moments(layer, x, bug)
    scale, z = layer.scale[:, None, None], (x - mu) / sigma
    if layer.moments is not None and bug != "given_moments_as_own":
        return (scale / sigma * signal).astype(x.dtype)
    mean = signal.mean(axis=(0, 2, 3), keepdims=True)
    along = z * (signal * z).mean(axis=(0, 2, 3), keepdims=True)
    if bug == "no_mean_term":
        mean = np.zeros_like(mean)
    return (scale / sigma * (signal - mean - along)).astype(x.dtype)


BUGS = (
    Planted("epsilon_outside", forward, "batch_norm", "epsilon"),
    Planted("unbiased_variance", forward, "batch_norm", "unbiased|M - 1|n - 1|variance"),
    Planted("deviation_as_variance", forward, "batch_norm", "variance"),
    Planted("moments_of_an_image", forward, "batch_norm", "image"),
    Planted("no_mean_term", backward, "batch_norm", "mean"),
    Planted("given_moments_as_own", backward, "batch_norm", "given moments|constant|batch"),
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
    require_agreement(function, "batch_norm", seed)
