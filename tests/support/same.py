"""Exact comparison of nested values: layers, meta data, arrays bit for bit."""

from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np


def assert_same(found: Any, expected: Any, place: str = "value") -> None:
    """Raise unless both are the same: types, keys, shapes, dtypes, every bit of every array; NaN is NaN."""
    assert type(found) is type(expected), f"{place}: {type(found)}, expected {type(expected)}"
    if isinstance(expected, np.ndarray):
        assert (found.dtype, found.shape) == (expected.dtype, expected.shape), place
        assert found.tobytes() == expected.tobytes(), f"{place}: the values differ"
    elif isinstance(expected, dict):
        assert list(found) == list(expected) or set(found) == set(expected), f"{place}: {list(found)}"
        for key in expected:
            assert_same(found[key], expected[key], f"{place}.{key}")
    elif isinstance(expected, (list, tuple)):
        assert len(found) == len(expected), place
        for index, pair in enumerate(zip(found, expected, strict=True)):
            assert_same(*pair, f"{place}[{index}]")
    elif is_dataclass(expected):
        for field in fields(expected):
            assert_same(getattr(found, field.name), getattr(expected, field.name), f"{place}.{field.name}")
    else:
        assert found == expected or (found != found and expected != expected), (
            f"{place}: {found!r}, expected {expected!r}"
        )
