"""Every formula once more, as slow and plain as can be: one loop per letter, no array arithmetic.

Nothing here calls the code under test; parameters are read off the layer, the rest is the formula.
"""

import math
from typing import Any

import numpy as np


def extent(size: int, reach: int, stride: int, pads: tuple[int, int]) -> int:
    """Return the number of positions: step a window along the axis for as long as it fits."""
    start, count = -pads[0], 0
    while start + reach <= size + pads[1]:
        start, count = start + stride, count + 1
    return count


def conv(layer: Any, x: np.ndarray) -> np.ndarray:
    """Correlation: y[n,i,j,k] = b[k] + sum over u, v, c of f[k,u,v,c] x[n, s i + d u - p, s j + d v - p, c]."""
    count, height, width, channels = x.shape
    (sy, sx), (dy, dx), (top, bottom, left, right) = layer.stride, layer.dilate, layer.pad
    if layer.filters is None:
        f = [[[[float(k == c)] for c in [k]]] for k in range(channels)]
        kernels, fh, fw, depth = channels, 1, 1, 1
    else:
        f = layer.filters.tolist()
        kernels, fh, fw, depth = layer.filters.shape
    b = [0.0] * kernels if layer.biases is None else np.broadcast_to(layer.biases, kernels).tolist()
    y = np.zeros(
        (
            count,
            extent(height, dy * (fh - 1) + 1, sy, (top, bottom)),
            extent(width, dx * (fw - 1) + 1, sx, (left, right)),
            kernels,
        )
    )
    per_group = kernels // (channels // depth)
    for n, i, j, k in np.ndindex(*y.shape):
        first = k // per_group * depth
        total = b[k]
        for u in range(fh):
            for v in range(fw):
                row, column = sy * i + dy * u - top, sx * j + dx * v - left
                if 0 <= row < height and 0 <= column < width:
                    for c in range(depth):
                        total += f[k][u][v][c] * float(x[n, row, column, first + c])
        y[n, i, j, k] = total
    return y


def conv_transpose(layer: Any, x: np.ndarray) -> np.ndarray:
    """Every pixel stamps its filter onto the output, `upsample` pixels from the next; what the crop covers is lost."""
    count, height, width, channels = x.shape
    (sy, sx), (top, bottom, left, right) = layer.upsample, layer.crop
    _, fh, fw, each = layer.filters.shape
    canvas = [sy * (height - 1) + fh, sx * (width - 1) + fw]
    y = np.zeros((count, canvas[0] - top - bottom, canvas[1] - left - right, each * layer.groups))
    for k in range(y.shape[3]):
        y[..., k] = 0 if layer.biases is None else layer.biases[k]
    for n, i, j, c in np.ndindex(*x.shape):
        group = c // (channels // layer.groups)
        for u, v, k in np.ndindex(fh, fw, each):
            row, column = sy * i + u - top, sx * j + v - left
            if 0 <= row < y.shape[1] and 0 <= column < y.shape[2]:
                y[n, row, column, group * each + k] += float(layer.filters[c, u, v, k]) * float(x[n, i, j, c])
    return y


def batch_norm(layer: Any, x: np.ndarray) -> np.ndarray:
    """y = scale (x - mean) / sigma + offset; sigma^2 is the mean squared deviation plus epsilon, unless given."""
    y = np.zeros(x.shape)
    for c in range(x.shape[3]):
        values = [float(value) for value in x[..., c].ravel()]
        if layer.moments is None:
            mean = math.fsum(values) / len(values)
            sigma = math.sqrt(math.fsum((value - mean) ** 2 for value in values) / len(values) + layer.epsilon)
        else:
            mean, sigma = (float(moment) for moment in layer.moments[c])
        for n, i, j in np.ndindex(*x.shape[:3]):
            y[n, i, j, c] = float(layer.scale[c]) * (float(x[n, i, j, c]) - mean) / sigma + float(layer.offset[c])
    return y


def total(layer: Any, *inputs: np.ndarray) -> np.ndarray:
    """Sum of the values of all inputs at the same place."""
    y = np.zeros(inputs[0].shape)
    for at in np.ndindex(*y.shape):
        y[at] = sum(float(x[at]) for x in inputs)
    return y


