"""The effects of boxes on what is watched, gathered from batches of passes as they come."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from tqdm import tqdm

from refvis.input_modification.boxes.measures import Measure, measured, watched
from refvis.interruptions import warn_of
from refvis.layers import Array, Trace, array_module, is_exact
from refvis.layers.incremental.full_passes import Content
from refvis.layers.incremental.full_passes import forward_changes as recomputed
from refvis.layers.incremental.plan import Plan, forward_changes
from refvis.layers.incremental.rectangles import Rectangle
from refvis.targets import Target


@dataclass(frozen=True)
class Passes:
    """How the network is run with each box: incrementally or as a whole, in how many bytes, how many boxes at once."""

    incremental: bool
    memory: int
    batch: int

    def __post_init__(self) -> None:
        """Check the numbers."""
        for name in ("memory", "batch"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}, expected 1 or more")

    def run(
        self, goal: Target, trace: Trace, boxes: Sequence[Rectangle], content: Content, source: str | None = None
    ) -> Iterator[tuple[list[int], Array]]:
        """Yield numbers of boxes and the target's variable for each, B x H x W x C, until all had their turn."""
        passes = forward_changes if self.incremental else recomputed
        return passes(goal.net, trace, boxes, content, self.memory, self.batch, source)

    def words(self, goal: Target, trace: Trace, boxes: Sequence[Rectangle], source: str | None = None) -> str:
        """Return in words what of the network is computed for each box."""
        return Plan(goal.net, trace, boxes, source).words if self.incremental and not is_exact() else "everything"


@dataclass(frozen=True)
class Effects:
    """The effect of each of B boxes on each unit (units x B), and which boxes are `done` (B bools, on the host).

    `what` they are, in a word.
    """

    values: Array
    done: Array
    what: str = "boxes"

    @property
    def partial(self) -> dict[str, str]:
        """A record's note of what an interruption left out, if it did."""
        return {} if self.done.all() else {"partial": f"{int(self.done.sum())} of {self.done.size} {self.what}"}

    def averaged(self, draws: int) -> "Effects":
        """Return the mean over each place's draws that are done; boxes are in order of places, then draws."""
        xp = array_module(self.values)
        done = self.done.reshape(-1, draws)
        weights = xp.asarray(done.astype(self.values.dtype))
        sums = (self.values.reshape(len(self.values), -1, draws) * weights).sum(axis=2)
        return Effects(sums / xp.maximum(weights.sum(axis=1), 1), done.any(axis=1))


def gathered(
    goal: Target,
    known: Array,
    passes: Iterator[tuple[list[int], Array]],
    count: int,
    measure: Measure,
    title: str,
    progress: bool,
    what: str = "boxes",
) -> Effects:
    """Return the effects of `count` boxes, given the target's variable for the image, `known`, and for each box.

    An interruption (Ctrl-C) ends it early with a warning, or as ever if no box is done.
    """
    units = range(len(goal.channels))
    maps = [watched(goal, unit, known)[0] for unit in units]
    effects = Effects(array_module(known).zeros((len(units), count), known.dtype), np.zeros(count, bool), what)
    try:
        with tqdm(total=count, desc=title, unit=f" {what}", disable=None if progress else True) as bar:
            for numbers, values in passes:
                for unit in units:
                    effects.values[unit, numbers] = measured(measure, maps[unit], watched(goal, unit, values))
                effects.done[numbers] = True
                bar.update(len(numbers))
    except KeyboardInterrupt:
        if not effects.done.any():
            raise
        warn_of(title, effects.partial["partial"])
    return effects
