"""Effects of boxes on a target, collected from batches of forward passes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from tqdm import tqdm

from refvis.input_modification.boxes.measures import Measure, apply_measure, unit_maps
from refvis.interruptions import warn_interrupted
from refvis.layers import Array, Trace, array_module, is_exact
from refvis.layers.base.arrays import require_finite
from refvis.layers.incremental import Plan, forward_changes
from refvis.layers.incremental.full_passes import Content
from refvis.layers.incremental.full_passes import forward_changes as recomputed
from refvis.layers.incremental.rectangles import Rectangle
from refvis.targets import Target


@dataclass(frozen=True)
class Passes:
    """Settings of the forward passes: incremental or full, bytes of memory, boxes computed at once."""

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
        """Yield batches of box numbers and the target's variable for each box, B x H x W x C, until all are done."""
        passes = forward_changes if self.incremental else recomputed
        return passes(goal.net, trace, boxes, content, self.memory, self.batch, source)

    def describe(self, goal: Target, trace: Trace, boxes: Sequence[Rectangle], source: str | None = None) -> str:
        """Return in words what part of the network is computed for each box."""
        return Plan(goal.net, trace, boxes, source).words if self.incremental and not is_exact() else "everything"


@dataclass(frozen=True)
class Effects:
    """The effect of each of B boxes on each unit (units x B), and which boxes are `done` (B bools, on the host).

    `noun` names the boxes in messages.
    """

    values: Array
    done: Array
    noun: str = "boxes"

    @property
    def partial(self) -> dict[str, str]:
        """A record's note of how many boxes are done, if an interruption left some out."""
        return {} if self.done.all() else {"partial": f"{int(self.done.sum())} of {self.done.size} {self.noun}"}

    def mean_over_draws(self, draws: int) -> "Effects":
        """Return the mean over each place's draws that are done; boxes are in order of places, then draws."""
        xp = array_module(self.values)
        done = self.done.reshape(-1, draws)
        weights = xp.asarray(done.astype(self.values.dtype))
        sums = (self.values.reshape(len(self.values), -1, draws) * weights).sum(axis=2)
        return Effects(sums / xp.maximum(weights.sum(axis=1), 1), done.any(axis=1))


def collect_effects(
    goal: Target,
    known: Array,
    passes: Iterator[tuple[list[int], Array]],
    count: int,
    measure: Measure,
    title: str,
    progress: bool,
    noun: str = "boxes",
) -> Effects:
    """Return the effects of `count` boxes, given the target's variable for the image, `known`, and for each box.

    Ctrl-C ends the collection early with a warning. If no box is done, KeyboardInterrupt is raised.
    """
    units = range(len(goal.channels))
    maps = [unit_maps(goal, unit, known)[0] for unit in units]
    effects = Effects(array_module(known).zeros((len(units), count), known.dtype), np.zeros(count, bool), noun)
    try:
        with tqdm(total=count, desc=title, unit=f" {noun}", disable=None if progress else True) as bar:
            for numbers, values in passes:
                require_finite(values, f"the output for {noun} {numbers[0]} ... {numbers[-1]}")
                for unit in units:
                    effects.values[unit, numbers] = apply_measure(measure, maps[unit], unit_maps(goal, unit, values))
                effects.done[numbers] = True
                bar.update(len(numbers))
    except KeyboardInterrupt:
        if not effects.done.any():
            raise
        warn_interrupted(title, effects.partial["partial"])
    return effects
