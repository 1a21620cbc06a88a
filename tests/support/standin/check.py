"""Compare the stand-in with CuPy itself: ``PYTHONPATH=tests python -m support.standin.check``, where CuPy is installed.

It needs no GPU. It exits with 1 where the stand-in offers a name or a parameter that CuPy does not have.
"""

import inspect
import sys
from typing import Any

from support.standin import module
from support.standin.ndarray import ndarray
from support.standin.tables import FUNCTIONS, LINALG, MAKERS, METHODS, OF_LISTS, UFUNCS

OWN = {"made", "__slots__", "__module__"}
"""What the stand-in has for itself."""


def missing(place: str, real: Any, offered: Any) -> list[str]:
    """Return the names of a module or class of the stand-in that the real one lacks."""
    return [place + name for name in vars(offered) if name not in OWN and name != "_held" and not hasattr(real, name)]


def parameters(function: Any) -> set[str] | None:
    """Return the names of a function's parameters, from its signature or the first line of its text; None: unknown."""
    try:
        return set(inspect.signature(function).parameters)
    except ValueError:
        first = (function.__doc__ or "").partition("\n")[0]
        inner = first.partition("(")[2].rpartition(")")[0]
        return {one.split("=")[0].split(":")[0].split()[-1].lstrip("*") for one in inner.split(",") if one.strip()}


def unknown(place: str, real: Any, table: dict[str, str]) -> list[str]:
    """Return the parameters in a table that the real functions lack."""
    found = []
    for name, known in table.items():
        given = parameters(getattr(real, name, None)) if hasattr(real, name) else set()
        if given is not None and "kwargs" not in given:
            found += [f"{place}{name}({one}=)" for one in known.split() if one not in given]
    return found


def differences() -> list[str]:
    """Return what the stand-in offers and the CuPy that is installed does not."""
    import cupy

    made = module()
    found = missing("", cupy, made) + missing("ndarray.", cupy.ndarray, ndarray)
    for name in ("fft", "linalg"):
        found += missing(f"{name}.", getattr(cupy, name), getattr(made, name))
    tables = FUNCTIONS | OF_LISTS | MAKERS
    found += unknown("", cupy, {name: known for name, known in tables.items() if name not in UFUNCS.split()})
    found += unknown("linalg.", cupy.linalg, LINALG) + unknown("ndarray.", cupy.ndarray, METHODS)
    return found + [f"{name} is no ufunc" for name in UFUNCS.split() if not isinstance(getattr(cupy, name), cupy.ufunc)]


if __name__ == "__main__":
    wrong = differences()
    print("\n".join(wrong) or "the stand-in offers nothing that CuPy lacks")
    sys.exit(bool(wrong))
