"""The smallest case that still differs: hypothesis shrinks the geometry, delta debugging the arrays and their values.

Zeller & Hildebrandt, "Simplifying and isolating failure-inducing input", 2002: set ever smaller parts of an array to
zero, as long as the difference stays.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import fields, is_dataclass, replace
from importlib.util import find_spec
from random import Random
from time import monotonic
from typing import Any

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


def fewer_values(case: Case, forward: Callable[..., Array], differs: Differs, clock: Clock) -> Case:
    """Return the case with the fewest images, rows, columns and channels and the simplest geometry that still differs.

    `forward` gives a layer's output: the signal is cut to its shape.
    """
    found: Case | None = case
    while found is not None and not clock.over:
        case = found
        found = next((one for one in _smaller(case, forward) if not clock.over and _does(differs, one)), None)
    return case


def _does(differs: Differs, case: Case) -> bool:
    try:
        return differs(case)
    except (ValueError, TypeError, IndexError, ZeroDivisionError):
        return False


def _smaller(case: Case, forward: Callable[..., Array]) -> Iterator[Case]:
    """Return the case without one image, row, column or channel, then with one number of the geometry less by one."""
    for axis in range(case.inputs[0].ndim):
        for index in reversed(range(case.inputs[0].shape[axis])):
            yield from _cut(case, forward, axis, index)
    for layer in _simpler_layers(case.layer):
        simpler = replace(case, layer=layer)
        for axis in (1, 2):
            yield from _cut(simpler, forward, axis, -1)
        yield from _fitted(simpler, forward)


LEAST = {"pad": 0, "crop": 0}
"""The least numbers of fields; those of others, such as sizes and strides, are 1."""


def _simpler_layers(layer: Any) -> Iterator[Any]:
    """Return the layer with one whole number of a pair or of four, such as a stride's, less by one."""
    for one in fields(layer) if is_dataclass(layer) else ():
        value = getattr(layer, one.name)
        if not isinstance(value, tuple) or not all(isinstance(number, int) for number in value):
            continue
        for place, number in enumerate(value):
            if number <= LEAST.get(one.name, 1):
                continue
            with suppress(ValueError):
                yield replace(layer, **{one.name: (*value[:place], number - 1, *value[place + 1 :])})


def _cut(case: Case, forward: Callable[..., Array], axis: int, index: int) -> Iterator[Case]:
    """Return the case without one image, row, column or channel of every input, unless nothing would be left."""
    if min(x.shape[axis] if x.ndim > axis else 0 for x in case.inputs) > max(index, 1):
        inputs = tuple(np.delete(x, index, axis) for x in case.inputs)
        yield from _fitted(replace(case, inputs=inputs), forward)


def _fitted(case: Case, forward: Callable[..., Array]) -> Iterator[Case]:
    """Return the case with its signal cut to the output, if it has an output that the signal covers."""
    with suppress(ValueError, TypeError, IndexError, ZeroDivisionError), np.errstate(all="ignore"):
        shape = forward(case.layer, *case.inputs).shape
        signal = None if case.signal is None else case.signal[tuple(map(slice, shape))]
        if signal is None or (signal.size and signal.shape == shape):
            yield replace(case, signal=signal)


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
