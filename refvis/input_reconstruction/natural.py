"""Natural pre-images and caricatures (Mahendran & Vedaldi 2016): inversion and exaggeration of a code."""

from dataclasses import replace
from functools import partial
from pathlib import Path

from refvis.input_reconstruction.activation_maximization import field_stride
from refvis.input_reconstruction.inversion import invert_code
from refvis.input_reconstruction.objective.errors import require_weights
from refvis.input_reconstruction.objective.measures import inner_product
from refvis.input_reconstruction.objective.objective import Term
from refvis.input_reconstruction.objective.target_code import target_code
from refvis.input_reconstruction.presets import mahendran2016
from refvis.input_reconstruction.recipe import Recipe, Run
from refvis.input_reconstruction.solve import given_start, solved
from refvis.layers import Array, array_module
from refvis.layers.base.arrays import to_host
from refvis.network import Network, array_digest
from refvis.results import Reconstruction, record


def natural_preimage(
    net: Network,
    target_or_x: Array,
    at: str | None = None,
    weight: float = 300.0,
    recipe: Recipe | None = None,
    *,
    steps: int | None = None,
    starts: int = 1,
    seed: int = 0,
    patience: int | None = None,
    checkpoint: str | Path | None = None,
    progress: bool = False,
) -> Reconstruction:
    """Return a natural image whose code resembles a target code.

    It minimises (Mahendran & Vedaldi 2016), with their regularisers, bound and jitter (`mahendran2016`),

        weight * |code(x) - code0|^2 / |code0|^2  +  regularisers

    Parameters:

        net          the network
        target_or_x  an input or a code, as in `inversion`
        at           layer or variable. Default: the last one before the scores with more than one position
        weight       weight of the code; their program tries 1, 20, 100 and 300, more for shallower layers
        recipe       another recipe; its own weight is ignored. Default: `mahendran2016`
        steps        number of steps. Default: that of the recipe
        starts, seed, patience, checkpoint, progress   as in `inversion`

    Returns and raises what `inversion` does.

    >>> import refvis
    >>> from refvis.scenes import scene
    >>> net = refvis.load("scenes")
    >>> image = refvis.natural_preimage(net, net.preprocess(scene(7).image), at="relu3", steps=2)
    >>> list(image.history)
    ['code', 'alpha', 'tv']
    """
    goal = target_code(net, target_or_x, at)
    used = _recipe(net, goal.variable, recipe, weight, steps)
    run = Run(seed, starts, patience, checkpoint, progress)
    return invert_code("natural pre-image", net, goal, used, run)


def caricature(
    net: Network,
    x: Array,
    at: str | None = None,
    weight: float = 20.0,
    recipe: Recipe | None = None,
    *,
    steps: int | None = None,
    seed: int = 0,
    patience: int | None = None,
    checkpoint: str | Path | None = None,
    progress: bool = False,
) -> Reconstruction:
    """Return image `x` with the features of its code exaggerated, starting from the image itself.

    It maximises (Mahendran & Vedaldi 2016), with code0+ the positive part of the image's own code,

        weight * <code(x), code0+> / |code0+|^2  -  regularisers of `natural_preimage`

    Parameters:

        net       the network
        x         one image, 1 x H x W x C
        at        layer or variable. Default: the last one before the scores with more than one position
        weight    weight of the code
        recipe    another recipe; its own weight is ignored. Default: `mahendran2016`
        steps     number of steps. Default: that of the recipe
        seed, patience, checkpoint, progress   as in `inversion`

    Returns a `Reconstruction`; its measure "gain" is the final quotient, which is 1 for an image whose code is
    code0 >= 0. Raises ValueError for a code instead of an image, or a code without positive values.

    >>> import refvis
    >>> from refvis.scenes import scene
    >>> net = refvis.load("scenes")
    >>> image = refvis.caricature(net, net.preprocess(scene(7).image), at="relu3", steps=2)
    >>> bool(image.measures["gain"] > 1)
    True
    """
    goal = target_code(net, x, at)
    if goal.image != x.shape[1:]:
        raise ValueError("a caricature needs an image, and x is a code: give the image, 1 x H x W x C")
    positive = array_module(goal.code).maximum(goal.code, 0)
    squared = float((positive * positive).sum())
    if squared == 0:
        raise ValueError(f"the code at {goal.variable!r} has no positive value to exaggerate: choose another layer")
    used = _recipe(net, goal.variable, recipe, weight, steps)
    measure = partial(inner_product, direction=positive / squared)
    run = Run(seed, 1, patience, checkpoint, progress)
    z = given_start(x, used.parametrisation, goal.image, 1)
    made = record("caricature", net, at=goal.variable, code=array_digest(goal.code), **used.describe(), seed=seed)
    result = solved(net, (Term("gain", measure, -used.weight, goal.variable),), used, run, z, made)
    gain = measure(net.upto(goal.variable).forward(result.x)[goal.variable])[0]
    result.measures["gain"] = to_host(gain)
    return result


def _recipe(net: Network, variable: str, recipe: Recipe | None, weight: float, steps: int | None) -> Recipe:
    require_weights(weight=weight)
    used = mahendran2016(field_stride(net, variable)) if recipe is None else recipe
    return replace(used, weight=weight, steps=used.steps if steps is None else steps)
