"""Plain Python values for the contents of a .mat file: the tree that the readers of all versions build.

| MATLAB                            | Python                                                                       |
|-----------------------------------|------------------------------------------------------------------------------|
| struct, 1 x 1                     | dict                                                                         |
| struct array                      | list of dicts, column-major                                                  |
| cell                              | list, column-major                                                           |
| char                              | str; several rows: list of str                                               |
| string object                     | str; several: list of str, column-major                                      |
| logical                           | bool array                                                                   |
| numbers                           | array of MATLAB's shape (two axes or more) and class                         |
| function handle, object, gpuArray | Opaque: its class is known, its value is not read                            |
"""

from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np

from refvis.weights.errors import ModelFormatError

Tree: TypeAlias = Any
"""dict, list, str, ``numpy.ndarray`` or Opaque."""

MAX_INFLATION = 1100
"""No compressed byte inflates to more bytes than this (deflate's own limit is 1032)."""


@dataclass(frozen=True)
class Opaque:
    """A value that only MATLAB can read: a function handle, an object, a gpuArray, a sparse matrix.

    `class_name` is its class in MATLAB.

    >>> from refvis.weights import Opaque
    >>> Opaque("function_handle")
    Opaque(class_name='function_handle')
    """

    class_name: str


@dataclass(frozen=True)
class Limits:
    """The most that a file may hold. A damaged or hostile file is refused before its memory is allocated.

    Parameters:

        size     bytes of all values together, decompressed. Default: 4 GB
        values   number of values. Default: 2 million
        depth    levels of nested cells and structs. Default: 64
        memory   bytes of all values together that the caller's memory limit leaves. Default: no such limit.
                 `read_model` sets half of `refvis.memory_limit`, as layers are made of the values

    >>> from refvis.weights import Limits, bundled_path, read_model
    >>> len(read_model(bundled_path("scenes"), Limits(size=10**8)).nodes)
    23
    """

    size: int = 4 * 2**30
    values: int = 2_000_000
    depth: int = 64
    memory: int | None = None


DEFAULT_LIMITS = Limits()


def memory_of(dtype: "np.dtype[Any]") -> int:
    """Return the bytes of memory that a number of that class takes: integers count with the float32 made of them."""
    return dtype.itemsize + (0 if dtype.kind == "f" else SINGLE)


SINGLE = 4
"""Bytes of a float32 number."""


@dataclass
class Budget:
    """The part of the `limits` that is left while a file is read."""

    limits: Limits
    size: int = field(init=False)
    values: int = field(init=False)

    def __post_init__(self) -> None:
        memory, self.values = self.limits.memory, self.limits.values
        self.size = self.limits.size if memory is None else min(self.limits.size, memory)

    def spend(self, place: str, depth: int, size: int = 0, values: int = 1) -> None:
        """Count values of `size` bytes in all, down to nesting level `depth`; raise ModelFormatError above a limit."""
        self.size -= size
        self.values -= values
        if self.size < 0:
            self._refuse_size(place, size)
        if self.values < 0:
            self._refuse(place, "too many values", f"at most {self.limits.values:,} in the whole file")
        if depth > self.limits.depth:
            self._refuse(place, "cells or structs nest too deep", f"at most {self.limits.depth} levels")

    def _refuse_size(self, place: str, size: int) -> None:
        found, memory = f"{size:,} bytes are declared here", self.limits.memory
        if memory is None or memory >= self.limits.size:
            self._refuse(place, found, f"at most {self.limits.size:,} in the whole file")
        expected = f"at most {memory:,} in the whole file, half of the memory limit"
        advice = "if the file is sound, raise the limit by refvis.memory_limit(...) or REFVIS_MEMORY_LIMIT"
        raise ModelFormatError(found, expected, advice, place)

    def _refuse(self, place: str, found: str, expected: str) -> None:
        advice = "if the file is sound, read it by refvis.weights.read_model with limits=refvis.weights.Limits(...)"
        raise ModelFormatError(found, expected, advice, place)