def concat(layer: Any, *inputs: np.ndarray) -> np.ndarray:
    """Count along the axis through one input after the other."""
    shape = list(inputs[0].shape)
    shape[layer.axis] = sum(x.shape[layer.axis] for x in inputs)
    y = np.zeros(shape)
    for at in np.ndindex(*shape):
        place, which = list(at), 0
        while place[layer.axis] >= inputs[which].shape[layer.axis]:
            place[layer.axis] -= inputs[which].shape[layer.axis]
            which += 1
        y[at] = inputs[which][tuple(place)]
    return y


def scale(layer: Any, x: np.ndarray, *rest: np.ndarray) -> np.ndarray:
    """y = factor x + offset, each with an index only along axes where it has more than one value."""
    others = list(rest)
    factor = (
        others.pop(0) if layer.scale is None else layer.scale.reshape((1,) * (4 - layer.scale.ndim) + layer.scale.shape)
    )
    offset = layer.offset if layer.offset is not None else others.pop(0) if others else np.zeros((1, 1, 1, 1))
    y = np.zeros(x.shape)
    for n, i, j, k in np.ndindex(*x.shape):
        s, o = (float(one[min(n, len(one) - 1), *_at(one, i, j, k)]) for one in (factor, offset))
        y[n, i, j, k] = s * float(x[n, i, j, k]) + o
    return y


def crop(layer: Any, x: np.ndarray, like: np.ndarray) -> np.ndarray:
    """Take rows away from the top, one by one, while enough are left; the rest from the bottom; columns likewise."""
    y, (_, height, width, _) = x, like.shape
    for _ in range(layer.offset[0]):
        y = y[:, 1:] if y.shape[1] > height else y
    for _ in range(layer.offset[1]):
        y = y[:, :, 1:] if y.shape[2] > width else y
    return y[:, :height, :width]


def pool_windows(layer: Any, x: np.ndarray) -> dict[tuple[int, int], list[tuple[int, int]]]:
    """Return output position -> the pixels of its window that exist, down the rows first."""
    (ph, pw), (sy, sx), (top, bottom, left, right) = layer.size, layer.stride, layer.pad
    found = {}
    for i in range(extent(x.shape[1], ph, sy, (top, bottom))):
        for j in range(extent(x.shape[2], pw, sx, (left, right))):
            rows = [r for r in range(sy * i - top, sy * i - top + ph) if 0 <= r < x.shape[1]]
            columns = [c for c in range(sx * j - left, sx * j - left + pw) if 0 <= c < x.shape[2]]
            found[i, j] = [(r, c) for c in columns for r in rows]
    return found


def pool(layer: Any, x: np.ndarray) -> np.ndarray:
    """Largest, or mean, of the pixels of each window."""
    windows = pool_windows(layer, x)
    height, width = (1 + max(position[a] for position in windows) for a in (0, 1))
    y = np.zeros((len(x), height, width, x.shape[3]))
    for n in range(len(x)):
        for (i, j), pixels in windows.items():
            for c in range(x.shape[3]):
                seen = [float(x[n, r, q, c]) for r, q in pixels]
                y[n, i, j, c] = max(seen) if layer.method == "max" else sum(seen) / len(seen)
    return y


def pool_gradient(layer: Any, signal: np.ndarray, x: np.ndarray) -> np.ndarray:
    """To the first largest pixel down the rows (max), or in equal parts to all that exist (avg)."""
    dx = np.zeros(x.shape)
    for n in range(len(x)):
        for (i, j), pixels in pool_windows(layer, x).items():
            for c in range(x.shape[3]):
                g = float(signal[n, i, j, c])
                if layer.method == "max":
                    winner = pixels[0]
                    for pixel in pixels:
                        if x[n, *pixel, c] > x[n, *winner, c]:
                            winner = pixel
                    dx[n, *winner, c] += g
                else:
                    for pixel in pixels:
                        dx[n, *pixel, c] += g / len(pixels)
    return dx


def lrn(layer: Any, x: np.ndarray) -> np.ndarray:
    """y_k = x_k (kappa + alpha sum over the window of x^2)^-beta; an even window has its extra channel above."""
    y = np.zeros(x.shape)
    for n, i, j, k in np.ndindex(*x.shape):
        low, high = k - math.floor((layer.size - 1) / 2), k + math.ceil((layer.size - 1) / 2)
        total = sum(float(x[n, i, j, m]) ** 2 for m in range(x.shape[3]) if low <= m <= high)
        y[n, i, j, k] = float(x[n, i, j, k]) / (layer.kappa + layer.alpha * total) ** layer.beta
    return y


