"""Results of both sides compared: NumPy's, and those of CuPy or of what stands for it."""

from dataclasses import fields, is_dataclass
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from support.elsewhere import back
from support.same import assert_same


def assert_equal_sides(cupy: ModuleType, found: Any, expected: Any) -> None:
    """Raise unless all arrays in `found` are the other side's, and all of it is the `expected`."""
    arrays = list(_arrays(found))
    assert arrays or expected == {}, "no array was returned"
    for array in arrays:
        assert type(array) is cupy.ndarray, f"{type(array)} was returned"
    assert_same_there(cupy, found, expected)


def assert_same_there(cupy: ModuleType, found: Any, expected: Any) -> None:
    """Raise unless a result of the other side is that of the host: to the bit on the stand-in, to rounding on CuPy."""
    if cupy.__version__ == "stand-in":
        assert_same(back(found), expected)
    else:
        _assert_close(back(found), expected)


def _assert_close(found: Any, expected: Any) -> None:
    assert type(found) is type(expected)
    if isinstance(expected, np.ndarray):
        assert (found.dtype, found.shape) == (expected.dtype, expected.shape)
        bound = {"float32": 1e-4, "float64": 1e-9}.get(expected.dtype.name, 0) * np.abs(expected).max(initial=0)
        np.testing.assert_allclose(found, expected, rtol=0, atol=bound)
    elif isinstance(expected, dict):
        assert set(found) == set(expected)
        for key, value in expected.items():
            _assert_close(found[key], value)
    elif isinstance(expected, tuple | list):
        for one, other in zip(found, expected, strict=True):
            _assert_close(one, other)
    elif is_dataclass(expected):
        for part in fields(expected):
            _assert_close(getattr(found, part.name), getattr(expected, part.name))
    else:
        assert found == (pytest.approx(expected, rel=1e-3, abs=1e-6) if isinstance(expected, float) else expected)


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
