"""Recipes: parametrisation, regularisers, transforms and optimiser of a reconstruction; and the settings of a run."""

from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path
from typing import Any

from refvis.input_reconstruction.image.parametrisations import Parametrisation, Pixels
from refvis.input_reconstruction.objective.objective import Term, Transform
from refvis.optimisation.lbfgs import LBFGS
from refvis.optimisation.minimise import Projection
from refvis.optimisation.optimisers import Adam, Optimiser
from refvis.optimisation.requirements import require, require_amount

SIGMA = 80.0
"""Typical size of an image's values (0 ... 255 minus the average), after Mahendran & Vedaldi."""

PIXELS, ADAM = Pixels(), Adam(0.05 * SIGMA)


@dataclass(frozen=True)
class Recipe:
    """All settings of a reconstruction except its objective on the network; `dataclasses.replace` makes variants.

    Parameters:

        regularisers      terms of the image, each with its weight. Default: none
        parametrisation   the image as a function of the optimised z. Default: its pixels
        transforms        random changes of the image before each step. Default: none
        projections       changes of z after each step. Default: none
        optimiser         a step-by-step optimiser, or `LBFGS`. Default: Adam at a rate of 4, in units of pixel values
        steps             the largest number of steps. Default: 200
        weight            weight of the objective on the network, relative to the regularisers. Default: 1
        noise             standard deviation of the initial z. Default: 4

    Raises ValueError for a negative noise, for a regulariser of a code, for regularisers, transforms and projections
    that are not tuples, and for transforms with `LBFGS`.

    >>> from refvis.input_reconstruction import Recipe
    >>> from refvis.input_reconstruction.image.transforms import Jitter
    >>> recipe = Recipe(transforms=(Jitter(4),), steps=50)
    >>> recipe.describe()["transforms"]
    '(Jitter(pixels=4),)'
    """

    regularisers: tuple[Term, ...] = ()
    parametrisation: Parametrisation = PIXELS
    transforms: tuple[Transform, ...] = ()
    projections: tuple[Projection, ...] = ()
    optimiser: Optimiser | LBFGS = ADAM
    steps: int = 200
    weight: float = 1.0
    noise: float = 0.05 * SIGMA

    def __post_init__(self) -> None:
        """Check numbers, tuples, and combinations that are not possible."""
        require_amount("noise", self.noise)
        for name, what in (("regularisers", "terms"), ("transforms", "transforms"), ("projections", "projections")):
            value = getattr(self, name)
            require(isinstance(value, tuple | list), name, type(value).__name__, f"a tuple of {what}, such as (one,)")
        if isinstance(self.optimiser, LBFGS) and self.transforms:
            raise ValueError(
                "L-BFGS needs an objective without randomness: leave transforms out, or use Momentum, AdaGrad or Adam"
            )
        for term in self.regularisers:
            if term.at is not None:
                raise ValueError(
                    f"the regulariser {term.name!r} is of {term.at!r}, expected one of the image (at=None)"
                )

    def describe(self) -> dict[str, Any]:
        """Return the recipe as numbers and texts, for a record."""
        settings = {one.name: getattr(self, one.name) for one in fields(self)}
        plain = {name: value if isinstance(value, int | float) else repr(value) for name, value in settings.items()}
        return plain | {"regularisers": " + ".join(map(_describe_term, self.regularisers)) or "none"}


@dataclass(frozen=True)
class Run:
    """Settings of a run.

    Parameters:

        seed         seed of the initial noise and of the transforms. Default: 0
        starts       number of starts for each image; the best one is kept. Default: 1
        patience     the run ends after so many steps without gain. Default: it does not end early
        checkpoint   file (.npz) of the state, to resume from. Default: none
        progress     show a progress bar on terminals. Default: no

    Raises ValueError for fewer than one start.

    >>> from refvis.input_reconstruction.recipe import Run
    >>> Run(seed=1, starts=3).starts
    3
    """

    seed: int = 0
    starts: int = 1
    patience: int | None = None
    checkpoint: str | Path | None = None
    progress: bool = False

    def __post_init__(self) -> None:
        """Check the number of starts."""
        if self.starts < 1:
            raise ValueError(f"starts is {self.starts}, expected 1 or more")


def _describe_term(term: Term) -> str:
    """Return a term as text: its weight, and its measure with the numbers that are bound to it."""
    measure = term.measure
    if isinstance(measure, partial):
        options = ", ".join(
            f"{name}={value!r}" for name, value in measure.keywords.items() if not hasattr(value, "ndim")
        )
        return f"{term.weight:g} {measure.func.__name__}({options})"
    return f"{term.weight:g} {getattr(measure, '__name__', repr(measure))}"
