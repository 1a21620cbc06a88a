"""A stand-in for CuPy, for tests on machines without a GPU: what runs on it calls nothing of NumPy on its arrays.

It computes with NumPy, so that results are equal to NumPy's bit for bit where the same functions are called. It is
stricter than CuPy (NumPy's own functions refuse its arrays, where some of them would go over to CuPy), and says nothing
about rounding, speed or memory on a GPU.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.machinery import ModuleSpec
from types import ModuleType, SimpleNamespace

from support.standin.functions import fill
from support.standin.ndarray import ndarray

__all__ = ["installed", "module", "ndarray"]


def _none(*arguments: object) -> int:
    return 0


def module() -> ModuleType:
    """Return the stand-in as a module."""
    made = ModuleType("cupy", __doc__)
    made.__version__, made.__spec__ = "stand-in", ModuleSpec("cupy", None)
    made.fft, made.lib, made.linalg = (ModuleType(f"cupy.{name}") for name in ("fft", "lib", "linalg"))
    made.lib.stride_tricks = ModuleType("cupy.lib.stride_tricks")
    made.cuda = SimpleNamespace(runtime=SimpleNamespace(getDeviceCount=_none))
    fill(made)
    return made


@contextmanager
def installed() -> Iterator[ModuleType]:
    """Put the stand-in where CuPy would be imported from, for the duration of a ``with`` block."""
    before = sys.modules.get("cupy")
    sys.modules["cupy"] = found = module()
    try:
        yield found
    finally:
        if before is None:
            del sys.modules["cupy"]
        else:
            sys.modules["cupy"] = before
