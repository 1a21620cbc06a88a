"""Memory layout of the arrays of a model file: MATLAB's shape, filters in the order in which layers use them.

In MATLAB the first axis runs fastest, and filters are FH x FW x C x K. Layers have K x FH x FW x C, and the last axis
runs fastest. Arrays of four axes are therefore put into the layers' order while they are read, so that no copy follows.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

Numbers = np.ndarray[Any, Any]

CHUNK = 1 << 19
"""Bytes that are read at once: few enough to be still in the processor's cache when they are put in order."""


def allocate(shape: Sequence[int], dtype: Any) -> Numbers:
    """Return an uninitialised array of MATLAB's shape, in MATLAB's memory order, or the layers' if it has four axes."""
    if len(shape) != 4:
        return np.empty(shape, dtype, order="F")
    return np.empty((shape[3], *shape[:3]), dtype).transpose(1, 2, 3, 0)


def memory_order(array: Numbers) -> Numbers:
    """Return a view with the axes in memory order, slowest first, of an array that `allocate` made."""
    return array.transpose(3, 0, 1, 2) if array.ndim == 4 else array.T


def read_array(
    shape: Sequence[int], dtype: Any, stored: np.dtype[Any], read_bytes: Callable[[int, int], Any]
) -> Numbers:
    """Return an array of MATLAB's shape, read chunk by chunk from numbers that are `stored` in MATLAB's order.

    ``read_bytes(start, stop)`` returns the bytes of the stored numbers from `start` to `stop`.
    """
    array = allocate(shape, dtype)
    if not array.size:
        return array
    size = math.prod(shape[:-1]) * stored.itemsize
    step = max(1, CHUNK // size)
    for first in range(0, shape[-1], step):
        stop = min(first + step, shape[-1])
        values = np.frombuffer(read_bytes(first * size, stop * size), stored)
        array[..., first:stop] = values.reshape((*shape[:-1], stop - first), order="F")
    return array


def complex_numbers(real: Numbers, imaginary: Numbers) -> Numbers:
    """Return the complex numbers of these parts, whose signs of zero, infinities and NaN stay where they are.

    ``real + 1j * imaginary`` would multiply 1j's real part, 0, by infinity.
    """
    values = np.empty_like(real, np.result_type(real, 1j))
    values.real, values.imag = real, imaginary
    return values
