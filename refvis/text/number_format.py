"""Number formats for columns of amounts: one unit and one number of decimals for all, so that they can be added up."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import floor, isfinite, log10

DIGITS = 8
"""Digits of the largest amount, including those before the decimal point."""

ZERO = "-"
"""Text of an amount that is exactly zero. An amount that only rounds to zero is written out: 0.000."""


@dataclass(frozen=True)
class NumberFormat:
    """The unit of all amounts, ten to the `exponent`, and their number of `decimals`."""

    exponent: int
    decimals: int

    def text(self, amount: float) -> str:
        """Return the amount as rounded text. Sums of such texts may be off by a few units of the last digit."""
        return f"{amount / 10.0**self.exponent:z.{self.decimals}f}" if amount else ZERO

    def shows(self, amount: float) -> bool:
        """Return whether the text of the amount has a digit other than zero."""
        return bool(amount) and float(self.text(amount)) != 0


def common_format(amounts: Iterable[float], digits: int = DIGITS) -> NumberFormat:
    """Return the format with `digits` digits for the largest amount, less decimals that are 0 in all amounts."""
    sizes = [abs(amount) for amount in amounts if amount and isfinite(amount)]
    if not sizes:
        return NumberFormat(0, 0)
    order = floor(log10(max(sizes)))
    exponent = 0 if -3 <= order < digits - 1 else order - order % 3
    decimals = digits - max(1, order - exponent + 1)
    texts = [NumberFormat(exponent, decimals).text(amount) for amount in sizes]
    return NumberFormat(exponent, decimals - min(_trailing_zeros(text) for text in texts))


def _trailing_zeros(text: str) -> int:
    """Return the number of zeros at the end of a text's decimals."""
    decimals = text.partition(".")[2]
    return len(decimals) - len(decimals.rstrip("0"))
