"""The objective: a sum of weighted terms, each of the image or of the code that the network gives it.

    z  --parametrisation-->  x  --transforms-->  x'  --network-->  codes
                             |                                       |
                             regularisers of x                       terms of codes

Its gradient in z goes back along the same arrows, by the adjoint of each.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from math import prod
from typing import Protocol, TypeAlias

import numpy as np

from refvis.input_reconstruction.objective.measures import Measure
from refvis.layers import Array, Graph, ShapeError, Trace, array_module, modes
from refvis.layers.base.arrays import require_finite
from refvis.layers.base.limits import count_at_once

Adjoint: TypeAlias = Callable[[Array], Array]
"""Signal at an output -> signal at the input."""

Map: TypeAlias = Callable[[Array], tuple[Array, Adjoint]]
"""Input -> output, and the adjoint of the derivative there."""


class Transform(Protocol):
    """A random change of the image before the network sees it, linear and of the same shape."""

    def drawn(self, dice: np.random.Generator) -> Map:
        """Return the change that the dice choose, the same for every image of a batch."""
        ...


@dataclass(frozen=True)
class Term:
    """A summand: `weight` times a measure of variable `at`, or of the image itself (None)."""

    name: str
    measure: Measure
    weight: float = 1.0
    at: str | None = None


@dataclass(frozen=True)
class Objective:
    """The sum of the terms as a function of z.

    `net` reaches what they measure, and goes back by `mode`; `seed` serves the transforms.

    Called with z (N x ...) and the number of a step, it returns each term's weighted value (N) by name, and the
    gradient (shape of z) of their sum. The transforms depend on the seed and the step's number only.
    """

    net: Graph
    terms: tuple[Term, ...]
    parametrisation: Map
    transforms: tuple[Transform, ...] = ()
    seed: int = 0
    mode: modes.Mode = field(default_factory=lambda: modes.GRADIENT)

    def __post_init__(self) -> None:
        """Check the names, by which the history knows the terms, and that no measure holds an array with NaN."""
        names = [term.name for term in self.terms]
        if len(set(names)) < len(names):
            raise ValueError(f"several terms have the same name: {', '.join(names)}")
        for term in self.terms:
            for name, value in getattr(term.measure, "keywords", {}).items():
                if getattr(value, "ndim", 0):
                    require_finite(value, f"the {name} of the term {term.name!r}")

    def __call__(self, z: Array, step: int) -> tuple[dict[str, Array], Array]:
        """Return the terms' values and the gradient."""
        x, to_z = self.parametrisation(z)
        values, signal = _summed([term for term in self.terms if term.at is None], {None: x})
        seen, backs = self.seen(x, step)
        coded, down = self._of_codes(seen)
        for back in reversed(backs):
            down = back(down)
        values |= coded
        total = down + signal[None] if None in signal else down
        return {term.name: values[term.name] for term in self.terms}, to_z(total)

    def seen(self, x: Array, step: int) -> tuple[Array, list[Adjoint]]:
        """Return the image as the transforms of that step show it to the network, and their adjoints."""
        if not self.transforms:
            return x, []
        dice, backs = np.random.default_rng([self.seed, step]), []
        for transform in self.transforms:
            x, back = transform.drawn(dice)(x)
            backs.append(back)
        return x, backs

    def _of_codes(self, x: Array) -> tuple[dict[str, Array], Array]:
        """Return the terms of codes, and the gradient at the network's input.

        Of more images than fit into the memory, codes alone are kept, and each part goes through the network again.
        """
        terms = [term for term in self.terms if term.at is not None]
        if not terms:
            return {}, 0 * x
        names = {term.at for term in terms if term.at is not None}
        parts = self._parts(x)
        trace = self.net.forward(x) if len(parts) == 1 else None
        codes = [self._codes(x[part], names) for part in parts] if trace is None else [trace]
        values, signals = _summed(terms, {name: _joined([one[name] for one in codes]) for name in names})
        seeds = {name: signal for name, signal in signals.items() if name is not None}
        if trace is not None:
            return values, self._down(trace, seeds)
        each = ({name: signal[part] for name, signal in seeds.items()} for part in parts)
        downs = [self._down(self.net.forward(x[part]), own) for part, own in zip(parts, each, strict=True)]
        return values, _joined(downs)

    def _codes(self, x: Array, names: set[str]) -> Mapping[str, Array]:
        trace = self.net.forward(x)
        return {name: trace[name] for name in names}

    def _down(self, trace: Trace, seeds: dict[str, Array]) -> Array:
        return self.net.backward(trace, seeds, self.mode)[self.net.inputs[0]]

    def _parts(self, x: Array) -> list[slice]:
        """Return the images in parts whose variables and signals fit into the memory together."""
        shapes = self.net.shapes(**{self.net.inputs[0]: (1, *x.shape[1:])})
        most = count_at_once(2 * x.dtype.itemsize * sum(map(prod, shapes.values())))
        return [slice(first, first + most) for first in range(0, len(x), most)]


def _joined(parts: list[Array]) -> Array:
    return parts[0] if len(parts) == 1 else array_module(*parts).concatenate(parts)


def _summed(terms: list[Term], arrays: dict[str | None, Array]) -> tuple[dict[str, Array], dict[str | None, Array]]:
    """Return each term's weighted value, and at each array the sum of the weighted gradients."""
    values: dict[str, Array] = {}
    signals: dict[str | None, Array] = {}
    for term in terms:
        try:
            value, gradient = term.measure(arrays[term.at])
        except ShapeError as fault:
            raise ShapeError(f"the term {term.name!r}, of {term.at or 'the image'}: {fault}") from None
        values[term.name] = term.weight * value
        signal = gradient if term.weight == 1 else term.weight * gradient
        signals[term.at] = signals[term.at] + signal if term.at in signals else signal
    return values, signals


def reaching(net: Graph, variables: set[str]) -> Graph:
    """Return the network with only what these variables need."""
    kept = {node.name for name in variables for node in net.upto(name).nodes}
    return replace(net, nodes=tuple(node for node in net.nodes if node.name in kept))
