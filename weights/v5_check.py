"""Walks the structure of one variable of a v5 .mat file and refuses what cannot be, before scipy reads it.

scipy trusts the sizes that a file declares and descends as deep as it nests: a broken file could ask for all memory, or
overflow the stack. The format is MathWorks' "MAT-File Format" (R2019b), chapter 1: an element is a tag (type, bytes)
and data; a matrix is an element that holds flags, dimensions, name and contents, each again an element.
"""

import math
import struct
from dataclasses import dataclass

from refvis.weights.errors import ModelFormatError
from refvis.weights.tree import Budget

# Bytes of one number of each storage type (miINT8 ... miUINT64, miUTF8, miUTF16, miUTF32).
STORAGE = {1: 1, 2: 1, 3: 2, 4: 2, 5: 4, 6: 4, 7: 4, 9: 8, 12: 8, 13: 8, 16: 1, 17: 2, 18: 4}
MATRIX = 14
CELL, STRUCT, OBJECT, CHAR, SPARSE, FUNCTION, OPAQUE = 1, 2, 3, 4, 5, 16, 17
NUMBERS = {6: 8, 7: 4, 8: 1, 9: 1, 10: 2, 11: 2, 12: 4, 13: 4, 14: 8, 15: 8}  # mxDOUBLE_CLASS ... mxUINT64_CLASS


@dataclass(frozen=True)
class Element:
    """One element: its type, where its data begin and end, and where the next element begins."""

    kind: int
    start: int
    stop: int
    after: int


class Walk:
    """The walk over `data`, the bytes of one variable, in byte `order` (``<`` or ``>``)."""

    def __init__(self, data: memoryview, order: str, budget: Budget) -> None:
        self.data, self.order, self.budget = data, order, budget

    def element(self, at: int, stop: int, place: str) -> Element:
        """Return the element at `at`, which has to end before `stop`."""
        if at + 8 > stop:
            raise cut_off(place)
        kind, size = struct.unpack_from(self.order + "II", self.data, at)
        if kind >> 16:  # a small element: type, size and up to four bytes in eight
            element = Element(kind & 0xFFFF, at + 4, at + 4 + (kind >> 16), at + 8)
            stop = min(stop, at + 8)
        else:
            padding = 0 if kind == MATRIX else -size % 8
            element = Element(kind, at + 8, at + 8 + size, at + 8 + size + padding)
        if element.stop > stop:
            raise cut_off(place)
        return element

    def integers(self, element: Element, place: str) -> tuple[int, ...]:
        """Return the 32-bit integers of an element, at least one, and no more than dimensions can be."""
        count = min((element.stop - element.start) // 4, 33)
        if count < 1:
            raise cut_off(place)
        return struct.unpack_from(f"{self.order}{count}i", self.data, element.start)

    def matrix(self, at: int, stop: int, place: str, depth: int = 0) -> tuple[int, str]:
        """Check the matrix at `at`; return where it ends, and its name."""
        whole = self.element(at, stop, place)
        if whole.kind != MATRIX:
            raise ModelFormatError(f"an element of type {whole.kind}", "a matrix", "the file is damaged", place)
        self.budget.take(place, depth)
        if whole.start == whole.stop:
            return whole.after, ""  # how MATLAB writes an empty matrix inside a cell
        flags = self.element(whole.start, whole.stop, place)
        kind = self.integers(flags, place)[0] & 0xFF
        if kind == OPAQUE:
            return whole.after, self._opaque(flags.after, whole.stop, place, depth)
        dimensions = self.element(flags.after, whole.stop, place)
        name = self.element(dimensions.after, whole.stop, place)
        title = self.text(name)
        self._contents(kind, self.count(dimensions, place), name.after, whole.stop, place or title, depth)
        return whole.after, title

    def text(self, element: Element) -> str:
        """Return an element's bytes as text, up to the first zero."""
        return bytes(self.data[element.start : element.stop]).split(b"\0")[0].decode("latin1")

    def count(self, element: Element, place: str) -> int:
        """Return the number of values of a matrix with these dimensions."""
        dimensions = self.integers(element, place)
        if not 2 <= len(dimensions) <= 32 or min(dimensions) < 0:
            raise ModelFormatError(
                f"dimensions {dimensions[:8]}", "2 to 32, none negative", "the file is damaged", place
            )
        return math.prod(dimensions)

    def _contents(self, kind: int, count: int, at: int, stop: int, place: str, depth: int) -> None:
        if kind in (CELL, STRUCT, OBJECT):
            self._children(kind, count, at, stop, place, depth)
        elif kind == FUNCTION:
            self.matrix(at, stop, f"{place}.function", depth + 1)
        elif kind == SPARSE:
            for _ in range(3):  # rows, columns, values; scipy compares their lengths
                at = self.element(at, stop, place).after
        elif kind == CHAR or kind in NUMBERS:
            self._numbers(kind, count, at, stop, place, depth)
        else:
            raise ModelFormatError(f"a value of class {kind}", "a class from 1 to 17", "the file is damaged", place)

    def _children(self, kind: int, count: int, at: int, stop: int, place: str, depth: int) -> None:
        names = [""]
        if kind == OBJECT:
            at = self.element(at, stop, place).after
        if kind != CELL:
            length = self.element(at, stop, place)
            listing = self.element(length.after, stop, place)
            width, size, at = self.integers(length, place)[0], listing.stop - listing.start, listing.after
            if width < 1 or size % width:
                raise ModelFormatError(f"field names of {width} bytes in {size}", "", "the file is damaged", place)
            names = [self.text(Element(1, i, i + width, i)) for i in range(listing.start, listing.stop, width)]
        # A child takes 8 bytes at least; a struct without fields has none, and is 1 x 1 in practice.
        if count * max(len(names), 1) * 8 > max(stop - at, 8):
            raise too_many(count, stop - at, place)
        for index in range(count):
            for name in names:
                entry = f"{{{index + 1}}}" if kind == CELL else f"({index + 1})" if count > 1 else ""
                inside = f"{place}{entry}.{name}" if name else f"{place}{entry}"
                at, _ = self.matrix(at, stop, inside, depth + 1)

    def _numbers(self, kind: int, count: int, at: int, stop: int, place: str, depth: int) -> None:
        real = self.element(at, stop, place)
        if real.kind not in STORAGE:
            raise ModelFormatError(f"numbers of type {real.kind}", "types 1 to 18", "the file is damaged", place)
        held = (real.stop - real.start) // STORAGE[real.kind]
        # Text may take more bytes than characters (UTF-8), and blank text may be left out.
        if held != count if kind != CHAR else count > max(held, 4096):
            raise too_many(count, real.stop - real.start, place)
        self.budget.take(place, depth, count * NUMBERS.get(kind, 4))

    def _opaque(self, at: int, stop: int, place: str, depth: int) -> str:
        name = self.element(at, stop, place)
        at = name.after
        for _ in range(2):  # the kind of object, its class
            at = self.element(at, stop, place).after
        self.matrix(at, stop, place, depth + 1)
        return self.text(name)


def cut_off(place: str) -> ModelFormatError:
    """Return the error for an element that ends after what holds it."""
    return ModelFormatError("the data end too early", "more bytes", "the file is cut off or damaged", place)


def too_many(count: int, size: int, place: str) -> ModelFormatError:
    """Return the error for `count` declared values in `size` bytes."""
    return ModelFormatError(
        f"{count:,} values declared in {size:,} bytes", "as many as there are", "the file is damaged", place
    )
