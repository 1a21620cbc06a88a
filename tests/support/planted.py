"""What a test of a planted bug asks of `verify.layer`: it is caught in time, on a small input, for the right reason.

The implementations beside the tests are plain NumPy, N x C x H x W, written from the published formulas: each is right
with `bug=""`, and has one mistake with the name of a bug. The words of the reason were written before the first run.
Slow ones, and 18 of 20 seeds of the right implementations, run with: pytest -m slow tests/refvis/verify/planted
"""

import re
import time
from collections.abc import Callable
from functools import cache, partial
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import pytest

from refvis import verify

PARTS = ("forward", "backward", "parameter_gradients")
SECONDS, SIDE = 30.0, 4


class Planted(NamedTuple):
    """A bug: the function that has it, what the function implements, and a pattern of the reason that names it.

    `missed` says why no reason is named, and `uncaught` that even the bug is not seen.
    """

    bug: str
    function: Callable[..., Any]
    kind: str
    reason: str
    dtype: str = "float64"
    slow: bool = False
    missed: str = ""
    uncaught: bool = False

    def __str__(self) -> str:
        """Return the name that pytest shows."""
        return f"{self.kind}-{self.bug}".replace(" ", "_")


def parameters(bugs: tuple[Planted, ...], strict: bool) -> list[Any]:
    """Return the bugs as pytest's parameters; with `strict`, those whose reason is missed are expected to fail."""
    marks = [
        [pytest.mark.slow] * one.slow
        + [pytest.mark.xfail(strict=True, reason=one.missed)] * bool(one.uncaught or (strict and one.missed))
        for one in bugs
    ]
    return [pytest.param(one, id=str(one), marks=own) for one, own in zip(bugs, marks, strict=True)]


def call(function: Callable[..., Any], kind: str, **options: Any) -> verify.Report:
    """Verify a function as the part that it is named for."""
    part = next(name for name in PARTS if getattr(function, "func", function).__name__.endswith(name))
    functions = {name: function if name == part else None for name in PARTS}
    return verify.layer(functions.pop("forward"), kind, **functions, **options)


@cache
def found(one: Planted) -> tuple[verify.Report, float]:
    """Return the report of a bug, with default settings, and the seconds of processor time that it took."""
    started = time.process_time()
    report = call(partial(one.function, bug=one.bug), one.kind, layout="NCHW", dtype=one.dtype)
    return report, time.process_time() - started


def require_caught(one: Planted) -> None:
    """Assert that the report is not true, came in time, and shows an input of few pixels."""
    report, seconds = found(one)
    assert not report, f"{one} is not caught: {report.verdict}"
    assert report.verdict in ("differs", "convention")
    assert seconds < SECONDS
    assert max((max(value.shape[1:3]) for value in report.inputs.values() if value.ndim == 4), default=0) <= SIDE


def require_reason(one: Planted) -> None:
    """Assert that the name or the sentence of the reason has the words that were expected."""
    report, _ = found(one)
    assert re.search(one.reason, f"{report.reason_name}: {report.reason}", re.IGNORECASE), (
        f"{report.reason_name}: {report.reason}"
    )


def require_agreement(function: Callable[..., Any], kind: str, seed: int, moves: bool = True) -> None:
    """Assert that a right implementation agrees: seeds 0 and 1 in one layout and precision, others in all four.

    `moves`: it is written for N x C x H x W. Else it takes any layout.
    """
    ways = [(layout, dtype) for dtype in ("float64", "float32") for layout in ("NCHW", "NHWC")]
    for layout, dtype in ([ways[0], ways[3]][seed : seed + 1]) or ways:
        theirs = _channels_last(function) if moves and layout == "NHWC" else function
        report = call(theirs, kind, layout=layout, dtype=dtype, seed=seed)
        assert report, f"{layout} {dtype}: {report}"


SEEDS = [pytest.param(seed, marks=[pytest.mark.slow] * (seed >= 2)) for seed in range(20)]


def _channels_last(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function for N x H x W x C."""

    def moved(layer: Any, *arrays: Any) -> Any:
        own = SimpleNamespace(**{name: _first(getattr(layer, name)) for name in dir(layer) if name[0] != "_"})
        result = function(own, *map(_first, arrays))
        return {name: _last(one) for name, one in result.items()} if isinstance(result, dict) else _last(result)

    moved.__name__ = getattr(function, "func", function).__name__
    return moved


def _first(value: Any) -> Any:
    return np.ascontiguousarray(value.transpose(0, 3, 1, 2)) if getattr(value, "ndim", 0) == 4 else value


def _last(value: Any) -> Any:
    return value.transpose(0, 2, 3, 1) if value.ndim == 4 else value
