"""More formulas, as slow and plain as can be: normalisations, distances, regions, samplers and grids."""

import math
from typing import Any

import numpy as np


def normalize_lp(layer: Any, x: np.ndarray) -> np.ndarray:
    """x / (epsilon + sum of |x|^p over the dimensions)^(1/p); MatConvNet's dimension 4 is the first axis here."""
    summed = [{1: 1, 2: 2, 3: 3, 4: 0}[number] for number in layer.dimensions]
    y = np.zeros(x.shape)
    for at in np.ndindex(*x.shape):
        ranges = [range(n) if axis in summed else [at[axis]] for axis, n in enumerate(x.shape)]
        total = layer.epsilon
        for n in ranges[0]:
            for i in ranges[1]:
                for j in ranges[2]:
                    for c in ranges[3]:
                        total += abs(float(x[n, i, j, c])) ** layer.p
        y[at] = float(x[at]) / total ** (1 / layer.p)
    return y


def spatial_norm(layer: Any, x: np.ndarray) -> np.ndarray:
    """x (1 + alpha mean of x^2)^-beta over the pixels that exist; an even window has its extra pixel below, right."""
    (height, width), y = layer.size, np.zeros(x.shape)
    for n, i, j, c in np.ndindex(*x.shape):
        seen = [
            float(x[n, r, q, c]) ** 2
            for r in range(i - math.floor((height - 1) / 2), i + math.ceil((height - 1) / 2) + 1)
            for q in range(j - math.floor((width - 1) / 2), j + math.ceil((width - 1) / 2) + 1)
            if 0 <= r < x.shape[1] and 0 <= q < x.shape[2]
        ]
        y[n, i, j, c] = float(x[n, i, j, c]) * (1 + layer.alpha * sum(seen) / len(seen)) ** -layer.beta
    return y


def norm_offset(layer: Any, x: np.ndarray) -> np.ndarray:
    """x - alpha (sum over channels of x^2, at least 1e-8)^beta."""
    y = np.zeros(x.shape)
    for n, i, j, c in np.ndindex(*x.shape):
        total = max(sum(float(value) ** 2 for value in x[n, i, j]), 1e-8)
        y[n, i, j, c] = float(x[n, i, j, c]) - layer.alpha * total**layer.beta
    return y


def distance(layer: Any, x: np.ndarray, target: np.ndarray, *weights: np.ndarray) -> np.ndarray:
    """(sum over channels of |x - t|^p)^(1/p), weighted; an axis of length 1 serves all positions."""
    given = weights[0] if weights else layer.instance_weights
    y = np.zeros((*x.shape[:3], 1))
    for n, i, j in np.ndindex(*x.shape[:3]):
        t = target[_at(target, n, i, j)]
        total = sum(abs(float(a) - float(b)) ** layer.p for a, b in zip(x[n, i, j], t, strict=True))
        w = 1.0 if given is None else given if isinstance(given, float) else float(given[_at(given, n, i, j)][0])
        y[n, i, j, 0] = w * (total if layer.no_root else total ** (1 / layer.p))
    return np.full((1, 1, 1, 1), math.fsum(y.ravel())) if layer.aggregate else y


def _at(array: np.ndarray, *position: int) -> tuple[int, ...]:
    return tuple(p if n > 1 else 0 for p, n in zip(position, array.shape[:3], strict=True))


def tiles(layer: Any, x: np.ndarray, rois: np.ndarray) -> dict[tuple[int, int, int], tuple[int, list[tuple[int, int]]]]:
    """Return (region, tile row, tile column) -> its image, and its pixels that exist, down the rows first."""
    (a, b, c), (d, e, f) = layer.transform
    table, found = rois.T if rois.ndim == 2 else rois[:, 0, 0], {}
    for r, (t, u0, v0, u1, v1) in enumerate(table.astype(float).tolist()):
        left, right = (_round(a * u + b * v + c) for u, v in ((u0, v0), (u1, v1)))
        top, bottom = (_round(d * u + e * v + f) for u, v in ((u0, v0), (u1, v1)))
        for i, j in np.ndindex(*layer.subdivisions):
            rows = _part(top, bottom, i, layer.subdivisions[0])
            columns = _part(left, right, j, layer.subdivisions[1])
            found[r, i, j] = (
                int(t) - 1,
                [
                    (row - 1, column - 1)
                    for column in columns
                    for row in rows
                    if 1 <= row <= x.shape[1] and 1 <= column <= x.shape[2]
                ],
            )
    return found


