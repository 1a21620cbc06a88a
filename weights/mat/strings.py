"""MATLAB's `string` objects, whose characters stand in the subsystem of a .mat file.

Where a string object stands, the file has uint32 numbers only: [0xDD000000, 2, 1, 1, object, class]. The subsystem is a
cell {metadata, [], value 0, value 1, ...}. Its metadata are int32 numbers:

| numbers                  | are                                                                                 |
|--------------------------|-------------------------------------------------------------------------------------|
| 0, 1                     | version 2, 3 or 4; the number of names                                              |
| 2 ... 9                  | the positions in bytes of eight regions, of which these two matter here             |
| region `positions[1]`    | records of properties, number 0 first: count, count times (name, kind, value); even |
| region `positions[2]`    | records of objects, number 0 first: class, 0, 0, record of properties, ...          |

A property of kind 1 has the number of its value. That of a string is a uint64 array: [1, axes, extents, number of
UTF-16 units of each text, units], with four units in one number.

MathWorks does not describe the layout. It was worked out by users (documented by the Python package mat-io, whose files
the tests of this module were compared with). What does not follow it is not decoded.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from refvis.weights.mat.layout import Numbers
from refvis.weights.mat.tree import Budget, Tree

MARK, VERSIONS, VALUE = 0xDD000000, (2, 3, 4), 1
MISSING = 2**64 - 1
"""The number of units of a missing string, which is read as empty text."""

UNREADABLE = (LookupError, ValueError, TypeError, AttributeError, OverflowError, RuntimeError, OSError)
"""What reading a damaged subsystem, or one of another layout, may raise, h5py's errors among it."""

OTHER = "the subsystem has another layout"

ReadCell = Callable[[int], Tree]
"""Number of a cell of the subsystem, from 0 -> its value."""


class StringObjects:
    """The strings of one file; ``read_cell(number)`` reads a cell of its subsystem."""

    def __init__(self, read_cell: ReadCell, budget: Budget) -> None:
        self.read_cell, self.budget = read_cell, budget
        self.metadata: Numbers | None = None
        self.records: list[int] = []  # positions of the records of properties that were found so far

    def decode(self, reference: Tree, place: str) -> Tree | None:
        """Return the text of a string object, a list for an array of them (column-major), or None if it has none."""
        try:
            return self._decode(reference, place)
        except UNREADABLE:
            return None

    def _decode(self, reference: Tree, place: str) -> Tree | None:
        numbers = np.asarray(reference).ravel().tolist()
        if numbers[:4] != [MARK, 2, 1, 1] or len(numbers) != 6:
            return None
        payload = self.read_cell(2 + self.value_number(numbers[4]))
        return texts(payload.ravel(order="F"), lambda count: self.budget.spend(place, 0, values=count))

    def value_number(self, object_number: int) -> int:
        """Return the number of the value that a string object has as its only property."""
        if self.metadata is None:
            self.metadata = np.ascontiguousarray(self.read_cell(0).ravel(order="F"), "uint8").view("<i4")
            if self.metadata[0] not in VERSIONS:
                raise ValueError(OTHER)
            self.records = [self.region(1)]
        start = self.region(2) + 6 * object_number
        count, (_, kind, value) = self.record(int(self.metadata[start + 3]))
        if count != 1 or kind != VALUE or value < 0:
            raise ValueError(OTHER)
        return value

    def region(self, number: int) -> int:
        """Return where a region starts, in int32 numbers."""
        assert self.metadata is not None
        return int(self.metadata[2 + number]) // 4

    def record(self, number: int) -> tuple[int, tuple[int, int, int]]:
        """Return the count of a record of properties, and its first property."""
        assert self.metadata is not None
        while len(self.records) <= number:
            at = self.records[-1]
            length = 1 + 3 * int(self.metadata[at])
            if length < 1:
                raise ValueError(OTHER)
            self.records.append(at + length + length % 2)
        count, *first = self.metadata[self.records[number] :][:4].tolist()
        return count, (first[0], first[1], first[2])


def texts(payload: Numbers, spend: Callable[[int], Any]) -> str | list[str]:
    """Return the text of a string object's uint64 numbers, a list unless there is one; ValueError for other numbers."""
    if payload.dtype != np.uint64 or payload[0] != 1:
        raise ValueError(OTHER)
    axes = int(payload[1])
    extents = payload[2 : 2 + axes].tolist()
    count, start = math.prod(extents), 2 + axes
    if len(extents) != axes or start + count > payload.size:
        raise ValueError(OTHER)
    spend(count)
    lengths = [0 if length == MISSING else length for length in payload[start : start + count].tolist()]
    units = payload[start + count :].astype("<u8").tobytes()
    if 2 * sum(lengths) > len(units):
        raise ValueError(OTHER)
    listed, at = [], 0
    for length in lengths:
        listed.append(units[2 * at : 2 * (at + length)].decode("utf-16-le", "replace"))
        at += length
    return listed[0] if extents == [1, 1] else listed
