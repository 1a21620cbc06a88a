"""Everything by its definition: what `exact` switches, and how a fast function says what it stands for.

    with refvis.exact():                        @twin_of(conv.forward)
        trace = net.forward(x)                  def forward(layer: Conv, x: Array) -> Array: ...

The switch is a context variable: it belongs to the running thread (or asynchronous task), not to a layer, a network or
a table, so that one thread can compute by definition while others do not. It is read once for each call of a twin.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import ParamSpec, TypeVar

Given = ParamSpec("Given")
Result = TypeVar("Result")

_EXACT: ContextVar[bool] = ContextVar("refvis_exact", default=False)


@contextmanager
def exact() -> Iterator[None]:
    """Compute by definition alone inside a ``with`` block, or in a function decorated with ``@exact()``.

    Every function of `OPERATORS`, wherever it is called from, is then the one of `DEFINITIONS`: many times slower, and
    the same to rounding. A thread that is started inside begins with the fast ones, as every new thread does;
    ``contextvars.copy_context().run`` takes the switch along.
    """
    token = _EXACT.set(True)
    try:
        yield
    finally:
        _EXACT.reset(token)


def is_exact() -> bool:
    """Return whether the caller runs inside `exact`."""
    return _EXACT.get()


def twin_of(definition: Callable[Given, Result]) -> Callable[[Callable[Given, Result]], Callable[Given, Result]]:
    """Mark a function as the fast way to compute what `definition` does, which takes its place inside `exact`."""

    def marked(fast: Callable[Given, Result]) -> Callable[Given, Result]:
        @wraps(fast)
        def either(*arguments: Given.args, **named: Given.kwargs) -> Result:
            return (definition if _EXACT.get() else fast)(*arguments, **named)

        either.definition = definition  # type: ignore[attr-defined]
        return either

    return marked
