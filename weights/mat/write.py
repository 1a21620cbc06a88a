"""Writer of v5 .mat files from plain Python values: atomic, and the same bytes for the same values."""

import struct
import zlib
from pathlib import Path
from typing import IO, Any

import numpy as np

from refvis.weights.mat.tree import Opaque
from refvis.weights.mat.v5_elements import COMPRESSED
from refvis.weights.mat.v5_values import (
    Element,
    cell_matrix,
    is_number_type,
    number_matrix,
    struct_matrix,
    text_matrix,
)
from refvis.weights.whole_files import write_whole

HEADER = b"MATLAB 5.0 MAT-file, written by refvis".ljust(116) + bytes(8) + b"\x00\x01IM"
"""A text without a date, no subsystem data, and the version; little-endian."""

LARGEST = 2**32 - 1
"""The most bytes of a variable."""


class Structs(list[dict[str, Any]]):
    """Dicts with the same keys, which are written as a 1 x N struct array."""


def write_v5(path: str | Path, variables: dict[str, Any]) -> None:
    """Write `variables` (values that ``to_matlab`` takes) as a compressed v5 file, which replaces `path` in one step.

    Raises ValueError for values that MATLAB cannot hold, and OSError; an existing file `path` is then unchanged.
    """
    elements = [to_matlab(value, field_name(name, "the file"), name) for name, value in variables.items()]
    for name, element in zip(variables, elements, strict=True):
        if element.size_in_file > LARGEST:
            raise ValueError(f"{path}: {name} has {element.size_in_file:,} bytes: a v5 file holds at most 4 GB in one")

    def write(file: IO[bytes]) -> None:
        file.write(HEADER)
        for element in elements:
            write_compressed(file, element)

    write_whole(path, write)


def write_compressed(file: IO[bytes], element: Element) -> None:
    """Write an element, compressed piece by piece, with the tag that tells how many bytes it became."""
    start = file.tell()
    file.write(bytes(8))
    compressor = zlib.compressobj()
    for piece in element.pieces():
        file.write(compressor.compress(piece))
    file.write(compressor.flush())
    end = file.tell()
    file.seek(start)
    file.write(struct.pack("<II", COMPRESSED, end - start - 8))
    file.seek(end)


def to_matlab(value: Any, place: str, name: str = "") -> Element:
    """Return a plain value as a matrix: None becomes [], a list a cell, a tuple of numbers a row of doubles.

    `place` stands in errors; `name` is the variable's. Raises ValueError for values that MATLAB cannot hold.
    """
    if isinstance(value, dict):
        return structs([value], place, name)
    if isinstance(value, Structs):
        return structs(value, place, name)
    if value is None:
        return number_matrix(np.zeros((0, 0)), name)
    if isinstance(value, str):
        return text(value, place, name)
    if isinstance(value, np.ndarray) and is_number_type(value.dtype):
        return number_matrix(np.atleast_2d(value), name)
    if isinstance(value, bool | int | float | complex | np.generic):
        return row([value], name)
    if isinstance(value, np.ndarray) and value.dtype.kind in "OUT":
        value = value.ravel(order="F").tolist()
    if isinstance(value, tuple) and not any(isinstance(entry, str | list | tuple | dict) for entry in value):
        return row(list(value), name)
    if isinstance(value, list | tuple):
        return cell_matrix([to_matlab(entry, f"{place}{{{i + 1}}}") for i, entry in enumerate(value)], name)
    what = f"an object of class {value.class_name}" if isinstance(value, Opaque) else type(value).__name__
    what = f"an array of type {value.dtype}" if isinstance(value, np.ndarray) else what
    raise ValueError(f"{place} is {what}, which a .mat file cannot hold: leave it out")


def structs(values: list[dict[str, Any]], place: str, name: str) -> Element:
    """Return dicts with the same keys as a row of structs; without any, they have the field `name`."""
    fields = [field_name(key, place) for key in (values[0] if values else ("name",))]
    places = [f"{place}({i + 1})" if isinstance(values, Structs) else place for i in range(len(values))]
    records = [
        [to_matlab(record[key], f"{where}.{key}") for key in fields]
        for record, where in zip(values, places, strict=True)
    ]
    return struct_matrix(fields, records, name)


def text(value: str, place: str, name: str) -> Element:
    """Return text as a row of characters; raise ValueError for halves of characters, which no file can hold."""
    try:
        return text_matrix(value, name)
    except UnicodeEncodeError as error:
        raise ValueError(f"{place} is {value!r}, which is no valid Unicode text") from error


def row(values: list[Any], name: str = "") -> Element:
    """Return numbers as a 1 x N array: logical if all are bool, else double (or complex)."""
    array = np.array([values])
    return number_matrix(array if array.dtype.kind in "bc" else array.astype("float64"), name)


def field_name(name: Any, place: str) -> str:
    """Return `name`; raise ValueError unless it is a valid name of a MATLAB field."""
    if not (isinstance(name, str) and name.isascii() and name.isidentifier() and name[0] != "_" and len(name) < 64):
        raise ValueError(
            f"{place} has the key {name!r}, expected a MATLAB field name: letters, digits and _, at most 63"
        )
    return name
