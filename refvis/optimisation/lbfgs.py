"""L-BFGS (Liu & Nocedal 1989) by SciPy: steps that use curvature, for an objective without randomness.

It computes on the host in float64: arrays of a GPU are moved there and back for each evaluation. A batch is one
problem: its images share the length of each step, so each result depends a little on the others.
"""

from dataclasses import dataclass, replace
from typing import Any

from refvis.layers import Array, array_module
from refvis.layers.base.arrays import moved, to_host
from refvis.optimisation.history import Row, require_convergence, to_row
from refvis.optimisation.minimise import Function, Loop
from refvis.optimisation.state import State

UNSUPPORTED = {
    "projections": "SciPy chooses each step's length without them",
    "checkpoint": "SciPy does not expose what it knows of past steps",
    "patience": "its tolerance ends a run",
}
"""Settings of `Loop` that L-BFGS does not support, and the reason."""


@dataclass(frozen=True)
class LBFGS:
    """L-BFGS with the curvature of the last `memory` steps; a step with a relative gain below `tolerance` ends the run.

    `tolerance` is SciPy's ``ftol``. Transforms, projections, checkpoints and patience are not supported.

    >>> import numpy as np, refvis
    >>> from refvis.optimisation.lbfgs import LBFGS
    >>> net = refvis.chain({"sum": refvis.layers.FullyConnected(np.array([[1.0, 1.0]]))})
    >>> x = np.array([2.0, 0.0]).reshape(1, 1, 1, 2)
    >>> inverse = refvis.inversion(net, x, "sum", lp_weight=0.0, tv_weight=0.0, optimiser=LBFGS())
    >>> bool(inverse.measures["norm"] < 1e-6)
    True
    """

    memory: int = 10
    tolerance: float = 1e-9


def minimised_by_lbfgs(function: Function, z: Array, loop: Loop[LBFGS]) -> tuple[State, str]:
    """Return what `minimised` returns; a run that its tolerance ends has ended by "patience".

    Raises ValueError for projections, a checkpoint or patience, and where `minimised` does.
    """
    for name, reason in UNSUPPORTED.items():
        if getattr(loop, name) not in ((), None):
            raise ValueError(f"L-BFGS takes no {name}, since {reason}: leave it out, or use Momentum, AdaGrad or Adam")
    from scipy.optimize import minimize

    library, evaluated, state = array_module(z).__name__, {}, State(z, {})
    bar = loop.progress_bar()

    def as_z(flat: Array) -> Array:
        return moved(flat.astype(z.dtype.name).reshape(z.shape), library)

    def value(flat: Array) -> tuple[float, Array]:
        terms, gradient = function(as_z(flat), 1)
        row = evaluated["row"] = to_row(terms)
        return float(sum(values.sum() for values in row.values())), to_host(gradient).astype("float64").ravel()

    def accept(flat: Array) -> None:
        """Append a step's row: that of the last evaluation, which is the accepted one."""
        nonlocal state
        state = _with_step(state, as_z(flat), evaluated["row"])
        bar.update(len(state.rows) > 1)

    start = to_host(z).astype("float64").ravel()
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
        bar.close()
    return state, "all steps" if len(state.rows) > loop.steps else "patience"


def _with_step(state: State, z: Array, row: Row) -> State:
    """Return the state with this z and its row; ValueError if it has diverged."""
    state = replace(state, z=z).with_row(row)
    require_convergence(state.rows, z, "lower the weights")
    return state
