"""Planted bugs of Grad-CAM: ReLU of the sum over k of w_k A_k, with w_k the mean of the gradient over positions."""

from typing import Any

import numpy as np
import pytest
from support.planted import SEEDS, Planted, parameters, require_agreement, require_caught, require_reason


def forward(layer: Any, maps: np.ndarray, gradients: np.ndarray, bug: str = "") -> np.ndarray:
    if layer.size is not None:
        raise NotImplementedError("upsampling")
    axes = (1,) if bug == "mean_over_channels" else (2,) if bug == "mean_over_rows" else (2, 3)
    weights = (np.sum if bug == "sum_for_mean" else np.mean)(gradients, axis=axes, keepdims=True)
    if bug == "weights_rectified":
        weights = np.maximum(weights, 0)
    weighted = maps if bug == "channel_mean" else weights * maps
    if layer.relu and bug == "relu_before_sum":
        weighted = np.maximum(weighted, 0)
    total = weighted.mean(axis=1, keepdims=True) if bug == "channel_mean" else weighted.sum(axis=1, keepdims=True)
    return np.maximum(total, 0) if layer.relu and bug != "no_relu" else total


BUGS = (
    Planted("sum_for_mean", forward, "grad_cam", "sum"),
    Planted("no_relu", forward, "grad_cam", "relu|negative"),
    Planted("relu_before_sum", forward, "grad_cam", "before|each"),
    Planted("mean_over_channels", forward, "grad_cam", "channels|axis"),
    Planted("mean_over_rows", forward, "grad_cam", "axis|rows|columns"),
    Planted("channel_mean", forward, "grad_cam", "mean|weight", missed="no answer is the mean over channels"),
    Planted("weights_rectified", forward, "grad_cam", "weights|positive"),
)


@pytest.mark.parametrize("one", parameters(BUGS, strict=False))
def test_a_planted_bug_is_caught_on_a_small_input(one: Planted) -> None:
    require_caught(one)


@pytest.mark.parametrize("one", parameters(BUGS, strict=True))
def test_its_reason_is_named(one: Planted) -> None:
    require_reason(one)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_right_grad_cam_agrees(seed: int) -> None:
    require_agreement(forward, "grad_cam", seed)
