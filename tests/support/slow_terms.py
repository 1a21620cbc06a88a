"""Regularisers as their formulas read, value by value, for one image H x W x C."""

from typing import Any

import numpy as np


def slow_lp(x: np.ndarray, p: float, sigma: float) -> float:
    """Mean over rows, columns, channels of |x / sigma|^p, for one image."""
    values = [abs(float(x[at]) / sigma) ** p for at in np.ndindex(*x.shape)]
    return sum(values) / len(values)


def slow_total_variation(x: np.ndarray, beta: float, sigma: float) -> float:
    """Mean of (dy^2 + dx^2)^(beta/2), the differences to the pixels below and to the right, where there are any."""
    total = 0.0
    height, width, channels = x.shape
    for i, j, c in np.ndindex(*x.shape):
        dy = (x[i + 1, j, c] - x[i, j, c]) / sigma if i + 1 < height else 0.0
        dx = (x[i, j + 1, c] - x[i, j, c]) / sigma if j + 1 < width else 0.0
        total += (dy**2 + dx**2) ** (beta / 2)
    return total / (height * width * channels)


def slow_colour_norm(x: np.ndarray, p: float, sigma: float) -> float:
    """Mean over rows and columns of |x_ij / sigma|^p, the norm that of the channels."""
    pixels = [x[at] for at in np.ndindex(*x.shape[:2])]
    return sum(float(np.linalg.norm(pixel / sigma)) ** p for pixel in pixels) / len(pixels)


def slow_excess(x: np.ndarray, bound: float, sigma: float) -> float:
    """Mean of the squares of what lies beyond the bound, in units of sigma."""
    values: list[Any] = [max(0.0, abs(float(x[at])) - bound) / sigma for at in np.ndindex(*x.shape)]
    return sum(value**2 for value in values) / len(values)
