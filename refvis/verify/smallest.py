"""The smallest case that still differs: hypothesis shrinks the geometry, delta debugging the values.

Zeller & Hildebrandt, "Simplifying and isolating failure-inducing input", 2002: set ever smaller parts of an array to
zero, as long as the difference stays.
"""

from collections.abc import Callable, Iterator
from importlib.util import find_spec
from random import Random
from time import monotonic

import numpy as np

from refvis.layers import Array
from refvis.verify.case import Case
from refvis.verify.choosing import Chooser, Drawn

Differs = Callable[[Case], bool]


class Clock:
    """Tells when the time for a search is over."""

    def __init__(self, seconds: float) -> None:
        """Start."""
        self._half, self._end = monotonic() + seconds / 2, monotonic() + seconds

    @property
    def over(self) -> bool:
        """Whether the time is over."""
        return monotonic() > self._end

    @property
    def half_over(self) -> bool:
        """Whether half of the time is over."""
        return monotonic() > self._half


def require_hypothesis() -> None:
    """Raise ImportError, with the remedy, where hypothesis is missing."""
    if find_spec("hypothesis") is None:
        raise ImportError(
            "refvis.verify searches with the package hypothesis, which is not installed: pip install 'refvis[verify]'"
        )


def search(
    draw: Callable[[Chooser], Case | None], differs: Callable[[Case | None], bool], clock: Clock, examples: int = 200
) -> Case | None:
    """Return the smallest case that hypothesis finds for which `differs` holds; None if it finds none.

    The same functions give the same case. When the time is over, the smallest case so far is returned.
    """
    import hypothesis
    from hypothesis import HealthCheck, strategies

    @strategies.composite
    def cases(draw_from: Callable[..., object]) -> Case | None:
        return draw(Drawn(draw_from))

    best: list[Case] = []

    def condition(case: Case | None) -> bool:
        if case is None or clock.over or not differs(case):
            return False
        best.append(case)
        return True

    settings = hypothesis.settings(
        max_examples=examples,
        database=None,
        deadline=None,
        derandomize=False,
        suppress_health_check=list(HealthCheck),
        phases=(hypothesis.Phase.generate, hypothesis.Phase.shrink),
    )
    try:
        hypothesis.find(cases(), condition, settings=settings, random=Random(0))
    except hypothesis.errors.NoSuchExample:
        pass
    except hypothesis.errors.Flaky:
        pass
    return min(best, key=size_of) if best else None


def size_of(case: Case) -> tuple[int, float]:
    """Return how large a case is: the number of its values, then the sum of their sizes."""
    arrays = case.arrays.values()
    return sum(array.size for array in arrays), float(sum(np.abs(array).sum() for array in arrays))


def simplest_values(case: Case, differs: Differs, clock: Clock) -> Case:
    """Return the case with as many values as possible made zero, then one, that still differs."""
    for name in case.arrays:
        for change in (_with_zeros, _with_ones):
            case = change(case, name, differs, clock)
    return case


def _with_zeros(case: Case, name: str, differs: Differs, clock: Clock) -> Case:
    size = case.arrays[name].size
    part = size
    while part and not clock.over:
        for start in range(0, size, part):
            array = case.arrays[name]
            tried = array.copy().reshape(-1)
            tried[start : start + part] = 0
            if (tried != array.reshape(-1)).any():
                case = _kept(case, name, tried.reshape(array.shape), differs)
        part //= 2
    return case


def _with_ones(case: Case, name: str, differs: Differs, clock: Clock) -> Case:
    for tried in _ones(case.arrays[name]):
        if clock.over:
            break
        changed = _kept(case, name, tried, differs)
        if changed is not case:
            return changed
    for place in np.argwhere(np.abs(case.arrays[name]) > 1)[:40]:
        if clock.over:
            break
        tried = case.arrays[name].copy()
        tried[tuple(place)] = np.sign(tried[tuple(place)])
        case = _kept(case, name, tried, differs)
    return case


def _ones(array: Array) -> Iterator[Array]:
    yield (array != 0).astype("float64")
    yield np.sign(array)


def _kept(case: Case, name: str, tried: Array, differs: Differs) -> Case:
    """Return the case with the array changed if it still differs, else the case."""
    try:
        changed = case.with_arrays({name: tried})
        return changed if differs(changed) else case
    except (ValueError, TypeError, ZeroDivisionError):
        return case
