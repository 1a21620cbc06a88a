"""Objective of masks: the level of a score at a changed image, and its gradient there.

The level of a unit is the mean of its map over positions.
"""

from dataclasses import dataclass, replace
from typing import Any, Self

from refvis.layers import Array, Softmax, Trace, array_module, backward, forward
from refvis.layers.graph.not_finite import finite_signals, finite_trace
from refvis.network import Network
from refvis.targets import Target, target
from refvis.units import Selection

OUTPUTS = ("score", "probability")


@dataclass(frozen=True)
class MaskObjective:
    """The level of each unit of `goal`, the target in one image.

    A unit's map is that of the variable's values ("score") or of their softmax over channels ("probability").
    """

    goal: Target
    output: str

    @property
    def units(self) -> int:
        """The number of units."""
        return len(self.goal.channels)

    def levels(self, inputs: Array) -> Array:
        """Return the level of each unit for each of B inputs (B x H x W x C): B x units, in their dtype."""
        values = self._output(finite_trace(self.goal.net, inputs)[self.goal.variable])
        each = [self.unit(k).goal.repeated(len(inputs)).maps(values).mean(axis=(1, 2)) for k in range(self.units)]
        return array_module(inputs).stack(each, axis=1)

    def levels_one_by_one(self, inputs: Array) -> Array:
        """Return the levels with each input in a batch of its own, B x units; some layers mix the images of a batch."""
        return array_module(inputs).concatenate([self.levels(image) for image in inputs[:, None]])

    def choices(self) -> dict[str, Any]:
        """Return the target and the output, for a record."""
        return {**self.goal.choices(1), "output": self.output}

    def unit(self, number: int) -> Self:
        """Return the objective of one of the units."""
        return replace(self, goal=self.goal.rows(slice(number, number + 1)))

    def level_and_gradient(self, inputs: Array) -> tuple[Array, Array]:
        """Return the only unit's level for each of B inputs (B), and its gradient at them (B x H x W x C)."""
        net, rows = self.goal.net, self.goal.repeated(len(inputs))
        trace = finite_trace(net, inputs)
        values = trace[self.goal.variable]
        output = self._output(values)
        maps = rows.maps(output)
        signal = rows.weights(output) / maps[0].size
        if self.output == "probability":
            (signal,) = backward(Softmax(), signal, output, values)
        signals = finite_signals(net, trace, {self.goal.variable: signal}, "gradient", net.inputs[0])
        return maps.mean(axis=(1, 2)), signals[net.inputs[0]]

    def _output(self, values: Array) -> Array:
        return forward(Softmax(), values) if self.output == "probability" else values


def objective_of(net: Network, image: Array, selection: Selection) -> tuple[MaskObjective, Trace]:
    """Return the objective for the selected target in an image (1 x H x W x C), and the image's trace.

    An output of None is the probability where the scores are explained, and the score where `at` names a layer.
    Raises ValueError for a target that does not exist, and for the probability of all channels together, always 1.
    """
    output = selection.output or ("probability" if selection.at is None else "score")
    if output not in OUTPUTS:
        raise ValueError(f"output is {selection.output!r}, expected one of {', '.join(map(repr, OUTPUTS))}")
    goal, trace = target(net, image, selection)
    if output == "probability" and None in goal.channels:
        raise ValueError("the probabilities of all channels add up to 1: name a channel, or give output='score'")
    return MaskObjective(goal, output), trace
