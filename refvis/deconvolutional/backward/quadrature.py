"""Quadrature: places in [0, 1] and weights whose sum is 1, so that an integral is about sum_i weight_i f(place_i)."""

import numpy as np

METHODS = ("gausslegendre", "trapezoid", "left", "right", "middle")


def quadrature(method: str, steps: int) -> list[tuple[float, float]]:
    """Return `steps` pairs (place, weight), places rising.

    "gausslegendre" is exact for polynomials up to degree 2 steps - 1; "trapezoid" has a place at both ends, of half the
    weight; "left", "right" and "middle" have one at that place of each of so many equal parts.
    Raises ValueError for another name, for less than one step, or less than two of "trapezoid".
    """
    if method not in METHODS:
        raise ValueError(f"unknown method {method!r}, expected one of {', '.join(METHODS)}")
    least = 2 if method == "trapezoid" else 1
    if steps < least:
        raise ValueError(f"steps is {steps}, expected {least} or more for {method!r}")
    if method == "gausslegendre":
        places, weights = np.polynomial.legendre.leggauss(steps)  # on [-1, 1], where the weights' sum is 2
        places, weights = (places + 1) / 2, weights / 2
    elif method == "trapezoid":
        places, weights = np.linspace(0, 1, steps), np.full(steps, 1 / (steps - 1))
        weights[[0, -1]] /= 2
    else:
        shift = {"left": 0.0, "middle": 0.5, "right": 1.0}[method]
        places, weights = (np.arange(steps) + shift) / steps, np.full(steps, 1 / steps)
    return [(float(place), float(weight)) for place, weight in zip(places, weights, strict=True)]
