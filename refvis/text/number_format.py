"""Amounts as texts that a person can add up: all with the same unit and the same number of decimals."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import floor, isfinite, log10

DIGITS = 8
"""Digits of the largest amount, those before the point included, unless told otherwise."""

NONE = "-"
"""Stands for an amount that is exactly zero; one that only rounds to zero is written out, 0.000."""


@dataclass(frozen=True)
class Form:
    """How amounts are written: in units of ten to the `exponent`, with so many `decimals`."""

    exponent: int
    decimals: int

    def text(self, amount: float) -> str:
        """Return the amount, rounded: sums of what is written may be off by some of the last digit's units."""
        return f"{amount / 10.0**self.exponent:z.{self.decimals}f}" if amount else NONE

    def shows(self, amount: float) -> bool:
        """Return whether more than zeros would be written."""
        return bool(amount) and float(self.text(amount)) != 0


def form_for(amounts: Iterable[float], digits: int = DIGITS) -> Form:
    """Return the form that shows the largest amount with so many digits; decimals that are 0 in all are left out."""
    found = [abs(amount) for amount in amounts if amount and isfinite(amount)]
    if not found:
        return Form(0, 0)
    order = floor(log10(max(found)))
    exponent = 0 if -3 <= order < digits - 1 else order - order % 3
    decimals = digits - max(1, order - exponent + 1)
    texts = [Form(exponent, decimals).text(amount) for amount in found]
    return Form(exponent, decimals - min(_zeros(text) for text in texts))


def _zeros(text: str) -> int:
    """Return how many zeros end a text's decimals."""
    decimals = text.partition(".")[2]
    return len(decimals) - len(decimals.rstrip("0"))
