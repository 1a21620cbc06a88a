"""Results of both sides compared: NumPy's, and those of CuPy or of what stands for it."""

from dataclasses import fields, is_dataclass
from types import ModuleType
from typing import Any

import numpy as np
from elsewhere import back
from same import assert_same


def assert_equal_sides(cupy: ModuleType, found: Any, expected: Any) -> None:
    """Raise unless all arrays in `found` are the other side's, and equal to those in `expected`, bit for bit."""
    arrays = list(_arrays(found))
    assert arrays or expected == {}, "no array was returned"
    for array in arrays:
        assert type(array) is cupy.ndarray, f"{type(array)} was returned"
    assert_same(back(found), expected)


def _arrays(value: Any) -> Any:
    if hasattr(value, "dtype"):
        yield value
    elif isinstance(value, dict):
        yield from (one for part in value.values() for one in _arrays(part))
    elif isinstance(value, tuple | list):
        yield from (one for part in value for one in _arrays(part))
    elif is_dataclass(value):
        yield from (one for part in fields(value) for one in _arrays(getattr(value, part.name)))
    assert not isinstance(value, np.generic), "a NumPy number was returned"
