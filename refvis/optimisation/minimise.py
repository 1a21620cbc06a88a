"""The loop: evaluate, note every term, stop or step. It knows neither networks nor images."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Generic, Protocol, TypeAlias, TypeVar

import numpy as np
from tqdm import tqdm

from refvis.layers import Array, array_module
from refvis.layers.base.arrays import require_finite
from refvis.optimisation.checkpoint import Checkpoint
from refvis.optimisation.history import Row, diverged, row, stalled
from refvis.optimisation.optimisers import Memory, Optimiser

Function: TypeAlias = Callable[[Array, int], tuple[dict[str, Array], Array]]
"""z and a step's number -> each term's value per image, and the gradient of their sum."""

By = TypeVar("By")
"""An optimiser that goes step by step, or one that does not."""


class Projection(Protocol):
    """What is done to z after each step."""

    def __call__(self, z: Array, step: int) -> Array:
        """Return the projected z (shape of z), after the step of that number, counted from 1."""
        ...


@dataclass(frozen=True)
class State:
    """All that a run is, between two steps: z, the optimiser's memory, a row of terms for each z so far, the best z."""

    z: Array
    memory: Memory
    rows: tuple[Row, ...] = ()
    best: Array | None = None
    lowest: Array | None = None


@dataclass(frozen=True)
class Loop(Generic[By]):
    """How a run goes: at most so many steps; it ends early where `patience` steps brought no image forward."""

    steps: int
    optimiser: By
    projections: tuple[Projection, ...] = ()
    patience: int | None = None
    checkpoint: Checkpoint | None = None
    progress: bool = False
    title: str = "reconstruction"

    def __post_init__(self) -> None:
        """Check the numbers."""
        if self.steps < 0:
            raise ValueError(f"steps is {self.steps}, expected 0 or more")
        if self.patience is not None and self.patience < 1:
            raise ValueError(f"patience is {self.patience}, expected 1 or more steps, or None")


def minimised(function: Function, z: Array, loop: Loop[Optimiser]) -> tuple[State, str]:
    """Return the last state from start z, and how the run ended: "all steps", "patience" or "interrupted".

    Each z, the last included, has a row of terms. Ctrl-C ends the run with the state of the last whole step; if there
    was none, it goes on to the caller. Raises ValueError where a term becomes NaN or the objective grows.
    """
    require_finite(z, "the start")
    state = State(z, loop.optimiser.fresh(z))
    if loop.checkpoint is not None:
        state = loop.checkpoint.resumed(state)
    shown = tqdm(total=loop.steps, initial=_done(state), desc=loop.title, unit="step", disable=_hidden(loop))
    try:
        while len(state.rows) <= loop.steps:
            state = _stepped(function, state, loop)
            shown.update(len(state.rows) <= loop.steps)
            if loop.patience is not None and stalled(state.rows, loop.patience):
                return state, "patience"
            if loop.checkpoint is not None:
                loop.checkpoint.keep(state)
    except KeyboardInterrupt:
        if not state.rows:
            raise
        if loop.checkpoint is not None:
            loop.checkpoint.write(state)
        return state, "interrupted"
    finally:
        shown.close()
    return state, "all steps"


def _stepped(function: Function, state: State, loop: Loop[Optimiser]) -> State:
    """Return the state with a row for its z, and with the next z unless that was the last."""
    number = len(state.rows) + 1
    terms, gradient = function(state.z, number)
    rows = (*state.rows, row(terms))
    fault = diverged(rows)
    if fault:
        raise ValueError(f"{fault} at step {number}: lower the rate, or the weights")
    state = replace(noted(state, rows[-1]), rows=rows)
    if number > loop.steps:
        return state
    z, memory = loop.optimiser.step(state.z, gradient, state.memory, number, loop.steps)
    for projection in loop.projections:
        z = projection(z, number)
    return replace(state, z=z, memory=memory)


def noted(state: State, terms: Row) -> State:
    """Return the state with the best z so far, image by image."""
    total = sum(terms.values())
    if state.best is None or state.lowest is None:
        return replace(state, best=state.z, lowest=total)
    better = total < state.lowest
    if better.all():
        return replace(state, best=state.z, lowest=total)
    chosen = array_module(state.z).asarray(better).reshape(-1, *(1,) * (state.z.ndim - 1))
    best = array_module(state.z).where(chosen, state.z, state.best)
    return replace(state, best=best, lowest=np.minimum(total, state.lowest))


def _done(state: State) -> int:
    return max(0, len(state.rows) - 1)


def _hidden(loop: Loop[Optimiser]) -> bool | None:
    """Return what tqdm takes for "only on a terminal, if asked for"."""
    return None if loop.progress else True
