"""Definitions and their fast twins: the registry of twins, and the switches `exact` and `winograd`.

A definition is short enough that a reader can check it by eye. Its fast twin computes the same to rounding, and names
it:

    @twin_of(conv.forward)
    def forward(layer: Conv, x: Array) -> Array: ...

Tables hold definitions only. Code that runs one asks for `fastest(definition)`: the twin, or inside `exact` the
definition itself:

    with refvis.exact():
        trace = net.forward(x)

Both switches are context variables. They belong to the running thread (or asynchronous task), not to a layer, a network
or a table. So one thread can compute by definition while others do not.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from types import FunctionType
from typing import Any, TypeVar

Value = TypeVar("Value")
Function = TypeVar("Function", bound=Callable[..., Any])

TWINS: dict[Callable[..., Any], Callable[..., Any]] = {}
"""Definition -> its fast twin. `twin_of` fills it."""

OUTPUTS = (0, 2, 4)
"""The sides of Winograd's tiles that `winograd` accepts, in pixels; 0 stands for direct sums."""

_EXACT: ContextVar[bool] = ContextVar("refvis_exact", default=False)
_WINOGRAD: ContextVar[int] = ContextVar("refvis_winograd", default=2)


def twin_of(definition: Function) -> Callable[[Function], Function]:
    """Enter the decorated function in the registry as the fast twin of `definition`. A definition has one twin."""

    def enter(fast: Function) -> Function:
        if definition in TWINS:
            raise ValueError(f"{definition.__module__}.{definition.__name__} has a fast twin already")
        TWINS[definition] = fast
        return fast

    return enter


def fastest(function: Function) -> Function:
    """Return the fast twin of `function`; inside `exact`, and where it has no twin, the function itself.

    Any callable may be given. Only plain functions have twins: a ``functools.partial`` or an object has none.
    """
    if _EXACT.get() or not isinstance(function, FunctionType):
        return function
    return TWINS.get(function, function)  # type: ignore[return-value]  # a twin has its definition's signature


@contextmanager
def _switch(switch: ContextVar[Value], value: Value) -> Iterator[None]:
    token = switch.set(value)
    try:
        yield
    finally:
        switch.reset(token)


@contextmanager
def exact() -> Iterator[None]:
    """Compute by definition alone inside a ``with`` block, or in a function decorated with ``@exact()``.

    No fast twin runs inside, whichever layer, rule or method is called: many times slower, and the same to rounding. A
    thread that is started inside begins with the fast twins, as every new thread does. To pass the switch on to it,
    start it with ``contextvars.copy_context().run``.

    >>> import refvis
    >>> with refvis.exact():
    ...     refvis.layers.is_exact()
    True
    """
    with _switch(_EXACT, True):
        yield


def is_exact() -> bool:
    """Return whether the caller runs inside `exact`.

    >>> import refvis
    >>> refvis.layers.is_exact()
    False
    """
    return _EXACT.get()


def winograd(outputs: int) -> AbstractContextManager[None]:
    """Choose the algorithm of float32 convolutions with 3 x 3 filters at stride 1 inside a ``with`` block.

    `outputs` is the side of a tile of Winograd's F(m x m, 3 x 3) in pixels: 2, the default, nearly as exact as direct
    sums; 4, with errors of about 1e-5 of the largest value; 0 for direct sums. The switch belongs to the running
    thread, as that of `exact` does. Raises ValueError for another number.

    >>> import refvis
    >>> with refvis.winograd(4):
    ...     refvis.layers.winograd_outputs()
    4
    """
    if outputs not in OUTPUTS:
        raise ValueError(f"outputs is {outputs!r}, expected one of {', '.join(map(str, OUTPUTS))}")
    return _switch(_WINOGRAD, outputs)


def winograd_outputs() -> int:
    """Return the side of Winograd's tiles in pixels for the caller, 0 for direct sums.

    >>> import refvis
    >>> refvis.layers.winograd_outputs()
    2
    """
    return _WINOGRAD.get()
