"""What a rule says about the relevance that no input received."""

from dataclasses import dataclass

from refvis.layers.arrays import Array


@dataclass
class Booking:
    """Relevance that stayed at one layer, added up in double over the whole batch.

    `bias`: the share of the biases; `stabiliser`: what the stabiliser took (negative where it gave); `zero`: what
    arrived where the denominator was zero.
    """

    bias: float = 0.0
    stabiliser: float = 0.0
    zero: float = 0.0


def total(values: Array) -> float:
    """Return the sum of the values, added up in double."""
    return float(values.sum(dtype="float64"))
