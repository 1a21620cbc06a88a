"""Objective of a reconstruction: a sum of weighted terms, each of the image or of its code.

    z  --parametrisation-->  x  --transforms-->  x'  --network-->  codes
                             |                                       |
                             regularisers of x                       terms of codes

The gradient in z is backpropagated along the same arrows, by the adjoint of each.
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
from refvis.layers.graph.not_finite import NotFiniteError, finite_signals, finite_trace

CHECKED = 1
"""The step in which each layer's values are checked. The later ones are checked by the terms alone, which is faster."""

Adjoint: TypeAlias = Callable[[Array], Array]
"""Signal at an output -> signal at the input."""

Map: TypeAlias = Callable[[Array], tuple[Array, Adjoint]]
"""Input -> output, and the adjoint of the derivative there."""


class Transform(Protocol):
    """A random change of the image before the network sees it, linear and of the same shape."""

    def draw(self, rng: np.random.Generator) -> Map:
        """Return a random change, the same for every image of a batch."""
        ...


@dataclass(frozen=True)
class Term:
    """A term of the objective: a weighted measure of a code or of the image.

    Parameters:

        name      the name in the history
        measure   a function of values (N x H x W x C) that returns N numbers and their gradient
        weight    the factor; a negative weight maximises the measure. Default: 1
        at        the measured variable. Default: None, the image itself

    >>> import refvis
    >>> from refvis.input_reconstruction.objective import Term
    >>> from refvis.input_reconstruction.objective.measures import energy
    >>> Term("energy", energy, weight=-1.0, at=refvis.load("scenes").variable("relu3")).at
    'x10'
    """

    name: str
    measure: Measure
    weight: float = 1.0
    at: str | None = None