def _round(value: float) -> int:
    """Round halves away from zero."""
    return math.floor(value + 0.5) if value >= 0 else -math.floor(-value + 0.5)


def _part(first: int, last: int, k: int, count: int) -> list[int]:
    """Return the pixels first ... last (at least one) that part k of count touches."""
    length = max(last - first + 1, 1)
    return [first + q for q in range(length) if (q + 1) * count > k * length and q * count < (k + 1) * length]


def regions(layer: Any, x: np.ndarray, rois: np.ndarray) -> np.ndarray:
    """Largest, or mean, of each tile; 0 for an empty one."""
    count = rois.shape[1] if rois.ndim == 2 else len(rois)
    y = np.zeros((count, *layer.subdivisions, x.shape[3]))
    for (r, i, j), (n, pixels) in tiles(layer, x, rois).items():
        for c in range(x.shape[3]):
            seen = [float(x[n, row, column, c]) for row, column in pixels] or [0.0]
            y[r, i, j, c] = max(seen) if layer.method == "max" else sum(seen) / len(seen)
    return flattened(y) if layer.flatten else y


def flattened(y: np.ndarray) -> np.ndarray:
    """R x 1 x 1 x all: rows fastest, then columns, then channels."""
    order = [(i, j, c) for c in range(y.shape[3]) for j in range(y.shape[2]) for i in range(y.shape[1])]
    return np.stack([y[:, i, j, c] for i, j, c in order], axis=1)[:, None, None]


def regions_gradient(layer: Any, signal: np.ndarray, x: np.ndarray, rois: np.ndarray) -> np.ndarray:
    """To the first largest pixel down the rows (max), or in equal parts to all (avg)."""
    dx, unflattened = np.zeros(x.shape), signal
    if layer.flatten:
        shape = len(signal), *layer.subdivisions, x.shape[3]
        unflattened = np.zeros(shape)
        place = flattened(np.arange(unflattened.size).reshape(shape))
        unflattened.ravel()[place.ravel()] = signal.ravel()
    for (r, i, j), (n, pixels) in tiles(layer, x, rois).items():
        for c in range(x.shape[3]) if pixels else ():
            if layer.method == "max":
                winner = pixels[0]
                for pixel in pixels:
                    if x[n, *pixel, c] > x[n, *winner, c]:
                        winner = pixel
                dx[n, *winner, c] += unflattened[r, i, j, c]
            else:
                for pixel in pixels:
                    dx[n, *pixel, c] += unflattened[r, i, j, c] / len(pixels)
    return dx


def samples(layer: Any, x: np.ndarray, grid: np.ndarray) -> np.ndarray:
    """Sum over all pixels of x, each weighted with how near it is: max(0, 1 - distance) in rows, and in columns."""
    y = np.zeros((*grid.shape[:3], x.shape[3]))
    for n, i, j, c in np.ndindex(*y.shape):
        row = (float(grid[n, i, j, 0]) + 1) / 2 * (x.shape[1] - 1)
        column = (float(grid[n, i, j, 1]) + 1) / 2 * (x.shape[2] - 1)
        for r, q in np.ndindex(*x.shape[1:3]):
            near = max(0.0, 1 - abs(row - r)) * max(0.0, 1 - abs(column - q))
            y[n, i, j, c] += near * float(x[n // (len(grid) // len(x)), r, q, c])
    return y


def spaced(k: int, count: int) -> float:
    """Return the k-th of `count` numbers from -1 to 1; a single one is 1."""
    return 1.0 if count == 1 else -1 + 2 * k / (count - 1)


def affine(layer: Any, x: np.ndarray) -> np.ndarray:
    """(c1 v + c2 h + c5, c3 v + c4 h + c6)."""
    y = np.zeros((len(x), layer.height, layer.width, 2))
    for n, i, j in np.ndindex(*y.shape[:3]):
        c1, c2, c3, c4, c5, c6 = x[n, 0, 0].tolist()
        v, h = spaced(i, layer.height), spaced(j, layer.width)
        y[n, i, j] = c1 * v + c2 * h + c5, c3 * v + c4 * h + c6
    return y


def scaling(layer: Any, x: np.ndarray) -> np.ndarray:
    """(s v + tv, s h + th)."""
    y = np.zeros((len(x), layer.height, layer.width, 2))
    for n, i, j in np.ndindex(*y.shape[:3]):
        s, tv, th = x[n, 0, 0].tolist()
        y[n, i, j] = s * spaced(i, layer.height) + tv, s * spaced(j, layer.width) + th
    return y
