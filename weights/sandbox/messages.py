"""Messages from the sandbox: the values of a .mat file as bytes, JSON followed by the raw arrays.

Nothing is pickled. The parent trusts nothing: it accepts numeric dtypes only, and no more bytes than its limits allow.
"""

import json
import math
import struct
from typing import IO, Any

import numpy as np

from refvis.weights.errors import ModelFormatError
from refvis.weights.mat.layout import Numbers, allocate, memory_order
from refvis.weights.mat.tree import Limits, Opaque, Tree


def send(stream: IO[bytes], value: Tree) -> None:
    """Write a tree."""
    arrays: list[Numbers] = []
    write_message(stream, {"tree": to_json(value, arrays)})
    for array in arrays:
        stream.write(np.ascontiguousarray(memory_order(array)).data.cast("B") if array.size else b"")
    stream.flush()


def send_error(stream: IO[bytes], error: ModelFormatError) -> None:
    """Write an error."""
    write_message(stream, {"error": [error.found, error.expected, error.advice, error.place]})
    stream.flush()


def write_message(stream: IO[bytes], message: dict[str, Any]) -> None:
    """Write one message, preceded by its length."""
    data = json.dumps(message).encode()
    stream.write(struct.pack("<Q", len(data)) + data)


def to_json(value: Tree, arrays: list[Numbers]) -> Any:
    """Return a tree as JSON values, each array as its dtype and shape; the arrays themselves are added to `arrays`."""
    if isinstance(value, np.ndarray):
        arrays.append(value)
        return {"array": [value.dtype.newbyteorder("=").str, *value.shape]}
    if isinstance(value, dict):
        return {"struct": {name: to_json(entry, arrays) for name, entry in value.items()}}
    if isinstance(value, list):
        return [to_json(entry, arrays) for entry in value]
    return {"opaque": value.class_name} if isinstance(value, Opaque) else value


def receive(stream: IO[bytes], limits: Limits) -> Tree:
    """Return the tree that was sent; raise the ModelFormatError that was sent, or ValueError for anything else."""
    (size,) = struct.unpack("<Q", read_exactly(stream, 8))
    if size > limits.size:
        raise ValueError("a message of impossible length")
    message = json.loads(read_exactly(stream, size))
    if "error" in message:
        raise ModelFormatError(*message["error"])
    bytes_left = [limits.size]
    return from_json(message["tree"], stream, bytes_left)


def from_json(value: Any, stream: IO[bytes], bytes_left: list[int]) -> Tree:
    """Return the tree of JSON values, its arrays read from the stream; they may take `bytes_left` bytes together."""
    if isinstance(value, list):
        return [from_json(entry, stream, bytes_left) for entry in value]
    if not isinstance(value, dict):
        return value
    if "struct" in value:
        return {name: from_json(entry, stream, bytes_left) for name, entry in value["struct"].items()}
    if "opaque" in value:
        return Opaque(value["opaque"])
    code, *shape = value["array"]
    dtype = np.dtype(code)
    bytes_left[0] -= math.prod(shape) * dtype.itemsize
    if dtype.kind not in "biufc" or bytes_left[0] < 0:
        raise ValueError("an impossible array")
    array = allocate(shape, dtype)
    if array.size:
        read_into(stream, memory_order(array).data.cast("B"))
    return array


def read_exactly(stream: IO[bytes], size: int) -> bytearray:
    """Return the next `size` bytes, or raise EOFError."""
    data = bytearray(size)
    read_into(stream, memoryview(data))
    return data


def read_into(stream: IO[bytes], data: memoryview) -> None:
    """Fill `data` from the stream, or raise EOFError."""
    if stream.readinto(data) != len(data):  # type: ignore[attr-defined]  # a buffered stream reads all it can
        raise EOFError("the stream ended too early")
