"""Layers that other projects added to MatConvNet, once more: slow, in plain loops, as their definitions read."""

import math
from typing import Any

import numpy as np

from refvis import layers


def prelu(layer: Any, x: np.ndarray) -> np.ndarray:
    """y = x above zero, below it the slope of the channel, or the only one, times x."""
    y = np.zeros(x.shape)
    slopes = layer.slopes.tolist() * (x.shape[3] // layer.slopes.size)
    for at in np.ndindex(*x.shape):
        y[at] = float(x[at]) if x[at] > 0 else slopes[at[3]] * float(x[at])
    return y


def tanh(layer: Any, x: np.ndarray) -> np.ndarray:
    """y = (e^2x - 1) / (e^2x + 1)."""
    y = np.zeros(x.shape)
    for at in np.ndindex(*x.shape):
        y[at] = math.expm1(2 * x[at]) / (math.exp(2 * x[at]) + 1)
    return y


def trunc(layer: Any, x: np.ndarray) -> np.ndarray:
    """y = x within the limits; beyond them the nearer limit, or always the upper one."""
    y = np.zeros(x.shape)
    for at in np.ndindex(*x.shape):
        y[at] = x[at] if abs(x[at]) < layer.limit else layer.limit
        if x[at] <= -layer.limit and not layer.mirrored:
            y[at] = -layer.limit
    return y


def global_pool(layer: Any, x: np.ndarray) -> np.ndarray:
    """Each channel's mean or largest value over all positions."""
    y = np.zeros((len(x), 1, 1, x.shape[3]))
    for n, k in np.ndindex(len(x), x.shape[3]):
        seen = [float(x[n, i, j, k]) for i, j in np.ndindex(*x.shape[1:3])]
        y[n, 0, 0, k] = max(seen) if layer.method == "max" else sum(seen) / len(seen)
    return y


def noise_level(layer: Any, x: np.ndarray) -> np.ndarray:
    """The input's channels, and then one for each sigma."""
    y = np.zeros((*x.shape[:3], x.shape[3] + len(layer.sigma)))
    for n, i, j in np.ndindex(*x.shape[:3]):
        y[n, i, j] = [*x[n, i, j].tolist(), *layer.sigma]
    return y


def permute(layer: Any, x: np.ndarray) -> np.ndarray:
    """y at (d, e, f) is x at the place that has d on axis order[0], e on axis order[1], f on axis order[2]."""
    y = np.zeros((len(x), *(x.shape[axis] for axis in layer.order)))
    for n, *to in np.ndindex(*y.shape):
        place = dict(zip(layer.order, to, strict=True))
        y[(n, *to)] = x[n, place[1], place[2], place[3]]
    return y


def flatten(layer: Any, x: np.ndarray) -> np.ndarray:
    """All values of an image in a row: rows fastest, channels slowest; along the chosen axis."""
    _, height, width, channels = x.shape
    rows = [[image[i, j, k] for k in range(channels) for j in range(width) for i in range(height)] for image in x]
    shape = [len(x), 1, 1, 1]
    shape[layer.axis] = -1
    return np.array(rows, "float64").reshape(shape)


def sub_pixel(layer: Any, x: np.ndarray) -> np.ndarray:
    """`vl_nnSubP`: output channel by output channel, and in each channel by channel of its block, down the rows."""
    s, (count, height, width, channels) = layer.factor, x.shape
    if layer.inverse:
        y = np.zeros((count, height // s, width // s, channels * s * s))
        for k in range(y.shape[3]):
            a, b = (k % s**2) % s, (k % s**2) // s
            y[..., k] = x[:, a::s, b::s, k // s**2]
        return y
    y = np.zeros((count, height * s, width * s, channels // s**2))
    for k in range(channels):
        a, b = (k % s**2) % s, (k % s**2) // s
        y[:, a::s, b::s, k // s**2] = x[..., k]
    return y


def axpy(layer: Any, a: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """A x + y, with an index of a only along axes where it has more than one value."""
    out = np.zeros(x.shape)
    for at in np.ndindex(*x.shape):
        gate = float(a[_repeated(a, at)])
        out[at] = gate * float(x[at]) + float(y[at])
    return out


def squares(layer: Any, x: np.ndarray, target: np.ndarray, *weights: np.ndarray) -> np.ndarray:
    """The weighted sum of squared differences; half of it for a Euclidean loss."""
    total = 0.0
    for at in np.ndindex(*x.shape):
        w = float(weights[0][_repeated(weights[0], at)]) if weights else 1.0
        total += w * (float(x[at]) - float(target[at])) ** 2
    return np.full((1, 1, 1, 1), total / 2 if isinstance(layer, layers.EuclideanLoss) else total)


def _repeated(values: np.ndarray, at: tuple[int, ...]) -> tuple[int, ...]:
    """Return the index that stands for `at` in an array with size 1 along some axes."""
    return tuple(min(i, n - 1) for i, n in zip(at, values.shape, strict=True))
