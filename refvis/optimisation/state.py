"""State of a minimisation between two steps: z, the optimiser's memory, the history, and the best z of each image."""

from dataclasses import dataclass, replace

import numpy as np

from refvis.layers import Array, array_module
from refvis.optimisation.history import Row
from refvis.optimisation.optimisers import Memory


@dataclass(frozen=True)
class State:
    """A run between two steps.

    Fields:

        z        the current variables, N x ...
        memory   the optimiser's arrays by name
        rows     the terms' values at each z so far, the start first
        best     for each image the z with the lowest objective so far; None before the first evaluation
        lowest   the lowest objective of each image, N float64; None before the first evaluation
    """

    z: Array
    memory: Memory
    rows: tuple[Row, ...] = ()
    best: Array | None = None
    lowest: Array | None = None

    def with_row(self, row: Row) -> "State":
        """Return the state after the evaluation of its z: the row is appended, and the best z updated per image.

        Raises ValueError if its terms are others than those of the rows before, as those of a checkpoint can be.
        """
        if self.rows and row.keys() != self.rows[-1].keys():
            raise ValueError(f"the terms are {', '.join(row)}, those of the steps before {', '.join(self.rows[-1])}")
        rows, total = (*self.rows, row), sum(row.values())
        if self.best is None or self.lowest is None:
            return replace(self, rows=rows, best=self.z, lowest=total)
        better = total < self.lowest
        if better.all():
            return replace(self, rows=rows, best=self.z, lowest=total)
        xp = array_module(self.z)
        chosen = xp.asarray(better).reshape(-1, *(1,) * (self.z.ndim - 1))
        best = xp.where(chosen, self.z, self.best)
        return replace(self, rows=rows, best=best, lowest=np.minimum(total, self.lowest))

    @property
    def steps(self) -> int:
        """The number of finished steps; the start is evaluated without one."""
        return max(0, len(self.rows) - 1)
