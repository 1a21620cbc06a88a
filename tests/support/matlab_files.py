"""Writes .mat files as MATLAB does: v7.3 (HDF5) from a plain tree, and single v5 elements byte by byte."""

import struct
from pathlib import Path
from typing import Any

import h5py
import numpy as np

CLASSES = {"float64": "double", "float32": "single", "bool": "logical"}
V5_HEADER = b"MATLAB 5.0 MAT-file, written by a test".ljust(124) + b"\x00\x01IM"


class StructArray(list):
    """A list of dicts with the same keys, to be written as a struct array."""


class V73:
    """One v7.3 file: values go where they are named, what cells and struct arrays hold goes to ``#refs#``."""

    def __init__(self, path: Path, *, fields: bool = True, compression: str | None = None) -> None:
        self.path, self.fields, self.compression, self.count = path, fields, compression, 0

    def write(self, variables: dict[str, Any]) -> Path:
        with h5py.File(self.path, "w", userblock_size=512) as file:
            self.references = file.create_group("#refs#")
            self.references.create_dataset("a", data=np.zeros(2, "u8")).attrs["MATLAB_class"] = np.bytes_("canonical")
            for name, value in variables.items():
                self.put(file, name, value)
        with self.path.open("r+b") as file:
            text = b"MATLAB 7.3 MAT-file, Platform: GLNXA64, Created on: test HDF5 schema 1.00 ."
            file.write(text.ljust(124) + b"\x00\x02IM")
        return self.path

    def put(self, group: h5py.Group, name: str, value: Any) -> None:
        if isinstance(value, StructArray):
            self.struct_array(group, name, value)
        elif isinstance(value, dict):
            self.struct(group, name, value)
        elif isinstance(value, list):
            self.cell(group, name, value)
        elif isinstance(value, str):
            self.text(group, name, value)
        else:
            self.numbers(group, name, value)

    def data(self, group: h5py.Group, name: str, kind: str, data: np.ndarray, **attributes: Any) -> None:
        packed = {"compression": self.compression, "chunks": True} if self.compression and data.size > 1 else {}
        item = group.create_dataset(name, data=data, **packed)
        item.attrs["MATLAB_class"] = np.bytes_(kind)
        for key, value in attributes.items():
            item.attrs[key] = value

    def empty(self, group: h5py.Group, name: str, kind: str, shape: tuple[int, ...]) -> None:
        self.data(group, name, kind, np.array(shape, "u8"), MATLAB_empty=np.uint8(1))

    def numbers(self, group: h5py.Group, name: str, value: np.ndarray) -> None:
        kind = CLASSES.get(value.dtype.name, value.dtype.name)
        extra = {"MATLAB_int_decode": np.int32(1)} if kind == "logical" else {}
        if value.size == 0:
            self.empty(group, name, kind, value.shape)
        else:
            self.data(group, name, kind, value.T.astype("u1") if kind == "logical" else value.T, **extra)

    def text(self, group: h5py.Group, name: str, value: str) -> None:
        codes = np.frombuffer(value.encode("utf-16-le"), "<u2").reshape(-1, 1)
        if codes.size:
            self.data(group, name, "char", codes, MATLAB_int_decode=np.int32(2))
        else:
            self.empty(group, name, "char", (0, 0))

    def reference(self, value: Any) -> h5py.Reference:
        self.count += 1
        name = f"b{self.count}"
        self.put(self.references, name, value)
        return self.references[name].ref

    def cell(self, group: h5py.Group, name: str, values: list[Any]) -> None:
        if not values:
            self.empty(group, name, "cell", (0, 0))
            return
        references = np.array([[self.reference(value)] for value in values], dtype=h5py.ref_dtype)
        item = group.create_dataset(name, data=references, dtype=h5py.ref_dtype)
        item.attrs["MATLAB_class"] = np.bytes_("cell")

    def struct(self, group: h5py.Group, name: str, value: dict[str, Any]) -> None:
        if not value:
            self.empty(group, name, "struct", (1, 1))
            return
        item = self.struct_group(group, name, list(value))
        for key, entry in value.items():
            self.put(item, key, entry)

    def struct_array(self, group: h5py.Group, name: str, values: StructArray) -> None:
        item = self.struct_group(group, name, list(values[0]))
        for key in values[0]:
            references = np.array([[self.reference(value[key])] for value in values], dtype=h5py.ref_dtype)
            item.create_dataset(key, data=references, dtype=h5py.ref_dtype)

    def struct_group(self, group: h5py.Group, name: str, keys: list[str]) -> h5py.Group:
        item = group.create_group(name)
        item.attrs["MATLAB_class"] = np.bytes_("struct")
        if self.fields:
            listed = np.empty(len(keys), dtype=object)
            for index, key in enumerate(keys):
                listed[index] = np.array([letter.encode() for letter in key], "S1")
            item.attrs.create("MATLAB_fields", listed, dtype=h5py.vlen_dtype(np.dtype("S1")))
        return item


def element(kind: int, data: bytes) -> bytes:
    """Return a v5 element: tag, data, padding."""
    return struct.pack("<II", kind, len(data)) + data + b"\0" * (-len(data) % 8)


def matrix(mx_class: int, dimensions: tuple[int, ...], name: str, *contents: bytes) -> bytes:
    """Return a v5 matrix of class `mx_class`, made of elements."""
    flags = element(6, struct.pack("<II", mx_class, 0))
    sizes = element(5, struct.pack(f"<{len(dimensions)}i", *dimensions))
    return element(14, flags + sizes + element(1, name.encode()) + b"".join(contents))


def opaque(name: str, class_name: str) -> bytes:
    """Return a v5 object of a MATLAB class, as MATLAB saves a handle or gpuArray."""
    flags = element(6, struct.pack("<II", 17, 0))
    inner = matrix(13, (1, 1), "", element(6, struct.pack("<I", 7)))
    names = b"".join(element(1, text.encode()) for text in (name, "MCOS", class_name))
    return element(14, flags + names + inner)
