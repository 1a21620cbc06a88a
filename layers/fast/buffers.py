"""Buffer pool of the fast functions: for the outputs that they return, and for their scratch arrays.

Fresh memory is not free: the system hands it out page by page when it is first written, at several times the cost of
writing it. A network that runs again would pay for each of its variables again. So two kinds of buffers are reused:

- `empty` and `filled` give an output. Once no array refers to its memory, that goes back to the pool, for the next
  output of about its size, in any thread.
- `scratch` gives arrays by name that a function keeps to itself. The next call in the same thread overwrites them.

`padded` and `blank` are those of `base.border`, in buffers. CuPy has a pool of its own, which also knows about streams;
its arrays are always allocated by CuPy.
"""

from math import prod
from threading import local
from typing import Any

import numpy as np

from refvis.layers.base.arrays import Array, array_module
from refvis.layers.base.border import Pad, bordered_shape, cropped

SMALLEST, LARGEST = 1 << 17, 1 << 26
"""Bytes of the smallest output that gets a buffer, and of the largest buffer that is kept."""
MOST = 1 << 28
"""Limit in bytes of all free buffers for outputs."""

_FREE: dict[int, list[Array]] = {}
"""Size in bytes -> free buffers of that size. `__del__` may run at any point, so it uses single operations only."""

_THREAD = local()
"""The scratch arrays of each thread."""


class _Loan:
    """The owner of an output's memory, to which all its views refer. Its deletion returns the buffer to the pool."""

    def __init__(self, memory: Array) -> None:
        self.memory = memory
        self.__array_interface__: dict[str, Any] = memory.__array_interface__

    def __del__(self, free: dict[int, list[Array]] = _FREE) -> None:
        size = self.memory.nbytes
        if size + sum(each * len(some) for each, some in list(free.items())) <= MOST:
            free.setdefault(size, []).append(self.memory)


def empty(shape: tuple[int, ...], like: Array, dtype: Any = None) -> Array:
    """Return an output of that shape with arbitrary values, in the library of `like` and its dtype or another one."""
    kind = np.dtype(dtype or like.dtype)
    size, xp = prod(shape) * kind.itemsize, array_module(like)
    if xp is not np or not SMALLEST <= size <= LARGEST:
        return xp.empty(shape, kind)
    whole = _round_size(size)
    try:
        memory = _FREE[whole].pop()
    except (KeyError, IndexError):
        memory = xp.empty(whole, "uint8")
    return xp.asarray(_Loan(memory))[:size].view(kind).reshape(shape)


def filled(shape: tuple[int, ...], like: Array, value: float, dtype: Any = None) -> Array:
    """Return what `empty` returns, with one value everywhere."""
    output = empty(shape, like, dtype)
    output[...] = value
    return output


def blank(x: Array, pad: Pad, fill: float = 0) -> Array:
    """Return what ``border.blank`` returns."""
    return filled(bordered_shape(x.shape, pad), x, fill)


def padded(x: Array, pad: Pad, fill: float = 0) -> Array:
    """Return what ``border.padded`` returns."""
    if not any(pad):
        return x
    wide = blank(x, pad, fill)
    cropped(wide, pad, x.shape)[...] = x
    return wide


class Scratch:
    """Arrays of one library and dtype by name: ``room(name, *shape)``."""

    def __init__(self, x: Array) -> None:
        """Start without arrays; all will have the library and dtype of x."""
        self.xp, self.dtype = array_module(x), x.dtype
        self.arrays: dict[str, Array] = {}

    def __call__(self, name: str, *shape: int) -> Array:
        """Return the array of that name in that shape, with arbitrary values; it overwrites the previous one."""
        size = prod(shape)
        if self.xp is not np or size * self.dtype.itemsize > LARGEST:
            return self.xp.empty(shape, self.dtype)
        if name not in self.arrays or self.arrays[name].size < size:
            self.arrays[name] = self.xp.empty(size, self.dtype)
        return self.arrays[name][:size].reshape(shape)


def scratch(x: Array) -> Scratch:
    """Return this thread's scratch arrays of the library and dtype of x."""
    spaces: dict[Any, Scratch] = _THREAD.__dict__.setdefault("spaces", {})
    key = array_module(x), x.dtype
    if key not in spaces:
        spaces[key] = Scratch(x)
    return spaces[key]


def release() -> None:
    """Free all buffers that no array refers to, at most 256 MB, and this thread's scratch arrays."""
    _FREE.clear()
    _THREAD.__dict__.clear()


def _round_size(size: int) -> int:
    """Return the size, rounded up to an eighth of its leading power of two: outputs of similar sizes share buffers."""
    step = 1 << (size.bit_length() - 4)
    return -(-size // step) * step
