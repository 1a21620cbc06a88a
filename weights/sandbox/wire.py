"""The values of a .mat file as bytes, from the child process that reads it to its parent: JSON, then raw arrays.

Nothing is pickled. The parent believes nothing: it takes no dtype but numbers, and no more bytes than its limits allow.
"""

import json
import math
import struct
from typing import IO, Any

import numpy as np

from refvis.weights.errors import ModelFormatError
from refvis.weights.mat.layout import in_memory, laid_out
from refvis.weights.mat.tree import Limits, Opaque, Tree


def send(stream: IO[bytes], value: Tree) -> None:
    """Write a tree."""
    arrays: list[np.ndarray[Any, Any]] = []
    write(stream, {"tree": described(value, arrays)})
    for array in arrays:
        stream.write(np.ascontiguousarray(in_memory(array)).data.cast("B") if array.size else b"")
    stream.flush()


def send_error(stream: IO[bytes], error: ModelFormatError) -> None:
    """Write an error."""
    write(stream, {"error": [error.found, error.expected, error.advice, error.place]})
    stream.flush()


def write(stream: IO[bytes], message: dict[str, Any]) -> None:
    """Write one message, its length before it."""
    data = json.dumps(message).encode()
    stream.write(struct.pack("<Q", len(data)) + data)


def described(value: Tree, arrays: list[np.ndarray[Any, Any]]) -> Any:
    """Return a tree as JSON can hold it; its arrays, described by dtype and shape, are added to `arrays`."""
    if isinstance(value, np.ndarray):
        arrays.append(value)
        return {"array": [value.dtype.newbyteorder("=").str, *value.shape]}
    if isinstance(value, dict):
        return {"struct": {name: described(entry, arrays) for name, entry in value.items()}}
    if isinstance(value, list):
        return [described(entry, arrays) for entry in value]
    return {"opaque": value.class_name} if isinstance(value, Opaque) else value


def receive(stream: IO[bytes], limits: Limits) -> Tree:
    """Return the tree that was sent; raise the ModelFormatError that was sent, or ValueError for anything else."""
    (size,) = struct.unpack("<Q", exactly(stream, 8))
    if size > limits.size:
        raise ValueError("a message of impossible length")
    message = json.loads(exactly(stream, size))
    if "error" in message:
        raise ModelFormatError(*message["error"])
    left = [limits.size]
    return rebuilt(message["tree"], stream, left)


def rebuilt(value: Any, stream: IO[bytes], left: list[int]) -> Tree:
    """Return a described tree, its arrays read from the stream; `left` is how many bytes they may still have."""
    if isinstance(value, list):
        return [rebuilt(entry, stream, left) for entry in value]
    if not isinstance(value, dict):
        return value
    if "struct" in value:
        return {name: rebuilt(entry, stream, left) for name, entry in value["struct"].items()}
    if "opaque" in value:
        return Opaque(value["opaque"])
    code, *shape = value["array"]
    dtype = np.dtype(code)
    left[0] -= math.prod(shape) * dtype.itemsize
    if dtype.kind not in "biufc" or left[0] < 0:
        raise ValueError("an impossible array")
    array = laid_out(shape, dtype)
    if array.size:
        fill(stream, in_memory(array).data.cast("B"))
    return array


def exactly(stream: IO[bytes], size: int) -> bytearray:
    """Return the next `size` bytes."""
    data = bytearray(size)
    fill(stream, memoryview(data))
    return data


def fill(stream: IO[bytes], data: memoryview) -> None:
    """Read as many bytes as `data` has, or raise EOFError."""
    if stream.readinto(data) != len(data):  # type: ignore[attr-defined]  # a buffered stream reads all it can
        raise EOFError("the stream ended too early")