@dataclass(frozen=True)
class Objective:
    """The sum of the terms as a function of z.

    It is called with z (N x ...) and the number of a step. It returns each term's weighted value (N) by name, and the
    gradient of their sum (shape of z). The transforms depend on the seed and the step's number only.

    Parameters:

        net               a network that computes all measured variables, such as that of `reaching`
        terms             terms of codes and of the image
        parametrisation   the image as a function of z
        transforms        random changes of the image before the network sees it. Default: none
        seed              seed of the transforms. Default: 0
        mode              rules of the backward pass. Default: gradients

    Raises ValueError for terms of equal names, and for a measure that is bound to an array with NaN. In step 1, it
    raises NotFiniteError where a layer makes values that are NaN or infinite, forward or back.

    >>> import numpy as np, refvis
    >>> from refvis.input_reconstruction.image.parametrisations import Pixels
    >>> from refvis.input_reconstruction.objective import Objective, Term
    >>> from refvis.input_reconstruction.objective.measures import energy
    >>> net = refvis.chain({"double": refvis.layers.Conv(np.full((1, 1, 1, 1), 2.0))})
    >>> objective = Objective(net, (Term("energy", energy, at=net.variable("double")),), Pixels())
    >>> objective(np.ones((1, 1, 1, 1)), 1)
    ({'energy': array([2.])}, array([[[[4.]]]]))
    """

    net: Graph
    terms: tuple[Term, ...]
    parametrisation: Map
    transforms: tuple[Transform, ...] = ()
    seed: int = 0
    mode: modes.Mode = field(default_factory=lambda: modes.GRADIENT)

    def __post_init__(self) -> None:
        """Check that names are unique, since the history is by name, and that no measure holds an array with NaN."""
        names = [term.name for term in self.terms]
        if len(set(names)) < len(names):
            raise ValueError(f"several terms have the same name: {', '.join(names)}; give each its own name")
        for term in self.terms:
            for name, value in getattr(term.measure, "keywords", {}).items():
                if getattr(value, "ndim", 0):
                    require_finite(value, f"the {name} of the term {term.name!r}")

    def __call__(self, z: Array, step: int) -> tuple[dict[str, Array], Array]:
        """Return the terms' values and the gradient."""
        x, to_z = self.parametrisation(z)
        values, signal = _sum_terms([term for term in self.terms if term.at is None], {None: x})
        seen, adjoints = self.transform(x, step)
        of_codes, gradient = self._terms_of_codes(seen, step)
        for adjoint in reversed(adjoints):
            gradient = adjoint(gradient)
        values |= of_codes
        total = gradient + signal[None] if None in signal else gradient
        return {term.name: values[term.name] for term in self.terms}, to_z(total)

    def layer_not_finite(self, z: Array) -> str:
        """Return which layer makes values that are NaN or infinite at a finite z (N x ...); "" if none does."""
        try:
            self(z, CHECKED)
        except NotFiniteError as error:
            return str(error)
        return ""

    def transform(self, x: Array, step: int) -> tuple[Array, list[Adjoint]]:
        """Return the image after the transforms of this step, and their adjoints."""
        if not self.transforms:
            return x, []
        rng, adjoints = np.random.default_rng([self.seed, step]), []
        for transform in self.transforms:
            x, adjoint = transform.draw(rng)(x)
            adjoints.append(adjoint)
        return x, adjoints

    def _terms_of_codes(self, x: Array, step: int) -> tuple[dict[str, Array], Array]:
        """Return the terms of codes, and the gradient at the network's input.

        If the images do not fit into the memory limit together, only their codes are kept, and each part passes the
        network a second time for its gradient.
        """
        terms = [term for term in self.terms if term.at is not None]
        if not terms:
            return {}, 0 * x
        names = {term.at for term in terms if term.at is not None}
        parts = self._parts(x)
        trace = self._trace(x, step) if len(parts) == 1 else None
        codes = [self._codes(x[part], names, step) for part in parts] if trace is None else [trace]
        values, signals = _sum_terms(terms, {name: _concatenate([one[name] for one in codes]) for name in names})
        seeds = {name: signal for name, signal in signals.items() if name is not None}
        if trace is not None:
            return values, self._backpropagate(trace, seeds, step)
        parts_seeds = ({name: signal[part] for name, signal in seeds.items()} for part in parts)
        pairs = zip(parts, parts_seeds, strict=True)
        return values, _concatenate([self._backpropagate(self._trace(x[part], step), own, step) for part, own in pairs])

    def _codes(self, x: Array, names: set[str], step: int) -> Mapping[str, Array]:
        trace = self._trace(x, step)
        return {name: trace[name] for name in names}

    def _trace(self, x: Array, step: int) -> Trace:
        return finite_trace(self.net, x) if step == CHECKED else self.net.forward(x)

    def _backpropagate(self, trace: Trace, seeds: dict[str, Array], step: int) -> Array:
        end = self.net.inputs[0]
        if step == CHECKED:
            return finite_signals(self.net, trace, seeds, self.mode, end)[end]
        return self.net.backward(trace, seeds, self.mode)[end]

    def _parts(self, x: Array) -> list[slice]:
        """Return parts of the batch whose variables and signals fit into the memory limit."""
        shapes = self.net.shapes(**{self.net.inputs[0]: (1, *x.shape[1:])})
        most = count_at_once(2 * x.dtype.itemsize * sum(map(prod, shapes.values())))
        return [slice(first, first + most) for first in range(0, len(x), most)]


def _concatenate(parts: list[Array]) -> Array:
    return parts[0] if len(parts) == 1 else array_module(*parts).concatenate(parts)


def _sum_terms(terms: list[Term], arrays: dict[str | None, Array]) -> tuple[dict[str, Array], dict[str | None, Array]]:
    """Return each term's weighted value, and for each array the sum of the weighted gradients."""
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
    """Return the network with only the layers that these variables depend on.

    >>> import refvis
    >>> from refvis.input_reconstruction.objective import reaching
    >>> net = refvis.load("scenes")
    >>> [node.name for node in reaching(net, {net.variable("pool1")}).nodes]
    ['conv1', 'relu1', 'pool1']
    """
    kept = {node.name for name in variables for node in net.upto(name).nodes}
    return replace(net, nodes=tuple(node for node in net.nodes if node.name in kept))
