"""Reader of v5, v6 and v7 .mat files.

A file is a header of 128 bytes and one element for each variable, compressed or not. An element is a tag (type, size)
and data; a matrix is an element that holds flags, dimensions, name and contents, each an element again.
Reference: MathWorks, "MAT-File Format", chapter 1 (level 5).

scipy.io.loadmat is not used: it trusts the sizes and types that a file declares, and a damaged file crashes the
interpreter. This reader checks every size against the bytes present; the tests compare its results with scipy's.
"""

import io
import math
import struct
from functools import cache
from pathlib import Path

import numpy as np

from refvis.weights.errors import ModelFormatError, no_variables_error
from refvis.weights.mat.inflate import FileBytes, InflatedBytes
from refvis.weights.mat.layout import Numbers, complex_numbers, read_array
from refvis.weights.mat.strings import StringObjects
from refvis.weights.mat.tree import Budget, Limits, Opaque, Tree, memory_of
from refvis.weights.mat.v5_elements import COMPRESSED, MATRIX, STORAGE, Bytes, Element, integers, read_element, text
from refvis.weights.mat.whole_numbers import MOST_VALUES

HEADER = 128
SUBSYSTEM = slice(116, 124)
"""The bytes of the header that hold the position of the subsystem, which has the contents of objects."""

CELL, STRUCT, OBJECT, CHAR, SPARSE, FUNCTION, OPAQUE = 1, 2, 3, 4, 5, 16, 17
CLASSES = {6: "f8", 7: "f4", 8: "i1", 9: "u1", 10: "i2", 11: "u2", 12: "i4", 13: "u4", 14: "i8", 15: "u8"}
COMPLEX, LOGICAL = 0x0800, 0x0200
CODECS = {3: "utf-16", 4: "utf-16", 17: "utf-16", 18: "utf-32"}
DAMAGED = "the file is damaged"
WRAPPER = "FileWrapper__"
"""The class of the object that a subsystem consists of."""


def read_v5(path: Path, limits: Limits) -> dict[str, Tree]:
    """Return the variables of the v5 file `path`."""
    with path.open("rb") as file:
        return read_variables(FileBytes(file), limits)


def read_variables(data: FileBytes, limits: Limits) -> dict[str, Tree]:
    """Return the variables by name, from the bytes of a v5 file."""
    byte_order = "<" if bytes(data[126:128]) == b"IM" else ">"
    budget = Budget(limits)
    strings = string_objects(data, byte_order, budget)
    variables: dict[str, Tree] = {}
    at = HEADER
    while at < len(data):
        element = read_element(data, byte_order, at, len(data), "")
        name, value = read_variable(data, element, at, byte_order, budget, strings)
        at = element.stop if element.kind == COMPRESSED else element.after  # a compressed element is not padded
        if name in variables:
            raise ModelFormatError(f"two variables named {name!r}", "one", DAMAGED, name)
        if name:  # a nameless variable is the subsystem, or the workspace of function handles
            variables[name] = value
    if not variables:
        raise no_variables_error()
    return variables


def read_variable(
    data: FileBytes, element: Element, at: int, byte_order: str, budget: Budget, strings: StringObjects | None
) -> tuple[str, Tree]:
    """Return the name and the value of the variable in the element at position `at`, compressed or not."""
    if element.kind != COMPRESSED:
        return Reader(data, byte_order, budget, strings).variable(at, element.stop)
    inflated = InflatedBytes(data, element.start, element.stop, budget)
    name, value = Reader(inflated, byte_order, budget, strings).variable(0, len(inflated))
    inflated.finish()
    return name, value


def string_objects(data: FileBytes, byte_order: str, budget: Budget) -> StringObjects | None:
    """Return the strings of a file that has a subsystem; it is read when the first string is met."""
    (position,) = struct.unpack(byte_order + "Q", data[SUBSYSTEM])
    if not HEADER <= position < len(data):  # 0 or blanks where there is none
        return None

    @cache
    def cells() -> Tree:
        element = read_element(data, byte_order, position, len(data), "")
        _, inner = read_variable(data, element, position, byte_order, budget, None)
        embedded = FileBytes(io.BytesIO(inner.ravel(order="F").tobytes()))
        order = "<" if embedded[2:4] == b"IM" else ">"
        element = read_element(embedded, order, 8, len(embedded), "")
        return read_variable(embedded, element, 8, order, budget, None)[1]["MCOS"]

    return StringObjects(lambda number: cells()[number], budget)


