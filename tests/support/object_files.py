"""Writes .mat files with MATLAB's objects, v7.3 and v5.

Strings have the layout that `refvis.weights.mat.strings` describes; other objects have no contents.
"""

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from support.matlab_files import V73, StructArray, element, matrix

from refvis.weights.mat.v5_values import Element, cell_matrix, number_matrix, struct_matrix, text_matrix
from refvis.weights.mat.v5_values import matrix as packed

MARK = 0xDD000000


@dataclass(frozen=True)
class Strings:
    """One string object: its texts, column-major, and its shape. A text of None is a missing string."""

    texts: tuple[str | None, ...]
    shape: tuple[int, ...] = (1, 1)

    def payload(self) -> np.ndarray:
        """Return the uint64 numbers that hold the texts, a row."""
        units = [(text or "").encode("utf-16-le") for text in self.texts]
        lengths = [2**64 - 1 if text is None else len(one) // 2 for text, one in zip(self.texts, units, strict=True)]
        packed = b"".join(units)
        packed += bytes(-len(packed) % 8)
        head = [1, len(self.shape), *self.shape, *lengths]
        return np.concatenate([np.array(head, "u8"), np.frombuffer(packed, "<u8")])[None]


@dataclass(frozen=True)
class Object:
    """An object of another class, such as a function handle or a gpuArray, without contents."""

    class_name: str


def reference(number: int) -> np.ndarray:
    """Return the numbers that stand where string object `number` (from 1) is."""
    return np.array([[MARK], [2], [1], [1], [number], [1]], "uint32")


def metadata(count: int, version: int = 4) -> np.ndarray:
    """Return the subsystem's metadata for so many string objects, whose values are numbered in reverse."""
    names = b"any\0string\0"
    names += bytes(-len(names) % 8)
    classes = [0, 0, 0, 0, 0, 2, 0, 0]
    records = [0, 0] + [number for i in range(count) for number in (1, 1, 1, count - 1 - i)]
    objects = [0] * 6 + [number for i in range(count) for number in (1, 0, 0, i + 1, 0, i + 1)]
    regions = [struct.pack(f"<{len(one)}i", *one) for one in (classes, records, objects, [0, 0], [0, 0] * (count + 1))]
    starts = np.cumsum([40 + len(names), *map(len, regions)]).tolist()
    starts += starts[-1:] * (8 - len(starts))
    data = struct.pack("<10i", version, 2, *starts) + names + b"".join(regions)
    return np.frombuffer(data, "uint8")[None]


def cells(objects: list[Strings], version: int) -> list[np.ndarray]:
    """Return the values of the subsystem's cells."""
    payloads = [one.payload() for one in reversed(objects)]
    return [metadata(len(objects), version), np.zeros((0, 0)), *payloads, np.zeros((0, 0)), np.zeros((2, 1), "int32")]


class V73WithObjects(V73):
    """A v7.3 file in which `Strings` and `Object` are objects; `subsystem` false leaves the contents of strings out."""

    def __init__(self, path: Path, *, subsystem: bool = True, version: int = 4) -> None:
        super().__init__(path)
        self.subsystem, self.version, self.objects = subsystem, version, []

    def put(self, group: h5py.Group, name: str, value: Any) -> None:
        if not isinstance(value, Strings | Object):
            super().put(group, name, value)
            return
        if isinstance(value, Strings):
            self.objects.append(value)
        kind = "string" if isinstance(value, Strings) else value.class_name
        self.data(group, name, kind, reference(len(self.objects)).T, MATLAB_object_decode=np.int32(3))

    def write(self, variables: dict[str, Any]) -> Path:
        super().write(variables)
        with h5py.File(self.path, "r+") as file:
            self.references = file["#refs#"]
            if self.subsystem:
                references = [[self.reference(value) for value in cells(self.objects, self.version)]]
                item = file.create_dataset("#subsystem#/MCOS", data=np.array(references, h5py.ref_dtype))
                item.attrs["MATLAB_class"] = np.bytes_("FileWrapper__")
        return self.path


def v5_with_objects(path: Path, variables: dict[str, Any], *, subsystem: bool = True, version: int = 4) -> Path:
    """Write a v5 file in which `Strings` and `Object` are objects."""
    objects: list[Strings] = []
    data = b"".join(b"".join(value_matrix(value, name, objects).pieces()) for name, value in variables.items())
    position = 128 + len(data) if subsystem else 0
    contents = cell_matrix([number_matrix(value, "") for value in cells(objects, version)], "")
    wrapper = opaque("", "FileWrapper__", contents)
    inner = b"\0\x01IM" + bytes(4) + b"".join(struct_matrix(["MCOS"], [[wrapper]], "").pieces())
    hidden = matrix(9, (1, len(inner)), "", element(2, inner))
    header = b"MATLAB 5.0 MAT-file, written by a test".ljust(116) + struct.pack("<Q", position) + b"\0\x01IM"
    path.write_bytes(header + data + (hidden if subsystem else b""))
    return path


def opaque(name: str, class_name: str, contents: Element) -> Element:
    """Return an object of a MATLAB class with the given contents."""
    names = [Element(1, [text.encode()]) for text in (name, "MCOS", class_name)]
    return Element(14, [Element(6, [struct.pack("<II", 17, 0)]), *names, contents])


def value_matrix(value: Any, name: str, objects: list[Strings]) -> Element:
    """Return a plain value as a matrix; the string objects in it are added to `objects`."""
    if isinstance(value, Strings):
        objects.append(value)
        return opaque(name, "string", number_matrix(reference(len(objects)), ""))
    if isinstance(value, Object):
        if value.class_name == "function_handle":
            return packed(16, (1, 1), name, struct_matrix([], [[]], ""))
        return opaque(name, value.class_name, number_matrix(reference(1), ""))
    if isinstance(value, StructArray):
        records = [[value_matrix(entry, "", objects) for entry in record.values()] for record in value]
        return struct_matrix(list(value[0]), records, name)
    if isinstance(value, dict):
        return struct_matrix(list(value), [[value_matrix(entry, "", objects) for entry in value.values()]], name)
    if isinstance(value, list):
        return cell_matrix([value_matrix(entry, "", objects) for entry in value], name)
    return text_matrix(value, name) if isinstance(value, str) else number_matrix(value, name)


WRITERS = {
    "v5": v5_with_objects,
    "v7.3": lambda path, variables, **options: V73WithObjects(path, **options).write(variables),
}
"""Version of the file -> ``(path, variables, subsystem=True, version=4) -> path``."""
