"""Elements of v5 .mat files: each is a tag (type, size) and data."""

import struct
from dataclasses import dataclass
from typing import TypeAlias

from refvis.weights.errors import truncated_error
from refvis.weights.mat.inflate import FileBytes, InflatedBytes

Bytes: TypeAlias = FileBytes | InflatedBytes
"""The source of elements, read slice by slice, always forward."""

MATRIX, COMPRESSED = 14, 15
STORAGE = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
"""Storage types of numbers: miINT8 ... miUINT64."""


@dataclass(frozen=True)
class Element:
    """One element: its type, the positions where its data start and stop, and the position after it."""

    kind: int
    start: int
    stop: int
    after: int


def read_element(data: Bytes, byte_order: str, at: int, stop: int, place: str) -> Element:
    """Return the element at position `at`; raise ModelFormatError unless it ends before `stop`."""
    if at + 8 > stop:
        raise truncated_error(place)
    kind, size = struct.unpack(byte_order + "II", data[at : at + 8])
    if kind >> 16:  # a small element: type, size and up to four bytes in eight
        element = Element(kind & 0xFFFF, at + 4, at + 4 + (kind >> 16), at + 8)
        stop = at + 8
    else:
        padding = 0 if kind == MATRIX else -size % 8
        element = Element(kind, at + 8, at + 8 + size, at + 8 + size + padding)
    if element.stop > stop:
        raise truncated_error(place)
    return element


def integers(data: Bytes, byte_order: str, element: Element, place: str) -> tuple[int, ...]:
    """Return the 32-bit integers of an element: at least one, and at most 33, one more than MATLAB has dimensions."""
    count = min((element.stop - element.start) // 4, 33)
    if count < 1:
        raise truncated_error(place)
    return struct.unpack(f"{byte_order}{count}i", data[element.start : element.start + 4 * count])


def text(data: Bytes, element: Element) -> str:
    """Return an element's bytes as text, up to the first zero."""
    return bytes(data[element.start : element.stop]).split(b"\0")[0].decode("latin1")
