"""Solver: from a recipe and terms of codes to a `Reconstruction`, with the best start of each image."""

from pathlib import Path
from typing import Any

import numpy as np

from refvis.input_reconstruction.image.parametrisations import Parametrisation, decode
from refvis.input_reconstruction.image.sheet import to_picture
from refvis.input_reconstruction.objective.objective import Objective, Term, reaching
from refvis.input_reconstruction.recipe import SIGMA, Recipe, Run
from refvis.interruptions import warn_interrupted
from refvis.layers import Array, ShapeError, array_module, modes
from refvis.layers.base.arrays import is_finite, moved, require_finite
from refvis.layers.operators import is_per_image
from refvis.network import Network
from refvis.optimisation.checkpoint import Checkpoint
from refvis.optimisation.history import DivergenceError, histories, totals
from refvis.optimisation.lbfgs import LBFGS, minimised_by_lbfgs
from refvis.optimisation.minimise import Loop, minimised
from refvis.optimisation.state import State
from refvis.results import Reconstruction, Record
from refvis.warn import warn_caller


def warn_of_pixel_units(net: Network, recipe: Recipe) -> None:
    """Warn if a recipe has the defaults for pixel values, and the network's inputs have other units."""
    if net.preparation.is_scaled and recipe.noise == Recipe.noise:
        unit = float(np.mean(net.preparation.unit))
        warn_caller(
            f"the network's inputs are scaled: one pixel value is {unit:.3g} there, but the defaults of the search "
            f"(sigma, rate, noise, bounds) are for pixel values; inversion takes sigma={SIGMA * unit:.3g}, "
            "activation_maximization a Recipe"
        )


def solved(
    net: Network,
    terms: tuple[Term, ...],
    recipe: Recipe,
    run: Run,
    z: Array,
    made: Record,
    mode: modes.Mode = modes.GRADIENT,
) -> Reconstruction:
    """Run a recipe from z and return the result.

    Parameters:

        net      the network
        terms    terms of codes, with a value for each row of z
        recipe   the other settings
        run      seed, starts, patience and checkpoint
        z        the start, `run.starts` rows for each image, as from `noise`
        made     the record of the result
        mode     rules of the backward pass. Default: gradients

    Raises ValueError for several rows if layers mix the images of a batch, and where `minimised` does.

    >>> import numpy as np, refvis
    >>> from refvis.input_reconstruction import Recipe
    >>> from refvis.input_reconstruction.objective import Term
    >>> from refvis.input_reconstruction.objective.measures import energy
    >>> from refvis.input_reconstruction.recipe import Run
    >>> from refvis.input_reconstruction.solve import noise, solved
    >>> from refvis.results import record
    >>> net, recipe, run = refvis.load("scenes"), Recipe(steps=2), Run(seed=0)
    >>> z = noise(net, recipe, run, image=(64, 64, 3), images=1, dtype="float32")
    >>> terms = (Term("energy", energy, -1.0, at=net.variable("relu1")),)
    >>> solved(net, terms, recipe, run, z, record("more of relu1", net)).history["energy"].shape
    (3,)
    """
    warn_of_pixel_units(net, recipe)
    cut = reaching(net, {term.at for term in terms if term.at is not None})
    mixing = [node.name for node in cut.nodes if not is_per_image(node.layer)]
    if len(z) > 1 and mixing:
        raise ValueError(f"layer {mixing[0]!r} mixes the images of a batch: look for one image, from one start")
    objective = Objective(
        cut, (*terms, *recipe.regularisers), recipe.parametrisation, recipe.transforms, run.seed, mode
    )
    checkpoint = None if run.checkpoint is None else Checkpoint(Path(run.checkpoint), made.flat())
    options: dict[str, Any] = {"patience": run.patience, "checkpoint": checkpoint, "progress": run.progress}
    options |= {"projections": recipe.projections, "title": made.method}
    try:
        if isinstance(recipe.optimiser, LBFGS):
            state, ended = minimised_by_lbfgs(objective, z, Loop(recipe.steps, recipe.optimiser, **options))
        else:
            state, ended = minimised(objective, z, Loop(recipe.steps, recipe.optimiser, **options))
    except DivergenceError as error:
        where = objective.layer_not_finite(error.z) if is_finite(error.z) else ""
        raise ValueError(f"{error}; {where}" if where else str(error)) from error
    if ended == "interrupted":
        warn_interrupted(made.method, f"{state.steps} of {recipe.steps} steps")
    elif checkpoint is not None:
        checkpoint.remove()
    return _result(net, state, ended, recipe.parametrisation, run.starts, made)


def noise(net: Network, recipe: Recipe, run: Run, image: tuple[int, ...], images: int, dtype: Any) -> Array:
    """Return an initial z of normal noise: `run.starts` rows for each of `images`, the same for each image.

    Start number s does not depend on the number of starts.

    Parameters:

        net      the network, for its array library
        recipe   its parametrisation gives the shape, its `noise` the standard deviation
        run      its seed and starts
        image    shape of an image, H x W x C
        images   number of images
        dtype    "float32" or "float64"

    >>> import refvis
    >>> from refvis.input_reconstruction import Recipe
    >>> from refvis.input_reconstruction.recipe import Run
    >>> from refvis.input_reconstruction.solve import noise
    >>> noise(refvis.load("scenes"), Recipe(), Run(starts=2), image=(64, 64, 3), images=3, dtype="float32").shape
    (6, 64, 64, 3)
    """
    shape = recipe.parametrisation.shape(image)
    drawn = np.random.default_rng(run.seed).standard_normal((run.starts, *shape)).astype(dtype)
    return moved(np.tile(drawn * drawn.dtype.type(recipe.noise), (images, *(1,) * len(shape))), net.library)


def given_start(z: Array, parametrisation: Parametrisation, image: tuple[int, ...], rows: int) -> Array:
    """Return the caller's start z (1 or `rows` rows) as `rows` rows; ShapeError for any other shape."""
    require_finite(z, "the start")
    shape = parametrisation.shape(image)
    if z.shape[1:] != shape or len(z) not in (1, rows):
        either = "" if rows == 1 else f"{(rows, *shape)} or "
        raise ShapeError(f"the start has shape {z.shape}, expected {either}{(1, *shape)}")
    return array_module(z).broadcast_to(z, (rows, *shape))


def _result(
    net: Network, state: State, ended: str, parametrisation: Parametrisation, starts: int, made: Record
) -> Reconstruction:
    """Return the result of a state: for each image its starts in order of their objective, the best one as `x`."""
    values = totals(state.rows)[-1]
    z, terms = state.z, histories(state.rows)
    if ended == "interrupted" and state.best is not None and state.lowest is not None:
        z, values = state.best, state.lowest
    x = decode(parametrisation, z)
    order = np.argsort(values.reshape(-1, starts), axis=1, kind="stable")
    rows = order + np.arange(len(order))[:, None] * starts
    best = rows[:, 0]
    history = {name: term[:, best[0]] if len(best) == 1 else term[:, best] for name, term in terms.items()}
    all_starts = array_module(x).stack([x[array_module(x).asarray(each)] for each in rows])
    first = all_starts[:, 0]
    measures = {"objective": values[rows] if starts > 1 else values[best]}
    return Reconstruction(first, to_picture(net, first[:1]), history, made, measures, all_starts, ended)
