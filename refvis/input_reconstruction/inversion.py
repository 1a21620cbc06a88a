"""Inversion (Mahendran & Vedaldi 2015): find an image whose code at a layer is a given one."""

from functools import partial
from pathlib import Path
from typing import Any

from refvis.input_reconstruction.image.parametrisations import Parametrisation, decode
from refvis.input_reconstruction.objective.errors import code_measure, reconstruction_errors, require_weights
from refvis.input_reconstruction.objective.objective import Term, Transform
from refvis.optimisation.regularisers import lp, total_variation
from refvis.input_reconstruction.objective.target_code import Wanted, digest, wanted
from refvis.input_reconstruction.recipe import PIXELS, SIGMA, Recipe, Run
from refvis.input_reconstruction.solve import given, noise, solved
from refvis.layers import Array
from refvis.layers.base.arrays import moved
from refvis.network import Network
from refvis.optimisation.lbfgs import LBFGS
from refvis.optimisation.minimise import Projection
from refvis.optimisation.optimisers import Adam, Optimiser
from refvis.results import Reconstruction, record


def inversion(
    net: Network,
    target_or_x: Array,
    at: str | None = None,
    steps: int = 200,
    lp_weight: float = 1e-2,
    tv_weight: float = 1.0,
    p: float = 6.0,
    beta: float = 2.0,
    rate: float = 0.05,
    sigma: float = SIGMA,
    seed: int = 0,
    progress: bool = False,
    *,
    error: str = "norm",
    others: Array | None = None,
    starts: int = 1,
    start: Array | None = None,
    parametrisation: Parametrisation = PIXELS,
    transforms: tuple[Transform, ...] = (),
    projections: tuple[Projection, ...] = (),
    optimiser: Optimiser | LBFGS | None = None,
    patience: int | None = None,
    checkpoint: str | Path | None = None,
) -> Reconstruction:
    """Return an image x whose code at layer `at` resembles a given code.

    It minimises

        |code(x) - code0|^2 / |code0|^2  +  lp_weight * mean |x/sigma|^p  +  tv_weight * mean TV(x/sigma)^beta

    `target_or_x` is an input (1 x H x W x C), whose code is taken, or a code in the shape that `at` has for the
    network's input size. `at` names a layer or variable (None: the last that still has positions). `steps` steps of
    Adam (Kingma & Ba 2015), of `rate` in units of `sigma`, falling to zero along half a cosine, start from small noise
    (`seed`), or from `start`, the parametrisation's z. The history has "code" (the first term), "lp" and "tv"
    (weighted). `error` "root" takes the first term's square root, "pairwise" divides by the mean squared distance of
    the codes `others` instead. Of several `starts`, computed together, the best is `x`. `patience` steps without gain
    end the run. A search from noise that ends far from the code has `failed`: try another seed, or more starts.
    `checkpoint` (.npz) keeps the state: the same call, made again after an interruption, goes on from it.
    Ctrl-C returns the best image so far, marked as `partial`.
    Raises ValueError for a name that the network lacks, NaN, a code that is zero, a negative weight, or an objective
    that becomes NaN; ShapeError for what is neither an input nor a code at the layer.
    """
    require_weights(lp_weight=lp_weight, tv_weight=tv_weight)
    goal = wanted(net, target_or_x, at)
    recipe = Recipe(
        (
            Term("lp", partial(lp, p=p, sigma=sigma), lp_weight),
            Term("tv", partial(total_variation, beta=beta, sigma=sigma), tv_weight),
        ),
        parametrisation,
        transforms,
        projections,
        Adam(rate * sigma) if optimiser is None else optimiser,
        steps,
        noise=0.05 * sigma,
    )
    run = Run(seed, starts, patience, checkpoint, progress)
    options = {"lp_weight": lp_weight, "tv_weight": tv_weight, "p": p, "beta": beta, "rate": rate, "sigma": sigma}
    return inverted("inversion", net, goal, recipe, run, error, others, start, options)


def inverted(
    method: str,
    net: Network,
    goal: Wanted,
    recipe: Recipe,
    run: Run,
    error: str = "norm",
    others: Array | None = None,
    start: Array | None = None,
    options: dict[str, Any] | None = None,
) -> Reconstruction:
    """Return the inversion of a code by a recipe; its measures are the named errors of the final code.

    From noise, it has "norm_of_start", too: that error of the first start.
    """
    if not goal.code.any():
        raise ValueError(f"the code at {goal.variable!r} is zero everywhere: nothing can be found from it")
    term = Term("code", code_measure(goal.code, error, others), recipe.weight, goal.variable)
    if start is None:
        z = noise(net, recipe, run, goal.image, 1, goal.code.dtype.name)
    else:
        z = given(start, recipe.parametrisation, goal.image, run.starts)
    made = record(
        method,
        net,
        at=goal.variable,
        code=digest(goal.code),
        error=error,
        **(options or {}),
        **recipe.described(),
        seed=run.seed,
        starts=run.starts,
        start="noise" if start is None else digest(start),
    )
    found = solved(net, (term,), recipe, run, z, made)
    errors = reconstruction_errors(_code(net, goal, found.x), goal.code, others)
    if start is None:
        begun = _code(net, goal, decode(recipe.parametrisation, z[:1]))
        errors["norm_of_start"] = reconstruction_errors(begun, goal.code)["norm"]
    found.measures.update({name: moved(values, "numpy") for name, values in errors.items()})
    return found


def _code(net: Network, goal: Wanted, x: Array) -> Array:
    return net.upto(goal.variable).forward(x)[goal.variable]
