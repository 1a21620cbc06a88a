"""Minimisation loop: evaluate, append the terms to the history, stop or step. It knows neither networks nor images."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Generic, Protocol, TypeAlias, TypeVar

from tqdm import tqdm

from refvis.layers import Array
from refvis.layers.base.arrays import require_finite
from refvis.optimisation.checkpoint import Checkpoint
from refvis.optimisation.history import has_stalled, require_convergence, to_row
from refvis.optimisation.optimisers import Optimiser
from refvis.optimisation.state import State

Function: TypeAlias = Callable[[Array, int], tuple[dict[str, Array], Array]]
"""z and the step's number -> each term's value per image, and the gradient of their sum."""

AnyOptimiser = TypeVar("AnyOptimiser")
"""An `Optimiser`, which steps one at a time, or `LBFGS`, which does not."""


class Projection(Protocol):
    """A change of z after each step, such as a constraint."""

    def __call__(self, z: Array, step: int) -> Array:
        """Return the projected z (shape of z), after the step of that number, counted from 1."""
        ...


@dataclass(frozen=True)
class Loop(Generic[AnyOptimiser]):
    """Settings of a run.

    Parameters:

        steps        the largest number of steps
        optimiser    a step-by-step optimiser, or `LBFGS`
        projections  functions of (z, step) that change z after each step. Default: none
        patience     the run ends after so many steps without gain for any image. Default: it does not end early
        checkpoint   file of the state, to resume from. Default: none
        progress     show a progress bar on terminals. Default: no
        title        title of the progress bar

    Raises ValueError for a negative number of steps, or a patience below 1.

    >>> from refvis.optimisation.minimise import Loop
    >>> from refvis.optimisation.optimisers import Adam
    >>> Loop(steps=30, optimiser=Adam(4.0), patience=10).patience
    10
    """

    steps: int
    optimiser: AnyOptimiser
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

    def progress_bar(self, done: int = 0) -> Any:
        """Return the progress bar with `done` steps finished; without `progress`, and off terminals, it is hidden."""
        disable = None if self.progress else True
        return tqdm(total=self.steps, initial=done, desc=self.title, unit="step", disable=disable)


def minimised(function: Function, z: Array, loop: Loop[Optimiser]) -> tuple[State, str]:
    """Minimise a function of z, image by image; return the last state, and "all steps", "patience" or "interrupted".

    `function` maps z (N x ...) and the step's number, counted from 1, to each term's value per image (N) and the
    gradient of their sum (shape of z). Each z, including the last, has a row of terms. Ctrl-C ends the run with the
    state of the last finished step; before the first evaluation, KeyboardInterrupt propagates. Raises ValueError if z
    or a term is not finite, or the objective diverges.

    >>> import numpy as np
    >>> from refvis.optimisation.minimise import Loop, minimised
    >>> from refvis.optimisation.optimisers import Momentum
    >>> def bowl(z, step):
    ...     return {"square": (z * z).sum(axis=(1, 2, 3))}, 2 * z
    >>> state, ended = minimised(bowl, np.ones((1, 1, 1, 2)), Loop(1, Momentum(0.25)))
    >>> state.z.ravel(), [float(row["square"][0]) for row in state.rows], ended
    (array([0.5, 0.5]), [2.0, 0.5], 'all steps')
    """
    require_finite(z, "the start")
    state = State(z, loop.optimiser.initial_memory(z))
    if loop.checkpoint is not None:
        state = loop.checkpoint.resume(state, loop.steps)
    bar = loop.progress_bar(state.steps)
    try:
        while len(state.rows) <= loop.steps:
            state = _step(function, state, loop)
            bar.update(len(state.rows) <= loop.steps)
            if loop.patience is not None and has_stalled(state.rows, loop.patience):
                return state, "patience"
            if loop.checkpoint is not None:
                loop.checkpoint.write_if_due(state)
    except KeyboardInterrupt:
        if not state.rows:
            raise
        if loop.checkpoint is not None:
            loop.checkpoint.write(state)
        return state, "interrupted"
    finally:
        bar.close()
    return state, "all steps"


def _step(function: Function, state: State, loop: Loop[Optimiser]) -> State:
    """Return the state with a row for its z, and with the next z unless that was the last."""
    number = len(state.rows) + 1
    terms, gradient = function(state.z, number)
    state = state.with_row(to_row(terms))
    require_convergence(state.rows, state.z, "lower the rate, or the weights")
    if number > loop.steps:
        return state
    z, memory = loop.optimiser.step(state.z, gradient, state.memory, number, loop.steps)
    for projection in loop.projections:
        z = projection(z, number)
    return replace(state, z=z, memory=memory)
