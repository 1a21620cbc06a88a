"""Memory for what fast functions return, taken again once nobody holds what it was lent for.

The system hands fresh memory out page by page, when it is first written, at several times the cost of writing it; a
network that runs again would pay for each of its variables again. An array from here owns nothing: with the last view
of it, its memory comes back, to be lent for the next array of about its size. `workspace` is for what a function keeps
to itself; CuPy has a pool of its own.
"""

from math import prod
from typing import Any

import numpy as np

from refvis.layers.arrays import Array, array_module
from refvis.layers.workspace import clear

SMALLEST, LARGEST, MOST = 1 << 17, 1 << 26, 1 << 28
"""Bytes of an array from which on this pays, and up to which it is kept; and of all that is kept and not lent."""

_FREE: dict[int, list[Array]] = {}
"""Size in bytes -> memory of that size that nobody holds. Only single operations on it: `__del__` runs anywhere."""


class _Loan:
    """What all views of a lent array hold; when it goes, the memory comes back."""

    def __init__(self, memory: Array) -> None:
        self.memory = memory
        self.__array_interface__: dict[str, Any] = memory.__array_interface__

    def __del__(self, free: dict[int, list[Array]] = _FREE) -> None:
        size = self.memory.nbytes
        if size + sum(each * len(some) for each, some in list(free.items())) <= MOST:
            free.setdefault(size, []).append(self.memory)


def empty(shape: tuple[int, ...], like: Array, dtype: Any = None) -> Array:
    """Return an array of that shape, in the library of `like` and in its dtype or the given one, with any values."""
    kind = np.dtype(dtype or like.dtype)
    size, xp = prod(shape) * kind.itemsize, array_module(like)
    if xp is not np or not SMALLEST <= size <= LARGEST:
        return xp.empty(shape, kind)
    whole = _rounded(size)
    try:
        memory = _FREE[whole].pop()
    except (KeyError, IndexError):
        memory = xp.empty(whole, "uint8")
    return xp.asarray(_Loan(memory))[:size].view(kind).reshape(shape)


def filled(shape: tuple[int, ...], like: Array, value: float, dtype: Any = None) -> Array:
    """Return what `empty` does, with one value everywhere."""
    found = empty(shape, like, dtype)
    found[...] = value
    return found


def release() -> None:
    """Give back what nobody holds: at most 256 MB, and what this thread keeps for itself (`workspace`)."""
    _FREE.clear()
    clear()


def _rounded(size: int) -> int:
    """Return the size up to a multiple of an eighth of its leading power of two: arrays of about one size share."""
    step = 1 << (size.bit_length() - 4)
    return -(-size // step) * step
