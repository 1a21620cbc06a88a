"""Tensors of ONNX files as arrays: floats of 32 or 64 bits, whole numbers, truth values."""

import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from refvis.weights.errors import ModelFormatError
from refvis.weights.mat.tree import Budget

Array = NDArray[Any]

KINDS = {
    1: "float32", 2: "uint8", 3: "int8", 4: "uint16", 5: "int16", 6: "int32", 7: "int64", 9: "bool", 10: "float16",
    11: "float64", 12: "uint32", 13: "uint64", 16: "bfloat16",
}  # fmt: skip
"""Types of elements that are read, as ONNX numbers them."""

SIZES = {"bfloat16": 2}
"""Bytes of a type that NumPy does not have."""

EXTERNAL = 1
"""The place of a tensor's data in a file of its own, as ONNX numbers it."""


def array_of(tensor: Any, place: str, folder: Path | None, budget: Budget) -> Array:
    """Return a tensor's array; 16 bit floats are widened to 32. `folder` holds data that stand beside the file."""
    kind, shape = KINDS.get(tensor.data_type), tuple(tensor.dims)
    if kind is None:
        found = f"a tensor of the type {tensor.data_type}"
        raise ModelFormatError(found, f"one of {', '.join(KINDS.values())}", "quantised weights are not read", place)
    if any(extent < 0 for extent in shape) or len(shape) > 8:
        raise ModelFormatError(f"a tensor of shape {list(shape)}", "up to eight sizes of 0 or more", "", place)
    size = SIZES.get(kind) or np.dtype(kind).itemsize
    count = math.prod(shape)
    budget.spend(place, 1, count * size)
    if tensor.data_location == EXTERNAL:
        data = external_bytes(tensor, place, folder, count * size)
    else:
        data = tensor.raw_data or typed_bytes(tensor, kind, place)
    if len(data) != count * size:
        found = f"{len(data):,} bytes for a tensor of {' x '.join(map(str, shape)) or 'one value'} {kind}"
        raise ModelFormatError(found, f"{count * size:,}", "the file is damaged", place)
    return widened(data, kind).reshape(shape)


def widened(data: bytes, kind: str) -> Array:
    """Return numbers in ONNX's byte order, the low one first, as an array of this machine's; half floats widened."""
    if kind == "bfloat16":  # the upper half of a float32
        return (np.frombuffer(data, "<u2").astype("uint32") << 16).view("float32")
    array = np.frombuffer(data, np.dtype(kind).newbyteorder("<"))
    return array.astype("float32" if kind == "float16" else kind)


def typed_bytes(tensor: Any, kind: str, place: str) -> bytes:
    """Return the bytes of a tensor that stores its numbers one by one; half floats stand there as whole numbers."""
    if kind in ("float16", "bfloat16"):
        field, stored = tensor.int32_data, "<u2"
    elif kind in ("float32", "float64"):
        field, stored = (tensor.float_data if kind == "float32" else tensor.double_data), np.dtype(kind).str
    elif kind in ("int64", "uint32", "uint64"):
        field, stored = (tensor.int64_data if kind == "int64" else tensor.uint64_data), np.dtype(kind).str
    else:
        field, stored = tensor.int32_data, np.dtype(kind).str
    try:
        return np.asarray(list(field), stored).astype(np.dtype(stored).newbyteorder("<")).tobytes()
    except (OverflowError, ValueError) as error:
        raise ModelFormatError(f"a number that {kind} does not hold", "", "the file is damaged", place) from error


def external_bytes(tensor: Any, place: str, folder: Path | None, size: int) -> bytes:
    """Return the bytes of a tensor whose data stand in another file of the model's folder, and nowhere else."""
    given = {entry.key: entry.value for entry in tensor.external_data}
    name = given.get("location", "")
    if folder is None:
        raise ModelFormatError(f"data in the file {name!r}", "data in the model itself", "load it by its path", place)
    path = (folder / name).resolve()
    if not name or not path.is_relative_to(folder.resolve()):
        raise ModelFormatError(f"data in the file {name!r}", "a file in the model's own folder", "", place)
    if not path.is_file():
        raise ModelFormatError(f"no file {name!r}", "the model's data beside it", "fetch that file, too", place)
    try:
        start, length = int(given.get("offset", "0")), int(given.get("length", str(size)))
    except ValueError as error:
        raise ModelFormatError("a place in a file that is no number", "", "the file is damaged", place) from error
    if start < 0 or length != size or start + length > path.stat().st_size:
        found = f"bytes {start:,} ... {start + length:,} of {name!r}"
        raise ModelFormatError(found, f"{size:,} of its {path.stat().st_size:,} bytes", "a file is cut off", place)
    with path.open("rb") as file:
        file.seek(start)
        data: bytes = file.read(length)
    return data
