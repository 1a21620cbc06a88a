"""Natural pre-images and caricatures (Mahendran & Vedaldi 2016): inversion and enhancement with their regularisers."""

from dataclasses import replace
from functools import partial
from pathlib import Path

from refvis.input_reconstruction.activation_maximization import field_stride
from refvis.input_reconstruction.inversion import inverted
from refvis.input_reconstruction.objective.errors import require_weights
from refvis.input_reconstruction.objective.measures import inner_product
from refvis.input_reconstruction.objective.objective import Term
from refvis.input_reconstruction.objective.target_code import digest, wanted
from refvis.input_reconstruction.presets import mahendran2016
from refvis.input_reconstruction.recipe import Recipe, Run
from refvis.input_reconstruction.solve import given, solved
from refvis.layers import Array, array_module
from refvis.layers.base.arrays import moved
from refvis.network import Network
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
    """Return an image whose code resembles a given one, among natural images: the inversion of 2016.

    It minimises, with the regularisers, bound and jitter of `mahendran2016`,

        weight * |code(x) - code0|^2 / |code0|^2  +  regularisers

    Their code tries the weights 1, 20, 100 and 300: the shallower the layer, the more. `recipe` (None: theirs) is taken
    without its own weight. All else as in `inversion`.
    """
    goal = wanted(net, target_or_x, at)
    used = _recipe(net, goal.variable, recipe, weight, steps)
    run = Run(seed, starts, patience, checkpoint, progress)
    return inverted("natural pre-image", net, goal, used, run)


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
    """Return image `x` (1 x H x W x C) with what its code consists of exaggerated, starting from the image itself.

    It maximises, with code0+ the positive part of the image's own code,

        weight * <code(x), code0+> / |code0+|^2  -  regularisers of `natural_preimage`

    The measure "gain" is that quotient at the end; it is 1 for an image whose code is code0 >= 0.
    """
    goal = wanted(net, x, at)
    if goal.image != x.shape[1:]:
        raise ValueError("a caricature is of an image, and a code was given: give the image, 1 x H x W x C")
    kept = array_module(goal.code).maximum(goal.code, 0)
    squared = float((kept * kept).sum())
    if squared == 0:
        raise ValueError(f"the code at {goal.variable!r} is nowhere positive: there is nothing to exaggerate")
    used = _recipe(net, goal.variable, recipe, weight, steps)
    measure = partial(inner_product, direction=kept / squared)
    run = Run(seed, 1, patience, checkpoint, progress)
    z = given(x, used.parametrisation, goal.image, 1)
    made = record("caricature", net, at=goal.variable, code=digest(goal.code), **used.described(), seed=seed)
    found = solved(net, (Term("gain", measure, -used.weight, goal.variable),), used, run, z, made)
    gain = measure(net.upto(goal.variable).forward(found.x)[goal.variable])[0]
    found.measures["gain"] = moved(gain, "numpy")
    return found


def _recipe(net: Network, variable: str, recipe: Recipe | None, weight: float, steps: int | None) -> Recipe:
    require_weights(weight=weight)
    used = mahendran2016(field_stride(net, variable)) if recipe is None else recipe
    return replace(used, weight=weight, steps=used.steps if steps is None else steps)
