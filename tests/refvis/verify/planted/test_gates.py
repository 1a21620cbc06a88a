"""Planted bugs of guided backpropagation, dx = [x > 0] [g > 0] g, and of the deconvnet, dx = [g > 0] g."""

from typing import Any

import numpy as np
import pytest
from support.planted import SEEDS, Planted, parameters, require_agreement, require_caught, require_reason


def gate(values: np.ndarray, leak: float) -> np.ndarray:
    """Return 1 where values are positive, else the leak: each mask is the slope of a ReLU."""
    return np.where(values > 0, 1, leak).astype(values.dtype)


def guided_backward(layer: Any, signal: np.ndarray, output: Any, x: np.ndarray, bug: str = "") -> np.ndarray:
    by_input, by_signal = gate(x, layer.leak), gate(signal, layer.leak)
    if bug == "signal_gate_only":
        return by_signal * signal
    if bug == "input_gate_only":
        return by_input * signal
    if bug == "absolute_signal":
        return by_input * by_signal * np.abs(signal)
    if bug == "open_at_zero":
        return np.where(x == 0, 1, by_input) * by_signal * signal
    if bug == "gate_by_sum":
        return gate(x + signal, layer.leak) * by_signal * signal
    return by_input * by_signal * signal


def deconvnet_backward(layer: Any, signal: np.ndarray, output: Any, x: np.ndarray, bug: str = "") -> np.ndarray:
    if bug == "masked_by_input":
        return gate(x, layer.leak) * gate(signal, layer.leak) * signal
    if bug == "negative_part":
        return gate(-signal, layer.leak) * signal
    return gate(signal, layer.leak) * signal


BUGS = (
    Planted("signal_gate_only", guided_backward, "guided", "deconvnet|only the signal"),
    Planted("input_gate_only", guided_backward, "guided", "gradient|only the input"),
    Planted("absolute_signal", guided_backward, "guided", "absolute"),
    Planted("open_at_zero", guided_backward, "guided", "zero"),
    Planted("gate_by_sum", guided_backward, "guided", "sum", missed="no answer gates by a sum"),
    Planted("masked_by_input", deconvnet_backward, "deconvnet", "guided|input"),
    Planted("negative_part", deconvnet_backward, "deconvnet", "negative", missed="no answer passes negative signals"),
)


@pytest.mark.parametrize("one", parameters(BUGS, strict=False))
def test_a_planted_bug_is_caught_on_a_small_input(one: Planted) -> None:
    require_caught(one)


@pytest.mark.parametrize("one", parameters(BUGS, strict=True))
def test_its_reason_is_named(one: Planted) -> None:
    require_reason(one)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("function", [guided_backward, deconvnet_backward])
def test_a_right_gate_agrees(function: Any, seed: int) -> None:
    require_agreement(function, function.__name__.removesuffix("_backward"), seed)
