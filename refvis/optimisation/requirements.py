"""Checks of numbers: settings of optimisers, transforms and recipes."""

from math import inf
from typing import Any


def require(holds: bool, what: str, value: Any, expected: str) -> None:
    """Raise ValueError unless the condition holds, naming the setting, its value, and the expected one."""
    if not holds:
        raise ValueError(f"{what} is {value!r}, expected {expected}")


def require_amount(what: str, value: float) -> None:
    """Raise ValueError unless the value is a finite number from 0."""
    require(0 <= value < inf, what, value, "a number from 0")


def require_count(what: str, value: Any) -> None:
    """Raise ValueError unless the value is a whole number from 0."""
    require(hasattr(value, "__index__") and value >= 0, what, value, "a whole number from 0")
