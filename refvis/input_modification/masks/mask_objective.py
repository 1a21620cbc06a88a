"""The level of a score while an image is changed, and its gradient at the changed image."""

from dataclasses import dataclass, replace
from typing import Any, Self

from refvis.layers import Array, Softmax, Trace, array_module, backward, forward
from refvis.network import Network
from refvis.targets import Target, target
from refvis.units import Selection

OUTPUTS = ("score", "probability")


@dataclass(frozen=True)
class MaskObjective:
    """What is watched of one image: for each unit of `goal`, the mean of its map over its positions.

    The map is that of the variable's values ("score") or of their softmax over channels ("probability").
    """

    goal: Target
    output: str

    @property
    def units(self) -> int:
        """How many units are watched."""
        return len(self.goal.channels)

    def levels(self, inputs: Array) -> Array:
        """Return the level of each unit for each of B inputs (B x H x W x C): B x units, in their dtype."""
        values = self._read(self.goal.net.forward(inputs)[self.goal.variable])
        each = [self.unit(k).goal.repeated(len(inputs)).chosen(values).mean(axis=(1, 2)) for k in range(self.units)]
        return array_module(inputs).stack(each, axis=1)

    def apart(self, inputs: Array) -> Array:
        """Return the levels with each input by itself, as layers may mix those of a batch: B x units."""
        return array_module(inputs).concatenate([self.levels(one) for one in inputs[:, None]])

    def choices(self) -> dict[str, Any]:
        """Return what was chosen, for a record."""
        return {**self.goal.choices(1), "output": self.output}

    def unit(self, number: int) -> Self:
        """Return one of the units."""
        return replace(self, goal=self.goal.rows(slice(number, number + 1)))

    def pulled(self, inputs: Array) -> tuple[Array, Array]:
        """Return the only unit's level for each of B inputs (B), and its gradient at them (B x H x W x C)."""
        net, rows = self.goal.net, self.goal.repeated(len(inputs))
        trace = net.forward(inputs)
        values = trace[self.goal.variable]
        read = self._read(values)
        maps = rows.chosen(read)
        signal = rows.weights(read) / maps[0].size
        if self.output == "probability":
            (signal,) = backward(Softmax(), signal, read, values)
        return maps.mean(axis=(1, 2)), net.backward(trace, {self.goal.variable: signal})[net.inputs[0]]

    def _read(self, values: Array) -> Array:
        return forward(Softmax(), values) if self.output == "probability" else values


def objective_of(net: Network, image: Array, selection: Selection) -> tuple[MaskObjective, Trace]:
    """Return the objective for what is selected at an image (1 x H x W x C), and the image's trace.

    An output of None is the probability where the scores are explained, and the score where `at` names a layer.
    Raises ValueError for what does not exist, and for the probability of all channels together, which is always 1.
    """
    output = selection.output or ("probability" if selection.at is None else "score")
    if output not in OUTPUTS:
        raise ValueError(f"output is {selection.output!r}, expected one of {', '.join(map(repr, OUTPUTS))}")
    goal, trace = target(net, image, selection)
    if output == "probability" and None in goal.channels:
        raise ValueError("the probabilities of all channels add up to 1: name a channel, or give output='score'")
    return MaskObjective(goal, output), trace
