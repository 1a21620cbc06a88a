"""Writer of v5 .mat files from plain Python values: atomic, and the same bytes for the same values."""

import io
import os
from pathlib import Path
from typing import Any

import numpy as np

from refvis.weights.mat.tree import Opaque

HEADER = b"MATLAB 5.0 MAT-file, written by refvis".ljust(116)
"""Replaces scipy's header, which holds the date."""


class Structs(list[dict[str, Any]]):
    """Dicts with the same keys, which are written as a 1 x N struct array."""


def write_v5(path: str | Path, variables: dict[str, Any]) -> None:
    """Write `variables` (values that ``to_matlab`` takes) as a compressed v5 file, which replaces `path` atomically.

    Raises ValueError for values that MATLAB cannot hold, and OSError; an existing file `path` is then unchanged.
    """
    import scipy.io

    path = Path(path)
    buffer = io.BytesIO()
    try:
        values = {name: to_matlab(value, name) for name, value in variables.items()}
        scipy.io.savemat(buffer, values, do_compression=True, long_field_names=True)
    except scipy.io.matlab.MatWriteError as error:
        raise ValueError(f"{path}: {error}: a variable of a v5 file holds at most 4 GB") from error
    buffer.getbuffer()[: len(HEADER)] = HEADER
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("xb") as file:
            file.write(buffer.getbuffer())
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def to_matlab(value: Any, place: str) -> Any:
    """Return a plain value for scipy to write: None becomes [], a list a cell, a tuple of numbers a row of doubles."""
    if isinstance(value, dict):
        return {field_name(name, place): to_matlab(entry, f"{place}.{name}") for name, entry in value.items()}
    if value is None:
        return np.zeros((0, 0))
    if isinstance(value, np.ndarray):
        return np.atleast_2d(value)
    if isinstance(value, str):
        return value
    if isinstance(value, (bool, int, float, complex, np.generic)):
        return row([value])
    if isinstance(value, Structs):
        return struct_array([to_matlab(entry, f"{place}({i + 1})") for i, entry in enumerate(value)])
    if isinstance(value, tuple) and not any(isinstance(entry, (str, list, tuple, dict)) for entry in value):
        return row(list(value))
    if isinstance(value, (list, tuple)):
        return cell([to_matlab(entry, f"{place}{{{i + 1}}}") for i, entry in enumerate(value)])
    what = f"an object of class {value.class_name}" if isinstance(value, Opaque) else type(value).__name__
    raise ValueError(f"{place} is {what}, which a .mat file cannot hold: leave it out")


def row(values: list[Any]) -> Any:
    """Return numbers as a 1 x N array: logical if all are bool, else double (or complex)."""
    array = np.array([values])
    return array if array.dtype.kind in "bc" else array.astype("float64")


def cell(values: list[Any]) -> Any:
    """Return a 1 x N cell; without entries 0 x 0, as MATLAB's {}."""
    result = np.empty((1, len(values)) if values else (0, 0), dtype=object)
    for index, value in enumerate(values):
        result[0, index] = value
    return result


def struct_array(values: list[dict[str, Any]]) -> Any:
    """Return dicts with the same keys as a 1 x N struct array; without entries an empty one."""
    result = np.empty((1, len(values)), dtype=[(name, object) for name in (values[0] if values else ("name",))])
    for index, value in enumerate(values):
        for name, entry in value.items():
            result[name][0, index] = entry
    return result


def field_name(name: Any, place: str) -> str:
    """Return `name`; raise ValueError unless it is a valid name of a MATLAB field."""
    if not (isinstance(name, str) and name.isascii() and name.isidentifier() and name[0] != "_" and len(name) < 64):
        raise ValueError(
            f"{place} has the key {name!r}, expected a MATLAB field name: letters, digits and _, at most 63"
        )
    return name
