"""Bytes of v5 .mat files: a value becomes a matrix, an element that is made of elements.

MATLAB's characters are UTF-16 code units. Text is stored so that MATLAB, Octave 7 and scipy 1.17 read it:

| text                    | storage type | why                                                                     |
|-------------------------|--------------|-------------------------------------------------------------------------|
| ASCII                   | miUTF8       | as MATLAB 7 stores it                                                   |
| one code unit each      | miUTF16      | as MATLAB 7 stores it; Octave cuts such text as miUTF8                  |
| characters of two units | miUINT16     | as MATLAB 6 stores text; scipy refuses files with such text as miUTF16  |

Reference: MathWorks, "MAT-File Format", chapter 1 (level 5).
"""

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from refvis.weights.mat.layout import Numbers
from refvis.weights.mat.v5_elements import MATRIX

CELL, STRUCT, CHAR = 1, 2, 4
CLASSES = {
    "f8": (6, 9), "f4": (7, 7), "i1": (8, 1), "u1": (9, 2), "i2": (10, 3), "u2": (11, 4), "i4": (12, 5), "u4": (13, 6),
    "i8": (14, 12), "u8": (15, 13), "b1": (9, 2),
}  # fmt: skip
"""NumPy's type -> MATLAB's class, and the storage type of its numbers. Logical values are stored as uint8."""

COMPLEX, LOGICAL = 0x0800, 0x0200
INT8, UINT16, INT32, UINT32, UTF8, UTF16 = 1, 4, 5, 6, 16, 17

Data: TypeAlias = "bytes | Numbers | Element"


@dataclass(frozen=True)
class Element:
    """One element: its storage type and its data, bytes, an array in MATLAB's shape, or elements."""

    kind: int
    data: Sequence[Data]

    @property
    def length(self) -> int:
        """The bytes of its data, without the padding behind them."""
        return sum(part.size_in_file if isinstance(part, Element) else memory(part) for part in self.data)

    @property
    def size_in_file(self) -> int:
        """The bytes of the tag, of the data and of the padding to a multiple of 8."""
        length = self.length
        return 8 if 0 < length <= 4 else 8 + length + -length % 8

    def pieces(self) -> Iterator[bytes]:
        """Yield its bytes, one array at a time; the tag of up to four bytes stands in one piece with them."""
        length = self.length
        if 0 < length <= 4:
            yield struct.pack("<HH", self.kind, length) + b"".join(map(stored, self.data)).ljust(4, b"\0")  # type: ignore[arg-type]
            return
        yield struct.pack("<II", self.kind, length)
        for part in self.data:
            if isinstance(part, Element):
                yield from part.pieces()
            else:
                yield stored(part)
        yield bytes(-length % 8)


def memory(part: bytes | Numbers) -> int:
    """Return the bytes that a part of an element takes."""
    return part.nbytes if isinstance(part, np.ndarray) else len(part)


def stored(part: bytes | Numbers) -> bytes:
    """Return a part of an element as bytes, numbers in MATLAB's order."""
    return part.tobytes(order="F") if isinstance(part, np.ndarray) else part


def matrix(bits: int, shape: Sequence[int], name: str, *contents: Element) -> Element:
    """Return the matrix with the class and flags `bits` and that shape; `name` is empty but for a variable."""
    flags = Element(UINT32, [struct.pack("<II", bits, 0)])
    dimensions = Element(INT32, [struct.pack(f"<{len(shape)}i", *shape)])
    return Element(MATRIX, [flags, dimensions, Element(INT8, [name.encode("ascii")]), *contents])


def text_matrix(text: str, name: str) -> Element:
    """Return a row of characters; without any it is 0 x 0, as MATLAB's ''."""
    units = text.encode("utf-16-le")
    count = len(units) // 2
    if text.isascii():
        data = Element(UTF8, [text.encode("ascii")])
    else:
        data = Element(UTF16 if count == len(text) else UINT16, [units])
    return matrix(CHAR, (1, count) if count else (0, 0), name, data)


def number_matrix(array: Numbers, name: str) -> Element:
    """Return an array of numbers, real or complex, in its shape and class."""
    parts = [array.real, array.imag] if array.dtype.kind == "c" else [array]
    mx_class, storage = CLASSES[f"{parts[0].dtype.kind}{parts[0].dtype.itemsize}"]
    bits = mx_class | (COMPLEX if len(parts) > 1 else 0) | (LOGICAL if array.dtype.kind == "b" else 0)
    little = [part.astype(part.dtype.newbyteorder("<"), copy=False) for part in parts]
    return matrix(bits, array.shape, name, *(Element(storage, [part]) for part in little))


def cell_matrix(values: Sequence[Element], name: str) -> Element:
    """Return a row of cells; without any it is 0 x 0, as MATLAB's {}."""
    return matrix(CELL, (1, len(values)) if values else (0, 0), name, *values)


def struct_matrix(fields: Sequence[str], records: Sequence[Sequence[Element]], name: str) -> Element:
    """Return a row of structs, each with the values of the fields in their order."""
    width = max(map(len, fields), default=0) + 1
    length = Element(INT32, [struct.pack("<i", width)])
    names = Element(INT8, ["".join(field.ljust(width, "\0") for field in fields).encode("ascii")])
    return matrix(STRUCT, (1, len(records)), name, length, names, *(value for record in records for value in record))


def is_number_type(dtype: Any) -> bool:
    """Whether MATLAB has the numbers of a NumPy type."""
    kind, size = (dtype.kind, dtype.itemsize) if dtype.kind != "c" else ("f", dtype.itemsize // 2)
    return f"{kind}{size}" in CLASSES
