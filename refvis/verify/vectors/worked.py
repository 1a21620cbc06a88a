"""The worked numbers of the documentation as cases: the calls that the examples of a layer's docstring make."""

import doctest
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from functools import cache
from io import StringIO
from typing import Any

import numpy as np

from refvis import layers
from refvis.layers import Array
from refvis.verify.case import Case
from refvis.verify.choosing import Seeded
from refvis.verify.kind import Kind, Part

Worked = tuple[Part, Case]


@cache
def worked(kind: Kind) -> tuple[Worked, ...]:
    """Return the cases of a kind that its layer's and its rule's docstrings work out; () for a kind without a layer."""
    if kind.formula is not None:
        return ()
    layer = kind.draw(Seeded(0), True).layer
    rule = getattr(kind.rule, "func", kind.rule)
    found = [call for owner in (type(layer), rule) if owner is not None for call in _calls(owner)]
    return tuple(
        (part, case)
        for part, case, used in found
        if _is_alike(case.layer, layer) and (part == "forward" or used is None or used is rule)
    )


def _is_alike(one: Any, other: Any) -> bool:
    return type(one) is type(other) and getattr(one, "method", None) == getattr(other, "method", None)


def _calls(owner: Any) -> Iterator[tuple[Part, Case, Any]]:
    """Yield (part, case, rule) for each call of `layers.forward` and `layers.backward` in a docstring's examples."""
    module = sys.modules[owner.__module__]
    for test in doctest.DocTestFinder(recurse=False).find(owner, owner.__name__, module=module):
        calls: list[tuple[Part, Case, Any]] = []
        with _recorded(calls), redirect_stdout(StringIO()):
            for example in test.examples:
                exec(compile(example.source, owner.__name__, "single"), test.globs)
        yield from calls


@contextmanager
def _recorded(calls: list[tuple[Part, Case, Any]]) -> Iterator[None]:
    """Record the calls of `layers.forward` and `layers.backward` while it lasts."""
    forward, backward = layers.forward, layers.backward

    def recorded_forward(layer: Any, *inputs: Array) -> Array:
        calls.append(("forward", Case(layer, _float64(inputs)), None))
        return forward(layer, *inputs)

    def recorded_backward(layer: Any, signal: Array, output: Array | None, *inputs: Array, rule: Any = None) -> Any:
        calls.append(("backward", Case(layer, _float64(inputs), np.asarray(signal, "float64")), _function(rule)))
        return backward(layer, signal, output, *inputs, rule=rule)

    layers.forward, layers.backward = recorded_forward, recorded_backward
    try:
        yield
    finally:
        layers.forward, layers.backward = forward, backward


def _function(rule: Any) -> Any:
    return getattr(rule, "func", rule)


def _float64(inputs: tuple[Array, ...]) -> tuple[Array, ...]:
    return tuple(np.asarray(x, "float64") for x in inputs)
