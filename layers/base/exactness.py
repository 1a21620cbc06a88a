"""Definitions and their fast twins: the registry of twins, and the switches `exact` and `winograd`.

A definition is what a reader believes at sight; its fast twin computes the same to rounding, and names it:

    @twin_of(conv.forward)
    def forward(layer: Conv, x: Array) -> Array: ...

Tables hold definitions only. Whoever runs one asks for `fastest(definition)`, which is the twin, or inside `exact` the
definition itself:

    with refvis.exact():
        trace = net.forward(x)

Both switches are context variables: they belong to the running thread (or asynchronous task), not to a layer, a network
or a table, so that one thread can compute by definition while others do not.
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
"""Sides of Winograd's tiles that `winograd` accepts, in pixels; 0 stands for direct sums."""

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
    """Return the fast twin of `function`; the function itself inside `exact`, or where it has no twin.

    Any callable may be given: what is no plain function (a ``functools.partial``, an object) has no twin.
    """
    if _EXACT.get() or not isinstance(function, FunctionType):
        return function
    return TWINS.get(function, function)  # type: ignore[return-value]  # a twin has its definition's signature


@contextmanager
def _switched(switch: ContextVar[Value], value: Value) -> Iterator[None]:
    token = switch.set(value)
    try:
        yield
    finally:
        switch.reset(token)


@contextmanager
def exact() -> Iterator[None]:
    """Compute by definition alone inside a ``with`` block, or in a function decorated with ``@exact()``.

    No fast twin runs then, wherever a layer, a rule or a method is called from: many times slower, and the same to
    rounding. A thread that is started inside begins with the fast twins, as every new thread does;
    ``contextvars.copy_context().run`` takes the switch along.

    >>> import refvis
    >>> with refvis.exact():
    ...     refvis.layers.is_exact()
    True
    """
    with _switched(_EXACT, True):
        yield


def is_exact() -> bool:
    """Return whether the caller runs inside `exact`."""
    return _EXACT.get()


def winograd(outputs: int) -> AbstractContextManager[None]:
    """Choose how float32 convolutions with 3 x 3 filters at stride 1 are computed inside a ``with`` block.

    `outputs` is the side of a tile of Winograd's F(m x m, 3 x 3) in pixels: 2, the default, nearly as exact as direct
    sums; 4, with errors of about 1e-5 of the largest value; 0 for direct sums. Threads as with `exact`. Raises
    ValueError for another number.

    >>> import refvis
    >>> with refvis.winograd(4):
    ...     refvis.layers.winograd_outputs()
    4
    """
    if outputs not in OUTPUTS:
        raise ValueError(f"outputs is {outputs!r}, expected one of {', '.join(map(str, OUTPUTS))}")
    return _switched(_WINOGRAD, outputs)


def winograd_outputs() -> int:
    """Return the side of Winograd's tiles for the caller, 0 for direct sums."""
    return _WINOGRAD.get()
