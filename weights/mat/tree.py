"""What a .mat file holds, as plain Python values, whatever its format: the tree that both readers build.

| MATLAB                            | here                                                                         |
|-----------------------------------|------------------------------------------------------------------------------|
| struct, 1 x 1                     | dict                                                                         |
| struct array                      | list of dicts, column-major                                                  |
| cell                              | list, column-major                                                           |
| char                              | str; several rows: list of str                                               |
| logical                           | bool array                                                                   |
| numbers                           | array of MATLAB's shape (two axes or more) and class                         |
| function handle, object, gpuArray | Opaque: known to be there, not read                                          |
"""

from dataclasses import dataclass, field
from typing import Any, TypeAlias

from refvis.weights.errors import ModelFormatError

Tree: TypeAlias = Any
"""dict, list, str, ``numpy.ndarray`` or Opaque."""


@dataclass(frozen=True)
class Opaque:
    """A value that only MATLAB itself can read (function handle, object, gpuArray, sparse matrix)."""

    class_name: str


@dataclass(frozen=True)
class Limits:
    """How much a file may hold, so that a broken or hostile one is refused before memory is asked for.

    `size`: bytes of all values, unpacked; `values`: their number; `depth`: how deep cells and structs may nest.
    """

    size: int = 4 * 2**30
    values: int = 2_000_000
    depth: int = 64


DEFAULT_LIMITS = Limits()


@dataclass
class Budget:
    """Counts, while a file is read, what is left of its `limits`."""

    limits: Limits
    size: int = field(init=False)
    values: int = field(init=False)

    def __post_init__(self) -> None:
        self.size, self.values = self.limits.size, self.limits.values

    def take(self, place: str, depth: int, size: int = 0) -> None:
        """Count one value of `size` bytes at `depth`, or raise ModelFormatError if a limit is passed."""
        self.size -= size
        self.values -= 1
        if self.size < 0:
            self._refuse(place, f"{size:,} bytes are declared here", f"at most {self.limits.size:,} in the whole file")
        if self.values < 0:
            self._refuse(place, "too many values", f"at most {self.limits.values:,} in the whole file")
        if depth > self.limits.depth:
            self._refuse(place, "cells or structs nest too deep", f"at most {self.limits.depth} levels")

    def _refuse(self, place: str, found: str, expected: str) -> None:
        raise ModelFormatError(
            found, expected, "a sound file that is this large is read with limits=refvis.weights.Limits(...)", place
        )
