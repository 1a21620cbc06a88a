"""Reads v5, v6 and v7 .mat files with scipy into plain values."""

import io
import warnings
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import scipy.io
from scipy.io.matlab import MatlabFunction, MatlabObject, MatlabOpaque
from scipy.sparse import issparse

from refvis.weights.errors import ModelFormatError
from refvis.weights.tree import Budget, Limits, Opaque, Tree
from refvis.weights.v5_check import Walk, cut_off

HEADER = 128
COMPRESSED = 15


def read_v5(path: Path, limits: Limits) -> dict[str, Tree]:
    """Return the variables of the v5 file `path`; each is checked, then read, one after the other."""
    data = memoryview(path.read_bytes())
    order = "<" if bytes(data[126:128]) == b"IM" else ">"
    budget, variables = Budget(limits), {}
    at = HEADER
    while at < len(data):
        element = Walk(data, order, budget).element(at, len(data), "")
        at, packed = element.after, element.kind == COMPRESSED
        # A compressed element is not padded, whatever its size.
        at = element.stop if packed else at
        raw = unpack(data[element.start : element.stop], budget) if packed else data[element.start - 8 : element.stop]
        _, name = Walk(raw, order, budget).matrix(0, len(raw), "")
        if name in variables:
            raise ModelFormatError(f"two variables named {name!r}", "one", "the file is damaged", name)
        if name:  # a nameless variable is the workspace of function handles
            variables[name] = read_variable(bytes(data[:HEADER]), raw, name, order)
    if not variables:
        raise ModelFormatError("a .mat file without variables", "a network", "fetch or save it again")
    return variables


def unpack(data: memoryview, budget: Budget) -> memoryview:
    """Return the zlib-compressed bytes, unpacked, but never more than the budget allows."""
    machine = zlib.decompressobj()
    try:
        raw = machine.decompress(data, budget.size + 2**20)
    except zlib.error as error:
        raise ModelFormatError("compressed data that do not unpack", "", "the file is damaged") from error
    if machine.unconsumed_tail:
        budget.take("", 0, len(raw))
    if not machine.eof:
        raise cut_off("")
    return memoryview(raw)


def read_variable(header: bytes, raw: memoryview, name: str, order: str) -> Tree:
    """Return one checked variable, read by scipy from a file made of `header` and `raw`."""
    codec = "utf-16-le" if order == "<" else "utf-16-be"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            # mat_dtype: small whole doubles are stored as bytes, and have to come back as doubles.
            # Never squeeze: 1 x 1 x C x K would lose its axes.
            found = scipy.io.loadmat(io.BytesIO(header + raw), mat_dtype=True, uint16_codec=codec)
        except Exception as error:  # scipy has no error class of its own for damaged files
            raise ModelFormatError(f"scipy cannot read it ({error})", "", "the file is damaged", name) from error
    # scipy finds no name for an object of a class, and calls it "None".
    return plain(found[name] if name in found else found.get("None", Opaque("unknown")))


def plain(value: Any) -> Tree:
    """Return a value as scipy reads it, as a plain value."""
    if isinstance(value, Opaque):
        return value
    if isinstance(value, MatlabFunction):
        return Opaque("function_handle")
    if isinstance(value, MatlabOpaque):
        return Opaque(opaque_class(value))
    if isinstance(value, MatlabObject):
        return Opaque(str(value.classname))
    if issparse(value):
        return Opaque("sparse")
    return plain_array(np.asarray(value))


def plain_array(value: np.ndarray[Any, Any]) -> Tree:
    """Return a struct, cell, text or array of numbers as a plain value."""
    if value.dtype.names is not None:
        records = [{name: plain(record[name]) for name in value.dtype.names} for record in value.ravel(order="F")]
        return records[0] if value.shape == (1, 1) else records
    if value.dtype == object and value.size and all(entry is None for entry in value.flat):
        return {} if value.shape == (1, 1) else [{}] * value.size  # how scipy shows a struct without fields
    if value.dtype == object:
        return [plain(entry) for entry in value.ravel(order="F")]
    if value.dtype.kind in "US":
        rows = [str(row) for row in value.ravel()]
        return "\n".join(rows) if len(rows) < 2 else rows
    value = value.astype(value.dtype.newbyteorder("="), copy=False)
    return value if value.ndim >= 2 else value.reshape(1, -1)


def opaque_class(value: Any) -> str:
    """Return the class of an object that scipy left unread."""
    try:
        name = value.ravel()[0]["s2"]
        return name.decode("latin1") if isinstance(name, bytes) else str(name)
    except (IndexError, ValueError, KeyError, TypeError):
        return "object"
