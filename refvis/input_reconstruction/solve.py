"""From a recipe and terms of codes to a result: starts, the run, the best start of each image."""

from pathlib import Path
from typing import Any

import numpy as np

from refvis.input_reconstruction.image.parametrisations import Parametrisation, decode
from refvis.input_reconstruction.image.sheet import restored
from refvis.input_reconstruction.objective.objective import Objective, Term, reaching
from refvis.input_reconstruction.recipe import Recipe, Run
from refvis.interruptions import warn_interrupted
from refvis.layers import Array, ShapeError, array_module, modes
from refvis.layers.base.arrays import moved, require_finite
from refvis.layers.operators import is_per_image
from refvis.network import Network
from refvis.optimisation.checkpoint import Checkpoint
from refvis.optimisation.history import histories, totals
from refvis.optimisation.lbfgs import LBFGS, minimised_by_lbfgs
from refvis.optimisation.minimise import Loop, minimised
from refvis.optimisation.state import State
from refvis.results import Reconstruction, Record


def solved(
    net: Network,
    terms: tuple[Term, ...],
    recipe: Recipe,
    run: Run,
    z: Array,
    made: Record,
    mode: modes.Mode = modes.GRADIENT,
) -> Reconstruction:
    """Return what the recipe finds from z (rows: `run.starts` for each image asked for, one after the other).

    `terms` are of codes, with a value for each row; the network goes back by `mode`. Raises ValueError where layers
    mix the images of a batch.
    """
    cut = reaching(net, {term.at for term in terms if term.at is not None})
    mixing = [node.name for node in cut.nodes if not is_per_image(node.layer)]
    if len(z) > 1 and mixing:
        raise ValueError(f"layer {mixing[0]!r} mixes the images of a batch: look for one image, from one start")
    every = (*terms, *recipe.regularisers)
    objective = Objective(cut, every, recipe.parametrisation, recipe.transforms, run.seed, mode)
    kept = None if run.checkpoint is None else Checkpoint(Path(run.checkpoint), repr(sorted(made.flat().items())))
    options: dict[str, Any] = {"patience": run.patience, "checkpoint": kept, "progress": run.progress}
    options |= {"projections": recipe.projections, "title": made.method}
    if isinstance(recipe.optimiser, LBFGS):
        state, ended = minimised_by_lbfgs(objective, z, Loop(recipe.steps, recipe.optimiser, **options))
    else:
        state, ended = minimised(objective, z, Loop(recipe.steps, recipe.optimiser, **options))
    if ended == "interrupted":
        warn_interrupted(made.method, f"{len(state.rows) - 1} of {recipe.steps} steps")
    elif kept is not None:
        kept.remove()
    return _result(net, state, ended, recipe.parametrisation, run.starts, made)


def noise(net: Network, recipe: Recipe, run: Run, image: tuple[int, ...], images: int, dtype: Any) -> Array:
    """Return z to begin with: normal noise, `run.starts` for each of so many images, the same for each of them.

    Start number s is the same however many starts there are.
    """
    shape = recipe.parametrisation.shape(image)
    drawn = np.random.default_rng(run.seed).standard_normal((run.starts, *shape)).astype(dtype)
    return moved(np.tile(drawn * drawn.dtype.type(recipe.noise), (images, *(1,) * len(shape))), net.library)


def given(z: Array, parametrisation: Parametrisation, image: tuple[int, ...], rows: int) -> Array:
    """Return z that was given to begin with (1 or `rows` of them) as rows; ShapeError for another shape."""
    require_finite(z, "the start")
    shape = parametrisation.shape(image)
    if z.shape[1:] != shape or len(z) not in (1, rows):
        either = "" if rows == 1 else f"{(rows, *shape)} or "
        raise ShapeError(f"the start has shape {z.shape}, expected {either}{(1, *shape)}")
    return array_module(z).broadcast_to(z, (rows, *shape))


def _result(
    net: Network, state: State, ended: str, parametrisation: Parametrisation, starts: int, made: Record
) -> Reconstruction:
    values = totals(state.rows)[-1]
    z, terms = state.z, histories(state.rows)
    if ended == "interrupted" and state.best is not None and state.lowest is not None:
        z, values = state.best, state.lowest
    x = decode(parametrisation, z)
    order = np.argsort(values.reshape(-1, starts), axis=1, kind="stable")
    rows = order + np.arange(len(order))[:, None] * starts
    best = rows[:, 0]
    history = {name: found[:, best[0]] if len(best) == 1 else found[:, best] for name, found in terms.items()}
    every = array_module(x).stack([x[array_module(x).asarray(each)] for each in rows])
    first = every[:, 0]
    measures = {"objective": values[rows] if starts > 1 else values[best]}
    return Reconstruction(first, restored(net, first[:1]), history, made, measures, every, ended)
