"""Rows of the tables: what was timed, by whom, and how the times compare."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.timing import Function, Times, side_by_side
from refvis import exact

OURS, SLOW = "refvis", "definition"
AGREEMENT = 0.99
"""Correlation of two results below which they are not the same computation. Deep float32 gradients differ where a
maximum or a ReLU hangs on the last bits, single values by several percent of the largest."""


@dataclass(frozen=True)
class Row:
    """One computation: times by the name of who computed it, and the ratio to reach (None: none was set)."""

    what: str
    times: dict[str, Times]
    goal: float | None = None

    @property
    def peer(self) -> str | None:
        """The fastest of the others; None if nobody else computed it."""
        others = {name: times.median for name, times in self.times.items() if name not in (OURS, SLOW)}
        return min(others, key=lambda name: others[name]) if others else None

    @property
    def ratio(self) -> float | None:
        """Our median time over that of the fastest of the others."""
        return None if self.peer is None else self.times[OURS].median / self.times[self.peer].median


def compared(
    what: str, ours: Function, others: dict[str, Function], rounds: int, goal: float | None = None, slow: int = 0
) -> Row:
    """Return the row of a function and of others that return the same array, which is checked first.

    Our function is also timed by definition, for so many rounds as `slow` says.
    """
    for name, other in others.items():
        require_agreement(what, ours(), name, other())
    times = side_by_side({OURS: ours, **others}, rounds)
    if slow:
        with exact():
            times |= side_by_side({SLOW: ours}, slow)
    return Row(what, times, goal)


def require_agreement(what: str, ours: np.ndarray, name: str, theirs: np.ndarray) -> None:
    """Raise ValueError if two results differ in shape, or more than rounding can make them."""
    if ours.shape != theirs.shape:
        raise ValueError(f"{what}: the result has shape {ours.shape}, that of {name} {theirs.shape}")
    correlation = np.corrcoef(ours.ravel(), theirs.ravel())[0, 1]
    scale = np.linalg.norm(ours) / np.linalg.norm(theirs)
    if not (correlation > AGREEMENT and AGREEMENT < scale < 1 / AGREEMENT):
        raise ValueError(f"{what}: the result and that of {name} correlate {correlation:.4f}, lengths {scale:.4f} to 1")


def table(rows: Iterable[Row]) -> str:
    """Return rows as a Markdown table: milliseconds with the spread, ratio; goal and definition where any has one."""
    head = ["", "refvis, ms", "fastest other, ms", "ratio", "goal", "definition, ms"]
    cells = [_cells(row) for row in rows]
    kept = [i for i in range(len(head)) if i < 4 or any(line[i] for line in cells)]
    return markdown([head[i] for i in kept], [[line[i] for i in kept] for line in cells])


def markdown(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table in Markdown, the first column to the left, the others to the right."""
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _cells(row: Row) -> list[str]:
    peer, slow = row.peer, row.times.get(SLOW)
    return [
        row.what,
        _milliseconds(row.times[OURS]),
        "" if peer is None else f"{_milliseconds(row.times[peer])} ({peer})",
        "" if row.ratio is None else f"{row.ratio:.2f}",
        "" if row.goal is None else f"{row.goal:.2f}",
        "" if slow is None else _milliseconds(slow),
    ]


def _milliseconds(times: Times) -> str:
    value = 1e3 * times.median
    return f"{value:.{max(0, 2 - len(str(int(value))) + (value < 10))}f} ± {50 * times.spread:.0f} %"
