"""Inversion (Mahendran & Vedaldi 2015): an image whose code at a layer resembles a target code."""

from functools import partial
from pathlib import Path
from typing import Any

from refvis.input_reconstruction.image.parametrisations import Parametrisation, decode
from refvis.input_reconstruction.objective.errors import code_measure, reconstruction_errors, require_weights
from refvis.input_reconstruction.objective.objective import Term, Transform
from refvis.input_reconstruction.objective.target_code import TargetCode, target_code
from refvis.input_reconstruction.recipe import PIXELS, SIGMA, Recipe, Run
from refvis.input_reconstruction.solve import given_start, noise, solved
from refvis.layers import Array
from refvis.layers.base.arrays import to_host
from refvis.network import Network, array_digest
from refvis.optimisation.lbfgs import LBFGS
from refvis.optimisation.minimise import Projection
from refvis.optimisation.optimisers import Adam, Optimiser
from refvis.optimisation.regularisers import lp, total_variation
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
    """Return an image x whose code at layer `at` resembles a target code.

    It minimises (Mahendran & Vedaldi 2015)

        |code(x) - code0|^2 / |code0|^2  +  lp_weight * mean |x/sigma|^p  +  tv_weight * mean TV(x/sigma)^beta

    with Adam (Kingma & Ba 2015), from small noise.

    Parameters:

        net              the network
        target_or_x      an input, 1 x H x W x C, whose code is the target; or a code, in the shape that `at` has for
                         the network's input size
        at               layer or variable. Default: the last one before the scores with more than one position
        steps            number of steps
        lp_weight        weight of the L-p term
        tv_weight        weight of the total variation
        p                exponent of the L-p term
        beta             exponent of the total variation
        rate             rate of Adam in units of `sigma`; it falls to zero along half a cosine
        sigma            typical size of an image's values (0 ... 255 minus the average)
        seed             seed of noise and transforms
        progress         show a progress bar on terminals
        error            the first term: "norm", its square root "root", or "pairwise", which divides by the mean
                         squared distance of the codes `others` instead
        others           codes of different images, for "pairwise"
        starts           number of starts, computed in one batch; the best one is `x`
        start            the parametrisation's z. Default: noise
        parametrisation  the image as a function of z. Default: its pixels
        transforms       random changes of the image before each step
        projections      changes of z after each step
        optimiser        another optimiser; `rate` is then ignored
        patience         the run ends after so many steps without gain. Default: it does not end early
        checkpoint       file (.npz) of the state, from which the same call resumes after an interruption

    Returns a `Reconstruction`. Its history has "code" (the first term), "lp" and "tv" (weighted); its measures are the
    named errors of the final code. A run from noise that ends far from the code has `failed`: try another seed, or more
    starts. Ctrl-C returns the best image so far, marked as `partial`.
    Raises ValueError for unknown names, NaN, a code of zeros, a negative weight, or a diverging objective; ShapeError
    for neither an input nor a code of the layer.

    >>> import refvis
    >>> from refvis.scenes import scene
    >>> net = refvis.load("scenes")
    >>> inverse = refvis.inversion(net, net.preprocess(scene(7).image), at="relu3", steps=20)
    >>> inverse.x.shape, list(inverse.history), bool(inverse.measures["norm"] < inverse.measures["norm_of_start"])
    ((1, 64, 64, 3), ['code', 'lp', 'tv'], True)
    """
    require_weights(lp_weight=lp_weight, tv_weight=tv_weight)
    goal = target_code(net, target_or_x, at)
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
    return invert_code("inversion", net, goal, recipe, run, error, others, start, options)


def invert_code(
    method: str,
    net: Network,
    goal: TargetCode,
    recipe: Recipe,
    run: Run,
    error: str = "norm",
    others: Array | None = None,
    start: Array | None = None,
    options: dict[str, Any] | None = None,
) -> Reconstruction:
    """Return the inversion of a code by a recipe; its measures are the named errors of the final code.

    From noise, there is also "norm_of_start", the error "norm" of the first start.
    """
    if not goal.code.any():
        raise ValueError(f"the code at {goal.variable!r} is zero everywhere: choose another layer or image")
    term = Term("code", code_measure(goal.code, error, others), recipe.weight, goal.variable)
    if start is None:
        z = noise(net, recipe, run, goal.image, 1, goal.code.dtype.name)
    else:
        z = given_start(start, recipe.parametrisation, goal.image, run.starts)
    made = record(
        method,
        net,
        at=goal.variable,
        code=array_digest(goal.code),
        error=error,
        **(options or {}),
        **recipe.describe(),
        seed=run.seed,
        starts=run.starts,
        start="noise" if start is None else array_digest(start),
    )
    result = solved(net, (term,), recipe, run, z, made)
    errors = reconstruction_errors(_code(net, goal, result.x), goal.code, others)
    if start is None:
        first = _code(net, goal, decode(recipe.parametrisation, z[:1]))
        errors["norm_of_start"] = reconstruction_errors(first, goal.code)["norm"]
    result.measures.update({name: to_host(values) for name, values in errors.items()})
    return result


def _code(net: Network, goal: TargetCode, x: Array) -> Array:
    return net.upto(goal.variable).forward(x)[goal.variable]
