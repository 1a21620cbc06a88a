"""Everything by its definition: what `exact` switches, and how a fast function says what it stands for.

    with refvis.exact():                        @twin_of(conv.forward)
        trace = net.forward(x)                  def forward(layer: Conv, x: Array) -> Array: ...

The switch is a context variable: it belongs to the running thread (or asynchronous task), not to a layer, a network or
a table, so that one thread can compute by definition while others do not. It is read once for each call of a twin.

A second switch of the same kind, `winograd`, chooses how the fast convolution computes 3 x 3 filters.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import ParamSpec, TypeVar

Given = ParamSpec("Given")
Result = TypeVar("Result")

_EXACT: ContextVar[bool] = ContextVar("refvis_exact", default=False)
_WINOGRAD: ContextVar[int] = ContextVar("refvis_winograd", default=2)
OUTPUTS = (0, 2, 4)
Value = TypeVar("Value")


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

    Every function of `OPERATORS`, wherever it is called from, is then the one of `DEFINITIONS`: many times slower, and
    the same to rounding. A thread that is started inside begins with the fast ones, as every new thread does;
    ``contextvars.copy_context().run`` takes the switch along.
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
    """
    if outputs not in OUTPUTS:
        raise ValueError(f"outputs is {outputs!r}, expected one of {', '.join(map(str, OUTPUTS))}")
    return _switched(_WINOGRAD, outputs)


def winograd_outputs() -> int:
    """Return the side of Winograd's tiles for the caller, 0 for direct sums."""
    return _WINOGRAD.get()


def twin_of(definition: Callable[Given, Result]) -> Callable[[Callable[Given, Result]], Callable[Given, Result]]:
    """Mark a function as the fast way to compute what `definition` does, which takes its place inside `exact`."""

    def marked(fast: Callable[Given, Result]) -> Callable[Given, Result]:
        @wraps(fast)
        def either(*arguments: Given.args, **named: Given.kwargs) -> Result:
            return (definition if _EXACT.get() else fast)(*arguments, **named)

        either.definition = definition  # type: ignore[attr-defined]
        return either

    return marked
