"""L-BFGS (Liu & Nocedal 1989), SciPy's: steps that know the curvature, for an objective without randomness.

It computes on the host in double: arrays of a GPU are moved there and back for every evaluation. A batch is one
problem: its images share the length of each step, so that each result depends a little on the others.
"""

from dataclasses import dataclass, replace
from typing import Any

from tqdm import tqdm

from refvis.layers import Array, array_module
from refvis.layers.base.arrays import moved
from refvis.optimisation.history import Row, diverged, row
from refvis.optimisation.minimise import Function, Loop, State, noted

LACKING = {
    "projections": "SciPy chooses each step's length without them",
    "checkpoint": "SciPy keeps what it knows of past steps to itself",
    "patience": "its tolerance ends a run",
}
"""What works step by step, and why it is not to be had here."""


@dataclass(frozen=True)
class LBFGS:
    """Curvature from so many past steps; one that gains less than the share `tolerance` (ftol) ends the run.

    It takes no transforms, projections, checkpoint or patience.
    """

    memory: int = 10
    tolerance: float = 1e-9


def minimised_by_lbfgs(function: Function, z: Array, loop: Loop[LBFGS]) -> tuple[State, str]:
    """Return what `minimised` returns; a run that ends by its tolerance has ended by "patience".

    Raises ValueError for what needs single steps (projections, a checkpoint, patience), and as `minimised` does.
    """
    for name, reason in LACKING.items():
        if getattr(loop, name) not in ((), None):
            raise ValueError(f"L-BFGS takes no {name}, since {reason}: leave it out, or use Momentum, AdaGrad or Adam")
    from scipy.optimize import minimize

    library, evaluated, state = array_module(z).__name__, {}, State(z, {})
    shown = tqdm(total=loop.steps, desc=loop.title, unit="step", disable=None if loop.progress else True)

    def as_z(flat: Array) -> Array:
        return moved(flat.astype(z.dtype.name).reshape(z.shape), library)

    def value(flat: Array) -> tuple[float, Array]:
        terms, gradient = function(as_z(flat), 1)
        evaluated["row"] = row(terms)
        return float(sum(values.sum() for values in evaluated["row"].values())), moved(gradient, "numpy").astype(
            "float64"
        ).ravel()

    def accept(flat: Array) -> None:
        """Note the z of a step; the last one evaluated is the one accepted."""
        nonlocal state
        state = accepted(state, as_z(flat), evaluated["row"])
        shown.update(len(state.rows) > 1)

    start = moved(z, "numpy").astype("float64").ravel()
    value(start)
    accept(start)
    options: dict[str, Any] = {"maxiter": loop.steps, "maxcor": loop.optimiser.memory, "ftol": loop.optimiser.tolerance}
    if not loop.steps:
        return state, "all steps"
    try:
        minimize(value, start, jac=True, method="L-BFGS-B", callback=accept, options=options | {"gtol": 0.0})
    except KeyboardInterrupt:
        return state, "interrupted"
    finally:
        shown.close()
    return state, "all steps" if len(state.rows) > loop.steps else "patience"


def accepted(state: State, z: Array, terms: Row) -> State:
    """Return the state with this z and its row; ValueError where it has diverged."""
    rows = (*state.rows, terms)
    fault = diverged(rows)
    if fault:
        raise ValueError(f"{fault} at step {len(rows)}: lower the weights")
    return replace(noted(replace(state, z=z), terms), rows=rows)
