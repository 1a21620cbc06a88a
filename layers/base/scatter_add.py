"""Scatter-add: amounts added up by place, in the same order every time.

On a GPU, atomic additions would change that order from run to run. This function uses none there.

    total[p, c] = sum of amounts[i, c] over all i with places[i] = p,    in the order of i, in float64
"""

import numpy as np

from refvis.layers.base.arrays import Array, array_module


def scatter_add(places: Array, amounts: Array, size: int) -> Array:
    """Return the totals (size x C, float64) of `amounts` (... x C) at `places` (..., whole numbers below `size`)."""
    array_module(places, amounts)
    places, amounts = places.reshape(-1), amounts.reshape(-1, amounts.shape[-1])
    return by_bincount(places, amounts, size) if isinstance(places, np.ndarray) else in_rounds(places, amounts, size)


def by_bincount(places: Array, amounts: Array, size: int) -> Array:
    """Return the totals by `bincount`, which CuPy does by atomic additions."""
    xp, channels = array_module(places), amounts.shape[1]
    entries = places[:, None] * channels + xp.arange(channels)
    return xp.bincount(entries.reshape(-1), amounts.reshape(-1), size * channels).reshape(size, channels)


def in_rounds(places: Array, amounts: Array, size: int) -> Array:
    """Return the same, bit for bit, in rounds: each adds at most one amount to each place."""
    xp = array_module(places)
    some = (amounts != 0).any(axis=1)
    places, amounts = places[some], amounts[some]
    order = xp.argsort(places, kind="stable")
    turn = xp.arange(len(order)) - xp.searchsorted(places[order], places[order])
    total = xp.zeros((size, amounts.shape[1]))
    for k in range(int(turn.max()) + 1 if len(order) else 0):
        now = order[turn == k]
        total[places[now]] += amounts[now]
    return total