def softmax(layer: Any, x: np.ndarray) -> np.ndarray:
    """y_k = exp(x_k) / sum over c of exp(x_c)."""
    y = np.zeros(x.shape)
    for n, i, j, k in np.ndindex(*x.shape):
        y[n, i, j, k] = math.exp(x[n, i, j, k]) / sum(math.exp(value) for value in x[n, i, j])
    return y


def sigmoid(layer: Any, x: np.ndarray) -> np.ndarray:
    """y = 1 / (1 + exp(-x))."""
    y = np.zeros(x.shape)
    for at in np.ndindex(*x.shape):
        y[at] = 1 / (1 + math.exp(-x[at]))
    return y


def relu(layer: Any, x: np.ndarray) -> np.ndarray:
    """y = x above zero, leak x below."""
    y = np.zeros(x.shape)
    for at in np.ndindex(*x.shape):
        y[at] = max(float(x[at]), 0) + layer.leak * min(float(x[at]), 0)
    return y


def full(layer: Any, x: np.ndarray) -> np.ndarray:
    """y_k = b_k + sum over d of W_kd x_d, d counting channels fastest, then columns, then rows."""
    count, height, width, channels = x.shape
    y = np.zeros((count, 1, 1, len(layer.weights)))
    for n in range(count):
        for k, row in enumerate(layer.weights.tolist()):
            y[n, 0, 0, k] = 0 if layer.biases is None else layer.biases[k]
            for i, j, c in np.ndindex(height, width, channels):
                y[n, 0, 0, k] += row[(i * width + j) * channels + c] * float(x[n, i, j, c])
    return y


def categorical(kind: str, x: list[float], c: int, topk: int) -> float:
    """Return one instance's loss for the label c of 1 ... C."""
    own, others = x[c - 1], x[: c - 1] + x[c:]
    rival = max(others, default=-math.inf)
    if kind == "classerror":
        return float(any(value >= own for value in x[: c - 1]) or any(value > own for value in x[c:]))
    if kind == "topkerror":
        before = sum(value >= own for value in x[: c - 1]) + sum(value > own for value in x[c:])
        return float(before >= topk)
    if kind == "log":
        return -math.log(max(own, 1e-8))
    if kind == "softmaxlog":
        return math.log(sum(math.exp(value) for value in x)) - own
    if kind == "mhinge":
        return max(0.0, 1 - own)
    if kind == "mshinge":
        return max(0.0, 1 - own + rival)
    raise KeyError(kind)


def attribute(kind: str, x: float, c: int, threshold: float) -> float:
    """Return one instance's loss for the label c, -1 or +1."""
    if kind == "binaryerror":
        return float(np.sign(x - threshold) != c)
    if kind == "binarylog":
        return -math.log(x if c > 0 else 1 - x)
    if kind == "logistic":
        return math.log(1 + math.exp(-c * x))
    if kind == "hinge":
        return max(0.0, 1 - c * x)
    raise KeyError(kind)


def loss(layer: Any, x: np.ndarray, labels: np.ndarray) -> float:
    """Return the weighted sum over the instances that are not ignored, per image unless told not to."""
    kind, weights = getattr(layer, "kind", "softmaxlog"), getattr(layer, "instance_weights", None)
    multiple = kind in ("classerror", "topkerror", "log", "softmaxlog", "mhinge", "mshinge")
    total = 0.0
    for n, i, j in np.ndindex(*x.shape[:3]):
        for k in range(1 if multiple else x.shape[3]):
            c = int(labels.ravel()[n] if labels.size == len(x) else labels[n, i, j, k])
            if c == 0:
                continue
            weight = 1.0 if weights is None else float(weights[min(n, len(weights) - 1), *_at(weights, i, j, k)])
            one = x[n, i, j].astype(float).tolist()
            total += weight * (
                categorical(kind, one, c, getattr(layer, "topk", 5))
                if multiple
                else attribute(kind, one[k], c, layer.threshold)
            )
    return total / (len(x) if getattr(layer, "normalise", True) else 1)


def _at(weights: np.ndarray, *position: int) -> tuple[int, ...]:
    """Return the position in an array that may have a single entry along an axis."""
    return tuple(p if n > 1 else 0 for p, n in zip(position, weights.shape[1:], strict=True))
