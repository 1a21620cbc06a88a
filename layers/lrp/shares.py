"""The step that all linear rules have in common: divide, and say where relevance goes that no input receives."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from refvis.layers.base.arrays import Array, array_module
from refvis.layers.lrp.booking import Booking, total
from refvis.layers.lrp.linear import Linear
from refvis.layers.lrp.stabiliser import Stabiliser, stabilised

BIASES = ("booked", "absent", "spread")

Relevance = tuple[Array, ...]


@dataclass(frozen=True)
class Division:
    """How a rule divides: the stabiliser, what becomes of the bias, and where to book.

    A bias that is "booked" stands in the denominator and keeps its share (captum, zennit); one that is "absent" does
    not take part; one that is "spread" stands in the denominator and its share is dealt out in equal parts to the
    inputs that reach the output (`bias_factor` in the code of Arras et al. 2017).
    """

    eps: float | Stabiliser
    bias: str
    book: Booking | None = None

    def __post_init__(self) -> None:
        """Check the choice about the bias."""
        if self.bias not in BIASES:
            raise ValueError(f"bias is {self.bias!r}, expected one of {', '.join(BIASES)}")

    def shares(self, part: Linear, signal: Array, contributions: Array, bias: Array | None) -> tuple[Array, Relevance]:
        """Return signal / stabilised(contributions + bias), and the relevance that the bias deals out (or none)."""
        if bias is None or self.bias == "absent":
            return divided(signal, contributions, self.eps, self.book), ()
        return self.of(part, signal, contributions + bias, bias)

    def of(self, part: Linear, signal: Array, z: Array, bias: Array | None) -> tuple[Array, Relevance]:
        """Return the same where z already includes the bias."""
        share = divided(signal, z, self.eps, self.book)
        if bias is None:
            return share, ()
        if self.bias == "spread":
            each = part.counting()
            return share, each.gradient(divided(share * bias, each.forward(), 0.0, self.book))
        if self.book is not None:
            self.book.bias += total(share * bias)
        return share, ()


def divided(signal: Array, z: Array, eps: float | Stabiliser, book: Booking | None = None) -> Array:
    """Return signal / stabilised(z), zero where that denominator is zero (shape and dtype of the signal)."""
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


def added(*several: Relevance) -> Relevance:
    """Return the sum of relevances, input by input; () stands for nothing."""
    found: Relevance = ()
    for one in several:
        found = tuple(a + b for a, b in zip(found, one, strict=True)) if found and one else found or one
    return found


def nothing(part: Linear) -> Relevance:
    """Return zeros for each input that contributes."""
    return tuple(array_module(x).zeros_like(x) for x in part.inputs)


def changed(bias: Array | None, change: Callable[[Array], Any]) -> Array | None:
    """Return `change` of the bias, None if there is none."""
    return None if bias is None else change(bias)
