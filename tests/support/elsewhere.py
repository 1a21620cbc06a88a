"""Values with arrays in them, moved to CuPy (or what stands for it) and back."""

from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from functools import partial
from inspect import isroutine
from typing import Any

import numpy as np

from refvis.layers import Graph, Trace
from refvis.layers.base.arrays import moved, storage
from refvis.layers.graph.trace import Signals


def there(value: Any, called: Callable[[Any], Any] = lambda function: function) -> Any:
    """Return the value with every NumPy array of numbers in it moved, and `called` of every function."""
    return _mapped(value, lambda array: moved(array, "cupy") if array.dtype.kind in "biufc" else array, called, {})


def back(value: Any) -> Any:
    """Return the value with every array in it on the host."""
    return _mapped(value, lambda array: moved(array, "numpy"), lambda function: function, {})


def is_array(value: Any) -> bool:
    """Whether a value is an array of either side."""
    return isinstance(value, np.ndarray) or (hasattr(value, "get") and hasattr(value, "__array_ufunc__"))


def _mapped(value: Any, change: Any, called: Any, known: dict[Any, Any]) -> Any:
    if is_array(value):
        place = storage(value)
        if place not in known:  # an array that stands in several places stays one
            known[place] = value, change(value)
        return known[place][1]
    if isroutine(value):
        return called(value)
    found = _rebuilt(value, lambda one: _mapped(one, change, called, known))
    return value if found is None else found


def _rebuilt(value: Any, inner: Callable[[Any], Any]) -> Any:
    """Return a container with `inner` of each part, None where there is none, or nothing in it changes."""
    if isinstance(value, Graph):
        nodes = tuple(map(inner, value.nodes))
        same = all(new is old for new, old in zip(nodes, value.nodes, strict=True))
        return None if same else replace(value, nodes=nodes)
    if isinstance(value, Trace):
        return replace(value, variables={name: inner(one) for name, one in value.variables.items()})
    if isinstance(value, Signals):
        return Signals({name: inner(one) for name, one in value.items()}, value.layers)
    if isinstance(value, partial):
        return partial(
            inner(value.func), *map(inner, value.args), **{key: inner(one) for key, one in value.keywords.items()}
        )
    if type(value) is dict:
        new = {key: inner(one) for key, one in value.items()}
        return None if all(new[key] is value[key] for key in value) else new
    if isinstance(value, tuple | list):
        parts = [inner(one) for one in value]
        if all(new is old for new, old in zip(parts, value, strict=True)):
            return None
        return type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)
    if is_dataclass(value) and not isinstance(value, type):
        old = {one.name: getattr(value, one.name) for one in fields(value) if one.init}
        new = {name: inner(one) for name, one in old.items()}
        changed = {name: one for name, one in new.items() if one is not old[name]}
        return replace(value, **changed) if changed else None
    return None
