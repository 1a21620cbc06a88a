"""Times of functions that take turns, so that other load on the machine affects all of them alike."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median, quantiles
from time import perf_counter, sleep
from typing import Any

SHORTEST = 0.02
"""Least seconds of one measurement: it calls a shorter function several times."""
PAUSE = 0.05
"""Seconds between two functions: the threads of OpenBLAS and OpenMP spin for a while, and would slow the next one."""

Function = Callable[[], Any]


@dataclass(frozen=True)
class Times:
    """Seconds per call, one number for each round."""

    seconds: tuple[float, ...]

    @property
    def median(self) -> float:
        """The median."""
        return median(self.seconds)

    @property
    def spread(self) -> float:
        """Interquartile range over the median; 0 for a single round."""
        if len(self.seconds) < 2:
            return 0.0
        low, _, high = quantiles(self.seconds, n=4, method="inclusive")
        return (high - low) / self.median


def side_by_side(
    functions: Mapping[str, Function], rounds: int, clock: Callable[[], float] = perf_counter, pause: float = PAUSE
) -> dict[str, Times]:
    """Return the times of functions by name. Each is called once to warm up; then they take turns for `rounds`."""
    calls = {}
    for name, function in functions.items():
        calls[name] = max(1, round(SHORTEST / max(_seconds(function, 1, clock), 1e-9)))
    times: dict[str, list[float]] = {name: [] for name in functions}
    for _ in range(rounds):
        for name, function in functions.items():
            sleep(pause)
            times[name].append(_seconds(function, calls[name], clock) / calls[name])
    return {name: Times(tuple(seconds)) for name, seconds in times.items()}


def _seconds(function: Function, calls: int, clock: Callable[[], float]) -> float:
    start = clock()
    for _ in range(calls):
        function()
    return clock() - start
