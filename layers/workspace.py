"""Memory that fast functions use again from call to call, in the thread that calls.

Fresh memory is not free: the system hands it out page by page when it is first written, at about the cost of writing
it ten times. Arrays that nobody sees after a call therefore come from here; what a function returns never does. CuPy
has a pool of its own, which also knows about streams: its arrays are asked for anew each time.
"""

from math import prod
from threading import local
from typing import Any

import numpy as np

from refvis.layers.arrays import Array, array_module

LARGEST = 1 << 26
"""Bytes of an array beyond which it is not kept."""


class Workspace:
    """Arrays of one library and dtype by name: ``room(name, *shape)``."""

    def __init__(self, x: Array) -> None:
        """Start with none; arrays will be of the library and dtype of x."""
        self.xp, self.dtype = array_module(x), x.dtype
        self.arrays: dict[str, Array] = {}

    def __call__(self, name: str, *shape: int) -> Array:
        """Return the array of that name in that shape, with arbitrary values; the next of its name takes its place."""
        size = prod(shape)
        if self.xp is not np or size * self.dtype.itemsize > LARGEST:
            return self.xp.empty(shape, self.dtype)
        if name not in self.arrays or self.arrays[name].size < size:
            self.arrays[name] = self.xp.empty(size, self.dtype)
        return self.arrays[name][:size].reshape(shape)


_THREAD = local()


def clear() -> None:
    """Forget this thread's workspaces."""
    _THREAD.__dict__.clear()


def workspace(x: Array) -> Workspace:
    """Return this thread's workspace for the library and dtype of x."""
    spaces: dict[Any, Workspace] = _THREAD.__dict__.setdefault("spaces", {})
    key = array_module(x), x.dtype
    if key not in spaces:
        spaces[key] = Workspace(x)
    return spaces[key]
