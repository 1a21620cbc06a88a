"""Booking: the relevance that stayed at a layer, as its rule reports it."""

from dataclasses import dataclass
from functools import partial
from inspect import Parameter, signature

from refvis.layers.base.arrays import Array
from refvis.layers.base.exactness import fastest
from refvis.layers.operators import Rule


@dataclass
class Booking:
    """Relevance that stayed at one layer, added up in double over the whole batch.

        bias         the share of the biases
        stabiliser   the share of the stabilisers
        zero         relevance that arrived where the denominator was zero, or, of a bias that is spread, where the
                     output has no input

    Shares of negative relevance are negative. A bias or stabiliser of another sign than its denominator turns signs.
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
    """Return the sum of the values, added up in double."""
    return float(values.sum(dtype="float64"))
