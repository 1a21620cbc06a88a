"""The functions of the stand-in: NumPy's on what its arrays hold, those alone that CuPy has, with CuPy's parameters."""

from types import ModuleType
from typing import Any

import numpy as np
from support.standin.kernels import RawKernel
from support.standin.ndarray import ndarray, require_known, unwrapped, wrapped
from support.standin.tables import FFT, FUNCTIONS, LINALG, MAKERS, OF_LISTS, SAME, UFUNCS


def function(name: str, known: str, take: Any = unwrapped, there: Any = np) -> Any:
    """Return the function of that name, which hands its arguments over by `take`."""

    def called(*arguments: Any, **named: Any) -> Any:
        require_known(name, known, named)
        into = named.get("out")
        found = getattr(there, name)(*map(take, arguments), **{key: unwrapped(one) for key, one in named.items()})
        return into if into is not None else None if found is None else wrapped(found)

    called.__name__ = name
    return called


def several(value: Any) -> Any:
    """Return the arrays of a list or tuple as NumPy's; anything else as it is."""
    return [unwrapped(one) for one in value] if isinstance(value, list | tuple) else value


def number(value: Any) -> Any:
    """Return a number or a shape; TypeError for arrays of either library."""
    if isinstance(value, ndarray):
        raise TypeError("an array of the stand-in was given where CuPy takes numbers of the host alone")
    return unwrapped(value)


class UFunc:
    """An elementwise function; of CuPy's, `add` and `multiply` alone reduce."""

    def __init__(self, name: str) -> None:
        self.__name__ = name
        self._call = function(name, "out dtype casting where")

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        return self._call(*arguments, **named)

    def reduce(self, array: Any, axis: Any = 0, dtype: Any = None, keepdims: bool = False) -> Any:
        if self.__name__ not in ("add", "multiply"):
            raise NotImplementedError(f"`cupy_{self.__name__}.reduce` is not supported yet")
        return wrapped(getattr(np, self.__name__).reduce(unwrapped(array), axis, dtype, None, keepdims))


def sign(x: Any) -> Any:
    """Return the sign; that of NaN is 0 in CuPy (until after 14.2; its issue 8327)."""
    held = np.asarray(unwrapped(x))
    return wrapped(np.where(np.isnan(held), held.dtype.type(0), np.sign(held)))


def asarray(a: Any, dtype: Any = None, order: Any = None) -> ndarray:
    """Return an array of the stand-in as it is (in that dtype), a NumPy array or list as a copy."""
    if isinstance(a, ndarray):
        return a if dtype is None or a.dtype == np.dtype(dtype) else a.astype(dtype)
    return wrapped(np.array(several(a) if isinstance(a, list | tuple) else a, dtype, order=order or "K"))


def array(obj: Any, dtype: Any = None, copy: bool = True, order: Any = "K") -> ndarray:
    """Return a new array."""
    return wrapped(np.array(obj._held if isinstance(obj, ndarray) else several(obj), dtype, order=order))


def asnumpy(a: Any) -> np.ndarray:
    """Return a copy on the host."""
    return a.get() if isinstance(a, ndarray) else np.asarray(a)


def as_strided(x: ndarray, shape: Any = None, strides: Any = None) -> ndarray:
    """Return a view with that shape and those strides."""
    return wrapped(np.lib.stride_tricks.as_strided(x._held, shape, strides))


def fill(module: ModuleType) -> None:
    """Give a module all functions."""
    own = {one.__name__: one for one in (ndarray, sign, asarray, array, asnumpy, RawKernel)}
    made: dict[str, Any] = {name: UFunc(name) for name in UFUNCS.split()}
    made |= {name: function(name, known) for name, known in FUNCTIONS.items()}
    made |= {name: function(name, known, several) for name, known in OF_LISTS.items()}
    made |= {name: function(name, known, number) for name, known in MAKERS.items()}
    made |= {name: getattr(np, name) for name in SAME.split()}
    vars(module).update(made | own)
    vars(module.linalg).update({name: function(name, known, there=np.linalg) for name, known in LINALG.items()})
    vars(module.fft).update({name: function(name, "s axes axis n d norm", there=np.fft) for name in FFT})
    module.lib.stride_tricks.as_strided = as_strided
