"""The steps that all linear rules share: divide, and account for what the bias and the stabiliser keep.

A rule's parameter `bias` says what becomes of a layer's bias. Other libraries make this choice without naming it:

    "booked"   it stands in the denominator and keeps its share (captum, zennit)
    "absent"   it does not take part
    "spread"   it stands in the denominator, and its share goes in equal parts to the inputs that reach the output
               (`bias_factor` in the code of Arras et al. 2017)
"""

from collections.abc import Callable
from typing import Any

from refvis.layers.base.arrays import Array, array_module
from refvis.layers.lrp.booking import Booking, total
from refvis.layers.lrp.linear import Linear
from refvis.layers.lrp.stabiliser import Stabiliser, stabilised

BIASES = ("booked", "absent", "spread")

Relevance = tuple[Array, ...]
"""One array for each input that contributes, in its shape and dtype."""


def quotient(signal: Array, z: Array, eps: float | Stabiliser, book: Booking | None = None) -> Array:
    """Return signal / stabilised(z), zero where that denominator is zero (shape and dtype of the signal).

    >>> import numpy as np
    >>> from refvis.layers import lrp
    >>> lrp.quotient(np.array([6.0, 6.0]), np.array([2.0, 0.0]), lrp.Stabiliser(0.0)).tolist()
    [3.0, 0.0]
    """
    xp = array_module(signal, z)
    d = stabilised(z, eps)
    zero = d == 0
    if zero.any():
        share = xp.where(zero, signal.dtype.type(0), signal / xp.where(zero, d.dtype.type(1), d))
    else:  # nearly always, and `where` takes longer than a division
        share = signal / d
    if book is not None:
        book.zero += total(xp.where(zero, signal, signal.dtype.type(0)))
        book.stabiliser += total(share * (d - z))
    return share


def with_bias(contributions: Array, values: Array | None, bias: str) -> Array:
    """Return contributions + bias, which has these `values`; the contributions alone where `bias` is "absent"."""
    return contributions if values is None or bias == "absent" else contributions + values


def account_for_bias(
    relevance: Relevance, part: Linear, share: Array, values: Array | None, bias: str, book: Booking | None
) -> Relevance:
    """Return the relevance of all inputs, after the share of the bias, share * values, was booked or spread."""
    if bias not in BIASES:
        raise ValueError(f"bias is {bias!r}, expected one of {', '.join(BIASES)}")
    if values is None or bias == "absent":
        return relevance
    if bias == "spread":
        equal = part.counting()
        return sums(relevance, equal.gradient(quotient(share * values, equal.forward(), 0.0, book)))
    if book is not None:
        book.bias += total(share * values)
    return relevance


def sums(*several: Relevance) -> Relevance:
    """Return the sum of relevances, input by input. An empty relevance, (), adds nothing."""
    result: Relevance = ()
    for one in several:
        result = tuple(a + b for a, b in zip(result, one, strict=True)) if result and one else result or one
    return result


def zeros(part: Linear) -> Relevance:
    """Return zeros for each input that contributes."""
    return tuple(array_module(x).zeros_like(x) for x in part.inputs)


def change_bias(bias: Array | None, change: Callable[[Array], Any]) -> Array | None:
    """Return `change` of the bias, None if there is none."""
    return None if bias is None else change(bias)
