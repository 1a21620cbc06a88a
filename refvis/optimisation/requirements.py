"""One check for all numbers that say how images are looked for."""

from math import inf
from typing import Any


def require(holds: bool, what: str, found: Any, expected: str) -> None:
    """Raise ValueError unless it holds: what it is of, what was found, what was expected."""
    if not holds:
        raise ValueError(f"{what} is {found!r}, expected {expected}")


def require_amount(what: str, found: float) -> None:
    """Raise ValueError unless it is a finite number from 0."""
    require(0 <= found < inf, what, found, "a number from 0")


def require_count(what: str, found: Any) -> None:
    """Raise ValueError unless it is a whole number from 0."""
    require(hasattr(found, "__index__") and found >= 0, what, found, "a whole number from 0")
