"""Booking: the relevance that stayed at a layer, as its rule reports it."""

from dataclasses import dataclass
from functools import partial
from inspect import Parameter, signature

from refvis.layers.base.arrays import Array
from refvis.layers.base.exactness import fastest
from refvis.layers.operators import Rule


@dataclass
class Booking:
    """Relevance that stayed at one layer, summed in float64 over the whole batch.

        bias         the share of the biases
        stabiliser   the share of the stabilisers
        zero         relevance that arrived where the denominator is zero; for a bias that is spread, also where no
                     input reaches the output

    Shares of negative relevance are negative. A bias or stabiliser changes the sign of relevance where its own sign
    differs from that of the denominator.

    >>> import numpy as np
    >>> from refvis import layers
    >>> layer = layers.FullyConnected(np.array([[1.0]]), np.array([1.0]))
    >>> x, R = np.full((1, 1, 1, 1), 3.0), np.full((1, 1, 1, 1), 8.0)  # y = 3 + 1
    >>> book = layers.lrp.Booking()
    >>> layers.lrp.epsilon(layer, R, layers.forward(layer, x), x, book=book)[0].round(3).item()
    6.0
    >>> round(book.bias, 3)
    2.0
    """

    bias: float = 0.0
    stabiliser: float = 0.0
    zero: float = 0.0


def with_book(rule: Rule, book: Booking | None) -> Rule:
    """Return the rule with `book`, if it takes one: if it has a parameter of that name, or passes any option on."""
    parameters = signature(rule).parameters.values() if book is not None else ()
    takes_book = any(one.name == "book" or one.kind is Parameter.VAR_KEYWORD for one in parameters)
    return partial(rule, book=book) if takes_book else fastest(rule)


def total(values: Array) -> float:
    """Return the sum of the values, in float64."""
    return float(values.sum(dtype="float64"))