class Reader:
    """Reads variables from `data`; `byte_order` is ``<`` (little-endian) or ``>``; `strings` decodes string objects."""

    def __init__(self, data: Bytes, byte_order: str, budget: Budget, strings: StringObjects | None = None) -> None:
        self.data, self.byte_order, self.budget, self.strings = data, byte_order, budget, strings

    def variable(self, at: int, stop: int) -> tuple[str, Tree]:
        """Return the name and the value of the variable between the positions `at` and `stop`."""
        name, value, _ = self.matrix(at, stop, "", 0)
        return name, value

    def element(self, at: int, stop: int, place: str) -> Element:
        """Return the element at position `at`, which has to end before `stop`."""
        return read_element(self.data, self.byte_order, at, stop, place)

    def matrix(self, at: int, stop: int, place: str, depth: int) -> tuple[str, Tree, int]:
        """Return the name and the value of the matrix at position `at`, and the position after it."""
        whole = self.element(at, stop, place)
        if whole.kind != MATRIX:
            raise ModelFormatError(f"an element of type {whole.kind}", "a matrix", DAMAGED, place)
        self.budget.spend(place, depth)
        if whole.start == whole.stop:
            return "", np.zeros((0, 0)), whole.after  # how MATLAB writes [] inside a cell
        flags = self.element(whole.start, whole.stop, place)
        bits = integers(self.data, self.byte_order, flags, place)[0]
        if bits & 0xFF == OPAQUE:
            return *self.opaque(flags.after, whole.stop, place, depth), whole.after
        dimensions = self.element(flags.after, whole.stop, place)
        shape = integers(self.data, self.byte_order, dimensions, place)
        if not 2 <= len(shape) <= 32 or min(shape) < 0:
            raise ModelFormatError(f"dimensions {shape[:8]}", "2 to 32, none negative", DAMAGED, place)
        if 0 in shape and math.prod(extent for extent in shape if extent) > MOST_VALUES:  # more than NumPy can index
            raise ModelFormatError(f"dimensions {shape[:8]}", "those of an array", DAMAGED, place)
        label = self.element(dimensions.after, whole.stop, place)
        name = text(self.data, label)
        return name, self.contents(bits, shape, label.after, whole.stop, place or name, depth), whole.after

    def contents(self, bits: int, shape: tuple[int, ...], at: int, stop: int, place: str, depth: int) -> Tree:
        """Return the value of a matrix with the flags `bits`, whose contents start at position `at`."""
        kind, count = bits & 0xFF, math.prod(shape)
        if kind == CELL:
            return self.children(count, [""], at, stop, place, depth)
        if kind == STRUCT:
            records = self.records(count, at, stop, place, depth)
            return records[0] if shape == (1, 1) else records
        if kind == OBJECT:
            return Opaque(text(self.data, self.element(at, stop, place)))
        if kind in (SPARSE, FUNCTION):
            return Opaque("sparse" if kind == SPARSE else "function_handle")
        if kind == CHAR:
            return self.characters(shape, self.element(at, stop, place), place, depth)
        if kind not in CLASSES:
            raise ModelFormatError(f"a value of class {kind}", "a class from 1 to 17", DAMAGED, place)
        real = self.element(at, stop, place)
        values = self.numbers(kind, shape, real, place, depth)
        if bits & COMPLEX:
            self.budget.spend(place, depth, 32 * math.prod(shape))  # complex numbers of 16 bytes, and one copy
            values = complex_numbers(
                values, self.numbers(kind, shape, self.element(real.after, stop, place), place, depth)
            )
        return values.astype(bool) if bits & LOGICAL else values

    def numbers(self, kind: int, shape: tuple[int, ...], element: Element, place: str, depth: int) -> Numbers:
        """Return numbers of the class `kind`; MATLAB stores small integers of any class in fewer bytes."""
        if element.kind not in STORAGE:
            raise ModelFormatError(f"numbers of type {element.kind}", f"one of {list(STORAGE)}", DAMAGED, place)
        stored, count = np.dtype(self.byte_order + STORAGE[element.kind]), math.prod(shape)
        if element.stop - element.start != count * stored.itemsize:
            raise declared_size_error(count, element.stop - element.start, place)
        self.budget.spend(place, depth, count * memory_of(np.dtype(CLASSES[kind])))
        first = element.start
        return read_array(shape, CLASSES[kind], stored, lambda start, stop: self.data[first + start : first + stop])

    def characters(self, shape: tuple[int, ...], element: Element, place: str, depth: int) -> str | list[str]:
        """Return text: str, or a list of str for several rows."""
        size, count = element.stop - element.start, math.prod(shape)
        if count > max(size, 4096):  # a writer may omit blank text
            raise declared_size_error(count, size, place)
        self.budget.spend(place, depth, 4 * max(count, size), max(shape[0], 1) if count else 1)  # each row is a str
        codec = CODECS.get(element.kind, "utf-8")
        if codec != "utf-8":
            codec += "-le" if self.byte_order == "<" else "-be"
        string = bytes(self.data[element.start : element.stop]).decode(codec, "replace") or " " * count
        if count == 0:
            return ""
        if shape[0] == 1:
            return string
        return ["".join(string[row :: shape[0]]) for row in range(shape[0])]  # column-major

    def records(self, count: int, at: int, stop: int, place: str, depth: int) -> list[Tree]:
        """Return the structs of a struct array."""
        length = self.element(at, stop, place)
        width = integers(self.data, self.byte_order, length, place)[0]
        names_element = self.element(length.after, stop, place)
        size = names_element.stop - names_element.start
        if width < 1 or size % width:
            raise ModelFormatError(f"{size} bytes of field names, {width} each", "whole names", DAMAGED, place)
        starts = range(names_element.start, names_element.stop, width)
        self.budget.spend(place, depth, values=len(starts))
        names = [text(self.data, Element(1, i, i + width, i)) for i in starts]
        values = self.children(count, names, names_element.after, stop, place, depth)
        self.budget.spend(place, depth, values=count)  # structs without fields take no bytes in the file
        return [dict(zip(names, values[i * len(names) : (i + 1) * len(names)], strict=False)) for i in range(count)]

    def children(self, count: int, names: list[str], at: int, stop: int, place: str, depth: int) -> list[Tree]:
        """Return the values of the fields of `count` structs, struct by struct; a cell has one nameless field."""
        if count * max(len(names), 1) * 8 > max(stop - at, 8):  # each takes at least 8 bytes
            raise declared_size_error(count, stop - at, place)
        values = []
        for index in range(count):
            for name in names:
                entry = f"({index + 1})" if count > 1 else ""
                inside = f"{place}{entry}.{name}" if name else f"{place}{{{index + 1}}}"
                _, value, at = self.matrix(at, stop, inside, depth + 1)
                values.append(value)
        return values

    def opaque(self, at: int, stop: int, place: str, depth: int) -> tuple[str, Tree]:
        """Return the name and the class of an object of a MATLAB class; of a string its text."""
        label = self.element(at, stop, place)
        name = text(self.data, label)
        system = self.element(label.after, stop, place)
        element = self.element(system.after, stop, place)
        class_name = text(self.data, element)
        if class_name == WRAPPER:
            return name, self.matrix(element.after, stop, place, depth + 1)[1]
        value = None
        if class_name == "string" and self.strings is not None:
            value = self.strings.decode(self.matrix(element.after, stop, place, depth + 1)[1], place or name)
        return name, Opaque(class_name) if value is None else value


def declared_size_error(count: int, size: int, place: str) -> ModelFormatError:
    """Return the error for a declaration of `count` values in `size` bytes."""
    expected = "as many values as the bytes hold"
    return ModelFormatError(f"{count:,} values declared in {size:,} bytes", expected, DAMAGED, place)
