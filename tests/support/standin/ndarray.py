"""An array that holds a NumPy array and is none: as strict as CuPy's about what it may be mixed with.

NumPy's functions refuse it, it refuses NumPy's arrays, reductions and elements stay arrays (of no dimension), nothing
but `get` brings values to the host, and what comes or goes is copied. Methods are those of `METHODS`, with CuPy's
parameters.
"""

from typing import Any, ClassVar

import numpy as np
from support.standin.tables import METHODS

ANY_NUMBER = ("reshape", "transpose")
"""Methods that take any number of positional arguments."""

BINARY = ["add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul", "lshift", "rshift", "and", "or", "xor"]
INPLACE = [name for name in BINARY if name != "matmul"]
COMPARED = ["lt", "le", "eq", "ne", "gt", "ge"]
UNARY = ["neg", "pos", "abs", "invert"]


class ndarray:  # noqa: N801 (CuPy's name)
    """A stand-in's array."""

    __slots__ = ("_held",)
    __array_ufunc__ = None  # NumPy's functions refuse it, and its arrays leave operators to the methods here
    __hash__: ClassVar[None]  # type: ignore[assignment]
    made = 0

    def __init__(self, shape: Any, dtype: Any = float) -> None:
        self._held = np.empty(shape, dtype)
        ndarray.made += 1

    def __array__(self, *arguments: Any, **named: Any) -> Any:
        raise TypeError("Implicit conversion to a NumPy array is not allowed: use `.get()`")

    def __array_function__(self, function: Any, *arguments: Any) -> Any:
        raise TypeError(f"numpy.{function.__name__} was called on an array of the stand-in for CuPy")

    shape = property(lambda self: self._held.shape)
    strides = property(lambda self: self._held.strides)
    dtype = property(lambda self: self._held.dtype)
    ndim = property(lambda self: self._held.ndim)
    size = property(lambda self: self._held.size)
    nbytes = property(lambda self: self._held.nbytes)
    itemsize = property(lambda self: self._held.itemsize)
    T = property(lambda self: wrapped(self._held.T))
    data = property(lambda self: Pointer(self._held.ctypes.data))
    flags = property(lambda self: Flags(self._held.flags))
    real = property(lambda self: wrapped(self._held.real))
    imag = property(lambda self: wrapped(self._held.imag))

    def get(self) -> np.ndarray:
        """Return a copy as a NumPy array."""
        return self._held.copy()

    def item(self) -> Any:
        """Return the only value; CuPy's takes no index."""
        return self._held.item()

    def tolist(self) -> Any:
        return self._held.tolist()

    def tobytes(self) -> bytes:
        return self._held.tobytes()

    def __getitem__(self, index: Any) -> "ndarray":
        """Return an element as a view of no dimension, too; as in CuPy, indices may be NumPy's."""
        index = indices(index)
        return wrapped(self._held[index if any(one is Ellipsis for one in index) else (*index, ...)])

    def __setitem__(self, index: Any, value: Any) -> None:
        self._held[indices(index)] = unwrapped(value)

    def __iter__(self) -> Any:
        if not self.ndim:
            raise TypeError("iteration over a 0-d array")
        return (self[i] for i in range(len(self)))

    def __len__(self) -> int:
        return len(self._held)

    def __bool__(self) -> bool:
        return bool(self._held)

    def __int__(self) -> int:
        return int(self._held)

    def __float__(self) -> float:
        return float(self._held)

    def __repr__(self) -> str:
        return repr(self._held)

    def __str__(self) -> str:
        return str(self._held)

    def __format__(self, specification: str) -> str:
        return format(self._held, specification)


class Pointer:
    """Where an array's values lie."""

    def __init__(self, ptr: int) -> None:
        self.ptr = ptr


class Flags:
    """Those flags that CuPy's arrays have."""

    def __init__(self, flags: Any) -> None:
        self.c_contiguous, self.f_contiguous, self.owndata = flags.c_contiguous, flags.f_contiguous, flags.owndata


def wrapped(held: Any) -> Any:
    """Return what NumPy returned as arrays of the stand-in, numbers as arrays of no dimension."""
    if isinstance(held, tuple | list):
        return tuple(map(wrapped, held))
    array = ndarray.__new__(ndarray)
    array._held = np.asarray(held)
    if array._held.dtype.kind not in "biufc":
        raise ValueError(f"Unsupported dtype {array._held.dtype}")
    ndarray.made += 1
    return array


def unwrapped(value: Any) -> Any:
    """Return an array of the stand-in as NumPy's, a number as it is; TypeError for an array of NumPy's."""
    if isinstance(value, ndarray):
        return value._held
    if isinstance(value, np.ndarray):
        raise TypeError(f"Unsupported type {type(value)}")
    return value


def indices(index: Any) -> tuple[Any, ...]:
    """Return an index as a tuple of what NumPy takes."""
    several = index if isinstance(index, tuple) else (index,)
    return tuple(one._held if isinstance(one, ndarray) else one for one in several)


def require_known(name: str, known: str, given: dict[str, Any]) -> None:
    """Raise TypeError for keyword arguments that CuPy's function does not have, or kinds of sorting."""
    if given.get("kind") not in (None, "stable"):
        raise ValueError(f"{name}() sorts stably alone in CuPy, found kind {given['kind']!r}")
    for key in given:
        if key not in known.split():
            raise TypeError(f"{name}() got an unexpected keyword argument {key!r} (in CuPy)")


def _method(name: str) -> Any:
    def method(self: ndarray, *arguments: Any, **named: Any) -> Any:
        require_known(name, METHODS[name], named)
        if name not in ANY_NUMBER and len(arguments) > len(METHODS[name].split()):
            raise TypeError(f"{name}() takes {len(METHODS[name].split())} arguments, found {len(arguments)}")
        into = named.get("out")
        if name == "take":
            arguments = (unwrapped(arguments[0]), *arguments[1:])
        found = getattr(self._held, name)(*arguments, **{key: unwrapped(one) for key, one in named.items()})
        return into if into is not None else None if found is None else wrapped(found)

    return method


def _operator(name: str) -> Any:
    def operator(self: ndarray, *others: Any) -> Any:
        if any(not isinstance(other, ndarray | np.ndarray | np.generic | int | float | complex) for other in others):
            return NotImplemented
        # the whole array in place of a number, lest NumPy should hand back one of its own
        found = getattr(self._held[...], f"__{name}__")(*map(unwrapped, others))
        return NotImplemented if found is NotImplemented else wrapped(found)

    return operator


def _inplace(name: str) -> Any:
    def operator(self: ndarray, other: Any) -> Any:
        getattr(self._held, f"__{name}__")(unwrapped(other))
        return self

    return operator


for one in METHODS:
    setattr(ndarray, one, _method(one))
for one in (*BINARY, *(f"r{two}" for two in BINARY), *COMPARED, *UNARY):
    setattr(ndarray, f"__{one}__", _operator(one))
for one in (f"i{two}" for two in INPLACE):
    setattr(ndarray, f"__{one}__", _inplace(one))
