"""How arrays of a model file lie in memory: MATLAB's shape, and the order in which layers want them.

MATLAB's first axis runs fastest, and filters are FH x FW x C x K; layers have K x FH x FW x C, the last axis fastest.
So arrays of four axes are laid out as layers have them while they are read: nothing has to be moved afterwards.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

Numbers = np.ndarray[Any, Any]

PIECE = 1 << 19
"""Bytes that are read at once: they are still in the processor's cache when they are put in order."""


def laid_out(shape: Sequence[int], dtype: Any) -> Numbers:
    """Return an array of MATLAB's shape to be filled: in MATLAB's order, or with four axes in that of layers."""
    if len(shape) != 4:
        return np.empty(shape, dtype, order="F")
    return np.empty((shape[3], *shape[:3]), dtype).transpose(1, 2, 3, 0)


def in_memory(array: Numbers) -> Numbers:
    """Return a view of an array of MATLAB's shape with its axes in the order of memory, if `laid_out` made it."""
    return array.transpose(3, 0, 1, 2) if array.ndim == 4 else array.T


def filled(shape: Sequence[int], dtype: Any, stored: np.dtype[Any], piece: Callable[[int, int], Any]) -> Numbers:
    """Return an array of MATLAB's shape, of numbers that are `stored` in MATLAB's order.

    ``piece(start, stop)`` returns bytes of them.
    """
    array = laid_out(shape, dtype)
    if not array.size:
        return array
    size = math.prod(shape[:-1]) * stored.itemsize
    step = max(1, PIECE // size)
    for first in range(0, shape[-1], step):
        stop = min(first + step, shape[-1])
        values = np.frombuffer(piece(first * size, stop * size), stored)
        array[..., first:stop] = values.reshape((*shape[:-1], stop - first), order="F")
    return array
