"""The elements that v5 .mat files are made of: a tag (type, size) and data."""

import struct
import zlib
from dataclasses import dataclass

from refvis.weights.errors import ModelFormatError
from refvis.weights.tree import Budget

MATRIX, COMPRESSED = 14, 15
STORAGE = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
"""How numbers are stored: miINT8 ... miUINT64."""


@dataclass(frozen=True)
class Element:
    """One element: its type, where its data begin and end, and where the next element begins."""

    kind: int
    start: int
    stop: int
    after: int


def read_element(data: memoryview, order: str, at: int, stop: int, place: str) -> Element:
    """Return the element at `at`, which has to end before `stop`, or raise ModelFormatError."""
    if at + 8 > stop:
        raise cut_off(place)
    kind, size = struct.unpack_from(order + "II", data, at)
    if kind >> 16:  # a small element: type, size and up to four bytes in eight
        element = Element(kind & 0xFFFF, at + 4, at + 4 + (kind >> 16), at + 8)
        stop = at + 8
    else:
        padding = 0 if kind == MATRIX else -size % 8
        element = Element(kind, at + 8, at + 8 + size, at + 8 + size + padding)
    if element.stop > stop:
        raise cut_off(place)
    return element


def integers(data: memoryview, order: str, element: Element, place: str) -> tuple[int, ...]:
    """Return the 32-bit integers of an element, at least one; no more than dimensions can be."""
    count = min((element.stop - element.start) // 4, 33)
    if count < 1:
        raise cut_off(place)
    return struct.unpack_from(f"{order}{count}i", data, element.start)


def text(data: memoryview, element: Element) -> str:
    """Return an element's bytes as text, up to the first zero."""
    return bytes(data[element.start : element.stop]).split(b"\0")[0].decode("latin1")


def unpack(data: memoryview, budget: Budget) -> memoryview:
    """Return the bytes of a compressed element, unpacked, but never more than the budget allows."""
    machine = zlib.decompressobj()
    allowed = budget.size + 2**20  # beside the values there are tags and names
    try:
        raw = machine.decompress(data, allowed)
        rest = machine.decompress(machine.unconsumed_tail, 1) if machine.unconsumed_tail else b""
    except zlib.error as error:
        raise ModelFormatError("compressed data that do not unpack", "", "the file is damaged") from error
    if rest or len(raw) == allowed:
        budget.take("", 0, budget.size + 1)
    if not machine.eof:
        raise cut_off("")
    return memoryview(raw)


def cut_off(place: str) -> ModelFormatError:
    """Return the error for an element that ends after what holds it."""
    return ModelFormatError("the data end too early", "more bytes", "the file is cut off or damaged", place)
