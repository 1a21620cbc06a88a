"""How an image is looked for: parametrisation, regularisers, transforms, optimiser; and one run of that."""

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
"""Typical size of an image's values (0 ... 255 less the average), after Mahendran & Vedaldi."""

PIXELS, ADAM = Pixels(), Adam(0.05 * SIGMA)


@dataclass(frozen=True)
class Recipe:
    """Everything but what is asked of the network, as data: `dataclasses.replace` makes another one of it.

    `weight` is that of what is asked for, against the regularisers (terms of the image); `noise` the standard deviation
    of z at the start.
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
        """Check the numbers, that there are several of what there may be several of, and what cannot go together."""
        require_amount("noise", self.noise)
        for name, what in (("regularisers", "terms"), ("transforms", "transforms"), ("projections", "projections")):
            found = getattr(self, name)
            require(isinstance(found, tuple | list), name, type(found).__name__, f"a tuple of {what}, such as (one,)")
        if isinstance(self.optimiser, LBFGS) and self.transforms:
            raise ValueError(
                "L-BFGS needs an objective without randomness: leave transforms out, or use Momentum, AdaGrad or Adam"
            )
        for term in self.regularisers:
            if term.at is not None:
                raise ValueError(
                    f"the regulariser {term.name!r} is of {term.at!r}, expected one of the image (at=None)"
                )

    def described(self) -> dict[str, Any]:
        """Return the recipe as numbers and texts, for a record."""
        found = {one.name: getattr(self, one.name) for one in fields(self)}
        plain = {name: value if isinstance(value, int | float) else repr(value) for name, value in found.items()}
        return plain | {"regularisers": " + ".join(map(described, self.regularisers)) or "none"}


@dataclass(frozen=True)
class Run:
    """One run of a recipe: the seed of all that is random, how many starts, when to stop, where to keep the state."""

    seed: int = 0
    starts: int = 1
    patience: int | None = None
    checkpoint: str | Path | None = None
    progress: bool = False

    def __post_init__(self) -> None:
        """Check the number of starts."""
        if self.starts < 1:
            raise ValueError(f"starts is {self.starts}, expected 1 or more")


def described(term: Term) -> str:
    """Return a term as text: its weight, its measure and that one's numbers."""
    measure = term.measure
    if isinstance(measure, partial):
        options = ", ".join(
            f"{name}={value!r}" for name, value in measure.keywords.items() if not hasattr(value, "ndim")
        )
        return f"{term.weight:g} {measure.func.__name__}({options})"
    return f"{term.weight:g} {getattr(measure, '__name__', repr(measure))}"
