"""Comparisons with other projects' values that count how many they compared; tests/peers prints the counts."""

from collections import Counter
from typing import Any

import numpy as np

COMPARED: Counter[str] = Counter()
"""The numbers compared so far, by the project that they come from."""


def assert_close(peer: str, found: Any, expected: Any, atol: Any, what: str = "") -> None:
    """Raise AssertionError unless both arrays have one shape and no value is further off than `atol`.

    `atol` is a number or an array that broadcasts to the values. A NaN is equal to a NaN only.
    """
    found, expected = np.asarray(found), np.asarray(expected)
    np.testing.assert_equal(found.shape, expected.shape, what)
    with np.errstate(invalid="ignore"):  # infinity less infinity
        off = np.abs(found.astype(float) - expected.astype(float))
    same = (found == expected) | (np.isnan(found) & np.isnan(expected))
    wrong = ~(same | (off <= atol))
    if wrong.any():
        worst = np.unravel_index(np.argmax(np.where(wrong, np.nan_to_num(off, nan=np.inf), -1)), off.shape)
        raise AssertionError(
            f"{what}: {int(wrong.sum())} of {off.size} values differ from {peer}'s; at {tuple(map(int, worst))} found "
            f"{found[worst]!r}, expected {expected[worst]!r} within {np.broadcast_to(atol, off.shape)[worst]:.3g}"
        )
    COMPARED[peer] += expected.size
