"""A linear layer as dense matrices, one for each image, read off its definition by a basis; values that add exactly.

Rounding would decide the sign of a sum that cancels. `exact` therefore rounds all values of a layer, and `rounded`
those of an input, to sixteenths: their sums and products have no rounding at all, and what cancels is zero.
"""

from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any, NamedTuple

import numpy as np

from refvis import layers
from refvis.layers.operators import OPERATORS


class Block(NamedTuple):
    """y[n] = W[n] x[n] + b[n], with W of N x K x D; `reach` (K x D) says which inputs an output reads at all.

    `back` turns N x D relevances into one array for each input of the layer. `biased`: whether it has a bias, maybe 0.
    """

    W: np.ndarray
    b: np.ndarray
    x: np.ndarray
    reach: np.ndarray
    back: Callable[[np.ndarray], tuple[np.ndarray, ...]]
    biased: bool


def rounded(values: np.ndarray) -> np.ndarray:
    """Return the values as sixteenths."""
    return np.round(values * 16) / 16


def exact(layer: Any) -> Any:
    """Return the layer with parameters in sixteenths, and deviations that are powers of two."""
    arrays = {one.name: getattr(layer, one.name) for one in fields(layer)}
    changed = {name: rounded(value) for name, value in arrays.items() if isinstance(value, np.ndarray)}
    if isinstance(layer, layers.BatchNorm):
        moments = np.zeros((len(layer.scale), 2)) if layer.moments is None else changed["moments"]
        changed["moments"] = np.stack([moments[:, 0], 2.0 ** np.round(moments[:, 1] % 3 - 1)], axis=1)
    if isinstance(layer, layers.Dropout):
        changed = {}
    return replace(layer, **changed)


def columns(forward: Callable[..., np.ndarray], *inputs: np.ndarray) -> np.ndarray:
    """Return W (N x K x D) of a function that is linear in all inputs, image by image: the answer to each unit."""
    found = []
    for which, x in enumerate(inputs):
        for place in np.ndindex(*x.shape[1:]):
            units = [np.zeros_like(one) for one in inputs]
            units[which][:, *place] = 1
            found.append(forward(*units).reshape(len(x), -1))
    return np.stack(found, axis=2)


def block(layer: Any, *inputs: np.ndarray) -> Block:
    """Return the layer as dense matrices, at these inputs; a factor that is an input is held (a gate)."""
    if isinstance(layer, layers.Scale) and inputs[1:]:
        return _gated(layer, *inputs)

    def forward(*given: np.ndarray) -> np.ndarray:
        return OPERATORS[type(layer)].forward(layer, *given)

    def back(relevance: np.ndarray) -> tuple[np.ndarray, ...]:
        ends = np.cumsum([x[0].size for x in inputs])[:-1]
        return tuple(part.reshape(x.shape) for part, x in zip(np.split(relevance, ends, axis=1), inputs, strict=True))

    constant = forward(*(np.zeros_like(x) for x in inputs)).reshape(len(inputs[0]), -1)
    W = columns(forward, *inputs) - constant[:, :, None]
    x = np.concatenate([one.reshape(len(one), -1) for one in inputs], axis=1)
    biased = any(getattr(layer, name, None) is not None for name in ("biases", "offset"))
    return Block(W, constant, x, _reach(layer, *inputs), back, biased)


def _reach(layer: Any, *inputs: np.ndarray) -> np.ndarray:
    """Return which inputs each output reads (K x D): the matrix of the same layer with all its weights 1."""
    names = [name for name in ("filters", "weights", "scale") if getattr(layer, name, None) is not None]
    plain = replace(layer, **{name: np.ones_like(getattr(layer, name)) for name in names})
    for name in ("biases", "offset"):
        if getattr(plain, name, None) is not None:
            plain = replace(plain, **{name: np.zeros_like(getattr(plain, name))})
    if isinstance(layer, layers.BatchNorm):
        plain = layers.Scale(np.ones(len(layer.scale)))
    return columns(lambda *given: OPERATORS[type(plain)].forward(plain, *given), *inputs)[0] != 0


def _gated(layer: Any, x: np.ndarray, *rest: np.ndarray) -> Block:
    """Scale with inputs: y is the sum of x s and of o if o is an input, each with weight 1; the gate s gets nothing."""
    others = list(rest)
    s = others.pop(0) if layer.scale is None else layer.scale
    terms = [x * s] + [np.broadcast_to(o, x.shape) for o in others]
    b = np.zeros(x.shape) if layer.offset is None else np.broadcast_to(layer.offset, x.shape)
    one = np.eye(x[0].size)

    def back(relevance: np.ndarray) -> tuple[np.ndarray, ...]:
        parts = [part.reshape(x.shape) for part in np.split(relevance, len(terms), axis=1)]
        gate = [] if layer.scale is not None else [np.zeros(rest[0].shape)]
        return (parts[0], *gate, *(_folded(p, o) for p, o in zip(parts[1:], others, strict=True)))

    W = np.stack([np.hstack([one] * len(terms))] * len(x))
    values = np.concatenate([term.reshape(len(x), -1) for term in terms], axis=1)
    return Block(W, b.reshape(len(x), -1), values, W[0] != 0, back, layer.offset is not None)


def _folded(values: np.ndarray, like: np.ndarray) -> np.ndarray:
    """Add up, one by one, what came from each value of `like` when it was repeated."""
    found = np.zeros(like.shape)
    for place in np.ndindex(*values.shape):
        found[tuple(min(i, n - 1) for i, n in zip(place, like.shape, strict=True))] += values[place]
    return found
