"""Planted bugs of pooling: the largest value, or the mean, of each window; the border is no part of a window."""

import itertools
from typing import Any

import numpy as np
import pytest
from support.planted import SEEDS, Planted, parameters, require_agreement, require_caught, require_reason


def windows(layer: Any, x: np.ndarray, bug: str) -> tuple[tuple[int, int], Any]:
    """Return the size of the output, and a function that gives the rows and columns of a window."""
    size = layer.size[::-1] if bug == "size_x_for_y" else layer.size
    stride = tuple(map(min, layer.stride, size)) if bug == "stride_at_most_size" else layer.stride
    pads = (layer.pad[:2], layer.pad[2:])
    rooms = [n + sum(pad) - length for n, pad, length in zip(x.shape[2:], pads, size, strict=True)]
    up = 1 if bug == "ceil" else 0
    counts = tuple(max(0, (room + up * (step - 1)) // step + 1) for room, step in zip(rooms, stride, strict=True))

    def places(i: int, j: int) -> list[range]:
        starts = [index * step - pad[0] for index, step, pad in zip((i, j), stride, pads, strict=True)]
        ends = zip(starts, size, x.shape[2:], strict=True)
        return [range(max(0, start), min(n, start + length)) for start, length, n in ends]

    return counts, places


def max_forward(layer: Any, x: np.ndarray, bug: str = "") -> np.ndarray:
    counts, places = windows(layer, x, bug)
    y = np.zeros((*x.shape[:2], *counts), x.dtype)
    for n, c, i, j in np.ndindex(y.shape):
        rows, columns = places(i, j)
        values = [x[n, c, a, b] for a in rows for b in columns]
        beyond = len(values) < np.prod(layer.size)
        y[n, c, i, j] = max([*values, 0.0] if bug == "zeros_around" and beyond else values, default=0.0)
    return y


def max_backward(layer: Any, signal: np.ndarray, output: Any, x: np.ndarray, bug: str = "") -> np.ndarray:
    _, places = windows(layer, x, bug)
    dx = np.zeros_like(x)
    for n, c, i, j in np.ndindex(signal.shape):
        rows, columns = places(i, j)
        down = [(a, b) for b, a in itertools.product(columns, rows)]
        largest = max(x[n, c, a, b] for a, b in down)
        winners = [place for place in down if x[n, c, *place] == largest]
        chosen = winners if bug == "all_ties" else winners[-1:] if bug == "last_of_ties" else winners[:1]
        for place in chosen:
            before = 0 if bug == "overwritten" else dx[n, c, *place]
            dx[n, c, *place] = before + signal[n, c, i, j]
    return dx


def mean_forward(layer: Any, x: np.ndarray, bug: str = "") -> np.ndarray:
    counts, places = windows(layer, x, bug)
    y = np.zeros((*x.shape[:2], *counts), x.dtype)
    for n, c, i, j in np.ndindex(y.shape):
        rows, columns = places(i, j)
        number = np.prod(layer.size) if bug == "padding_counts" else max(1, len(rows) * len(columns))
        y[n, c, i, j] = sum(x[n, c, a, b] for a in rows for b in columns) / number
    return y


def mean_backward(layer: Any, signal: np.ndarray, output: Any, x: np.ndarray, bug: str = "") -> np.ndarray:
    _, places = windows(layer, x, bug)
    dx = np.zeros_like(x)
    for n, c, i, j in np.ndindex(signal.shape):
        rows, columns = places(i, j)
        number = 1 if bug == "not_divided" else len(rows) * len(columns)
        dx[n, c, rows.start : rows.stop, columns.start : columns.stop] += signal[n, c, i, j] / number
    return dx


BUGS = (
    Planted("ceil", max_forward, "max_pool", "ceil|round.*up"),
    Planted("zeros_around", max_forward, "max_pool", "zero"),
    Planted("size_x_for_y", max_forward, "max_pool", "size|height|width|window", slow=True),
    Planted("stride_at_most_size", max_forward, "max_pool", "stride", missed="no answer limits the stride to the size"),
    Planted("all_ties", max_backward, "max_pool", "tie"),
    Planted("last_of_ties", max_backward, "max_pool", "tie"),
    Planted("overwritten", max_backward, "max_pool", "overlap|overwrit|last window|several windows"),
    Planted("padding_counts", mean_forward, "average_pool", "(pad|border).*count|count.*(pad|border)"),
    Planted("not_divided", mean_backward, "average_pool", "divid|sum"),
)


@pytest.mark.parametrize("one", parameters(BUGS, strict=False))
def test_a_planted_bug_is_caught_on_a_small_input(one: Planted) -> None:
    require_caught(one)


@pytest.mark.parametrize("one", parameters(BUGS, strict=True))
def test_its_reason_is_named(one: Planted) -> None:
    require_reason(one)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("function", [max_forward, max_backward, mean_forward, mean_backward])
def test_a_right_pooling_agrees(function: Any, seed: int) -> None:
    require_agreement(function, "max_pool" if function.__name__.startswith("max") else "average_pool", seed)
