"""Arrays and their library: NumPy in, NumPy out; CuPy in, CuPy out.

CuPy is never imported here: an array can only be CuPy's if the caller imported it already.
"""

import sys
from dataclasses import fields
from typing import Any, TypeAlias

import numpy as np

Array: TypeAlias = Any
"""A ``numpy.ndarray`` or a ``cupy.ndarray`` (CuPy ships no type stubs, so the checker sees Any)."""

FLOATS = ("float32", "float64")
FLOAT_CODES = {np.dtype(name).char for name in FLOATS}
"""The same as characters: the character of a dtype is faster to read than its name."""

REAL_KINDS = "fiub"
"""Kinds of dtypes that hold real numbers: floats, integers of both signs, booleans."""

_NUMPY_OR_NONE = {np.ndarray, type(None)}


def array_module(*arrays: Array) -> Any:
    """Return the module (``numpy`` or ``cupy``) that all `arrays` belong to; None stands for an absent array.

    Raises TypeError for anything that is no array, and for NumPy and CuPy mixed in one call.

    >>> import numpy as np
    >>> from refvis import layers
    >>> layers.array_module(np.zeros(3), None).__name__
    'numpy'
    """
    if {*map(type, arrays)} <= _NUMPY_OR_NONE:  # the usual case, checked in every call of a layer
        return np
    cupy = sys.modules.get("cupy")
    modules = {_module_of(array, cupy) for array in arrays if array is not None}
    if len(modules) > 1:
        raise TypeError(
            "NumPy and CuPy arrays are mixed in one call: move all of them to one side, "
            "for a network with net.to('cupy') or net.to('numpy')"
        )
    return modules.pop() if modules else np


def _module_of(array: Array, cupy: Any) -> Any:
    if isinstance(array, np.ndarray):
        _refuse_special(array)
        return np
    if cupy is not None and isinstance(array, cupy.ndarray):
        return cupy
    raise TypeError(
        f"expected a NumPy or CuPy array, found {type(array).__name__}: an image becomes one by net.preprocess(image), "
        "numbers by numpy.asarray"
    )


def _refuse_special(array: Array) -> None:
    """Raise TypeError for subclasses of NumPy's arrays that compute by other rules: masked arrays and matrices."""
    if isinstance(array, np.ma.MaskedArray):
        raise TypeError(
            "expected a plain array, found a masked one, whose mask layers would ignore: use x.filled(value)"
        )
    if isinstance(array, np.matrix):
        raise TypeError("expected a plain array, found a numpy.matrix, whose products differ: use numpy.asarray(x)")


def require_real(array: Array, what: str) -> None:
    """Raise TypeError unless the array holds real numbers: complex ones would lose their imaginary part."""
    if array.dtype.kind not in REAL_KINDS:
        raise TypeError(f"{what} is {array.dtype}, expected real numbers, such as float32")


def require_array(value: Any, what: str, optional: bool = False) -> None:
    """Raise TypeError where a field of a layer (`what`: "Conv filters") is no array; with `optional` it may be None."""
    if value is None and optional:
        return
    if isinstance(value, np.ndarray):
        _refuse_special(value)
    try:
        _module_of(value, sys.modules.get("cupy"))
    except TypeError:
        expected = "a NumPy or CuPy array" + (" or None" if optional else "")
        text = f"{what} is of type {type(value).__name__}, expected {expected}"
        raise TypeError(f"{text}: use numpy.array({what.rpartition(' ')[2]}, 'float32')") from None
    require_real(value, what)


def require_float(array: Array, what: str) -> None:
    """Raise TypeError unless `array` is float32 or float64, the two types in which layers compute."""
    if array.dtype.char not in FLOAT_CODES:
        advice = (
            "a picture becomes an input by net.preprocess(picture)"
            if array.dtype == "uint8"
            else "use .astype('float32')"
        )
        raise TypeError(f"{what} is {array.dtype}, expected float32 or float64: {advice}")


def storage(array: Array) -> tuple[Any, ...]:
    """Return the place of an array in memory: its address, shape, strides and dtype.

    It is the same for an array and a view of all of it. Arrays with equal values at two addresses differ.
    """
    address = array.data.ptr if hasattr(array.data, "ptr") else array.ctypes.data
    return address, tuple(array.shape), tuple(array.strides), str(array.dtype)


def require_float_name(dtype: Any) -> None:
    """Raise TypeError unless `dtype` is float32 or float64."""
    if np.dtype(dtype).name not in FLOATS:
        raise TypeError(f"the dtype is {np.dtype(dtype)}, expected float32 or float64")


def is_finite(x: Array) -> bool:
    """Return whether no value is NaN or infinite."""
    return bool(array_module(x).isfinite(x).all())


def count_not_finite(x: Array) -> int:
    """Return how many values are NaN or infinite."""
    return int((~array_module(x).isfinite(x)).sum())


def require_finite(x: Array, what: str = "the input") -> None:
    """Raise ValueError where x has values that are NaN or infinite; `what` names it in the error."""
    if not is_finite(x):
        raise ValueError(f"{what} holds {count_not_finite(x)} values that are NaN or infinite")


def one_for_all(*parameters: Array | None) -> bool:
    """Return whether parameters that broadcast to N x H x W x C have the same values for all images."""
    return all(array is None or array.ndim < 4 or len(array) == 1 for array in parameters)


def one_for_all_places(*parameters: Array | None) -> bool:
    """Return whether parameters that broadcast to N x H x W x C have the same values for all images and places."""
    return all(array is None or max((1, *array.shape[:-1])) == 1 for array in parameters)


def pixels(y: Array) -> Array:
    """Return y (N x H x W x K) as a matrix with a row for each pixel, a view: pixels must be evenly spaced in memory.

    They are in a slice of the channels of all pixels, and in some rows of one image.
    """
    return y.reshape(-1, y.shape[3])


def moved(array: Array, library: str) -> Array:
    """Return `array` in the library "numpy" or "cupy".

    Raises ValueError for another name, ImportError where CuPy is missing.
    """
    require_library(library)
    if library == "numpy":
        return array if isinstance(array, np.ndarray) else array.get()
    try:
        import cupy
    except ImportError as error:
        raise ImportError(f"CuPy cannot be imported ({error}): install refvis[cuda12] or refvis[cuda13]") from error
    return cupy.asarray(array)


def to_host(array: Array) -> Array:
    """Return `array` as a NumPy array: a copy from the GPU if it is CuPy's, else itself."""
    return moved(array, "numpy")


def require_library(library: str) -> None:
    """Raise ValueError unless `library` is "numpy" or "cupy"."""
    if library not in ("numpy", "cupy"):
        raise ValueError(f"unknown array library {library!r}, expected 'numpy' or 'cupy'")


def summary(layer: Any) -> str:
    """Return a layer as one line: arrays by shape and dtype, all other fields by value. Layers use it as repr."""
    shown = [f"{one.name}={shortly(getattr(layer, one.name))}" for one in fields(layer)]
    return f"{type(layer).__name__}({', '.join(shown)})"


def shortly(value: Any) -> str:
    """Return a value as text: an array by shape and dtype, anything else by its value."""
    return f"{'x'.join(map(str, value.shape))} {value.dtype}" if getattr(value, "ndim", 0) else repr(value)
