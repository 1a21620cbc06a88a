"""Rows of the tables: a computation, the times of refvis and its peers, and their ratio."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.timing import Function, Times, side_by_side
from refvis import exact

OURS, SLOW = "refvis", "definition"
AGREEMENT = 0.99
"""Two results with a smaller correlation are not the same computation. Deep float32 gradients differ where a maximum or
a ReLU depends on the last bits; single values then differ by several percent of the largest."""


@dataclass(frozen=True)
class Row:
    """One computation: times by library, and the goal for the ratio (None: no goal)."""

    what: str
    times: dict[str, Times]
    goal: float | None = None

    @property
    def peer(self) -> str | None:
        """The fastest other library; None if there is no other."""
        others = {name: times.median for name, times in self.times.items() if name not in (OURS, SLOW)}
        return min(others, key=lambda name: others[name]) if others else None

    @property
    def ratio(self) -> float | None:
        """The median time of refvis over that of the fastest other."""
        return None if self.peer is None else self.times[OURS].median / self.times[self.peer].median


def compare(
    what: str, ours: Function, others: dict[str, Function], rounds: int, goal: float | None = None, slow: int = 0
) -> Row:
    """Return the row of one computation; raise ValueError if `others` do not compute the same array.

    Parameters:

        what      title of the row
        ours      the computation in refvis
        others    library -> the same computation there
        rounds    number of measurements of each
        goal      ratio to reach, or None
        slow      rounds by definition alone, inside `exact`; 0: none
    """
    for name, other in others.items():
        require_agreement(what, ours(), name, other())
    times = side_by_side({OURS: ours, **others}, rounds)
    if slow:
        with exact():
            times |= side_by_side({SLOW: ours}, slow)
    return Row(what, times, goal)


def require_agreement(what: str, ours: np.ndarray, name: str, theirs: np.ndarray) -> None:
    """Raise ValueError if two results differ in shape, or by more than rounding explains."""
    if ours.shape != theirs.shape:
        raise ValueError(f"{what}: the result has shape {ours.shape}, that of {name} {theirs.shape}")
    correlation = np.corrcoef(ours.ravel(), theirs.ravel())[0, 1]
    scale = np.linalg.norm(ours) / np.linalg.norm(theirs)
    if not (correlation > AGREEMENT and AGREEMENT < scale < 1 / AGREEMENT):
        raise ValueError(f"{what}: the result and that of {name} correlate {correlation:.4f}, lengths {scale:.4f} to 1")


def table(rows: Iterable[Row]) -> str:
    """Return a Markdown table: milliseconds with their spread, and ratios; goals and definitions if any row has one."""
    head = ["", "refvis, ms", "fastest other, ms", "ratio", "goal", "definition, ms"]
    cells = [_cells(row) for row in rows]
    kept = [i for i in range(len(head)) if i < 4 or any(line[i] for line in cells)]
    return markdown([head[i] for i in kept], [[line[i] for i in kept] for line in cells])


def markdown(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table. The first column is aligned to the left, the others to the right."""
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
