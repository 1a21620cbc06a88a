"""Inner products, central differences, and how far a layer's input is from a place where it has no derivative."""

from collections.abc import Callable
from typing import Any

import numpy as np
from support.replicas import pool_windows

from refvis import layers

STEP = 1e-6
CLEARANCE = 1e-3


def inner(a: np.ndarray, b: np.ndarray) -> float:
    """Return the sum of the products, in double."""
    return float(np.vdot(a.astype(float), b.astype(float)))


def norm(a: np.ndarray) -> float:
    """Return the Euclidean length."""
    return float(np.linalg.norm(a.astype(float).ravel()))


def central(function: Callable[[np.ndarray], np.ndarray], x: np.ndarray, direction: np.ndarray) -> np.ndarray:
    """Return the derivative of `function` at x along `direction`, to about STEP squared."""
    return (function(x + STEP * direction) - function(x - STEP * direction)) / (2 * STEP)


def rounding(values: np.ndarray) -> float:
    """Return how far rounding moves a central difference of these values of the function, in Euclidean length."""
    return 2 * float(np.finfo(float).eps) * norm(values) / STEP


def assert_adjoint(
    u: np.ndarray, ju: np.ndarray, g: np.ndarray, jg: np.ndarray, relative: float, noise: float = 0.0
) -> None:
    """Raise unless <g, J u> = <J^T g, u>, relative to the lengths of the vectors; `noise` is that of J u."""
    scale = norm(g) * norm(ju) + norm(jg) * norm(u)
    np.testing.assert_equal(jg.shape, u.shape)
    np.testing.assert_allclose(inner(jg, u), inner(g, ju), rtol=0, atol=relative * scale + norm(g) * noise)


def clearance(layer: Any, *inputs: np.ndarray) -> float:
    """Return the distance of the inputs from the nearest kink of the layer (infinite for a smooth one).

    Exactly equal values in a window of max pooling are no kink here: they are one value that came by two ways.
    """
    x = inputs[0]
    if isinstance(layer, layers.Trunc):
        return float(np.abs(np.abs(x) - layer.limit).min())
    if isinstance(layer, layers.ReLU | layers.PReLU):
        return float(np.abs(x).min())
    if isinstance(layer, layers.GlobalPool):
        return clearance(layers.Pool(x.shape[1:3], method=layer.method), x)
    if isinstance(layer, layers.Pool) and layer.method == "max":
        return min(_gap(np.array([x[:, r, c] for r, c in seen])) for seen in pool_windows(layer, x).values())
    if isinstance(layer, layers.NormalizeLp) and layer.p not in (2, 4):
        return float(np.abs(x).min())
    if isinstance(layer, layers.NormOffset):
        return float(np.sqrt((x**2).sum(axis=3)).min())
    if isinstance(layer, layers.Loss):
        return _loss_clearance(layer, *inputs)
    return np.inf


def _gap(seen: np.ndarray) -> float:
    below = seen.max(axis=0) - seen
    return float(below[below > 0].min(initial=np.inf))


def _loss_clearance(layer: Any, x: np.ndarray, labels: np.ndarray) -> float:
    """Distances that matter: of each value from its threshold, from 1 and -1, of channels and of margins from 1."""
    apart = np.abs(x[..., :, None] - x[..., None, :])[..., ~np.eye(x.shape[3], dtype=bool)]
    if layer.kind in ("classerror", "topkerror"):
        return float(apart.min(initial=np.inf))
    if layer.kind == "mshinge":
        return float(min(apart.min(initial=np.inf), np.abs(apart - 1).min(initial=np.inf)))
    if layer.kind in ("mhinge", "hinge"):
        return float(np.abs(np.abs(x) - 1).min())
    if layer.kind == "binaryerror":
        return float(np.abs(x - layer.threshold).min())
    return np.inf
