"""Implementations to verify that are made of this project's own functions, in other layouts, right or wrong."""

from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

import numpy as np

from refvis import layers
from refvis.layers.operators import OPERATORS
from refvis.verify import Answer, Case, Kind
from refvis.verify.layouts import LayerInLayout, columns_from, columns_in, from_layout, to_layout


def ours(layer: Any, layout: str, shape: tuple[int, ...]) -> Any:
    """Return the layer whose arrays are in a layout as a layer in this project's; `shape` is its input's, here."""
    if not isinstance(layer, LayerInLayout):
        return layer
    own = layer.layer
    arrays = {one.name: getattr(layer, one.name) for one in fields(own) if getattr(getattr(own, one.name), "ndim", 0)}
    back = {name: np.ascontiguousarray(from_layout(array, layout)) for name, array in arrays.items()}
    if isinstance(own, layers.FullyConnected):
        back["weights"] = columns_from(arrays["weights"], layout, shape)
    return replace(own, **back)


class Adapter:
    """The definitions of a kind, as an implementation of a layout has them.

    fast  whether fast twins run
    """

    def __init__(self, kind: Kind, layout: str = "NHWC", fast: bool = False) -> None:
        self.kind, self.layout, self.fast = kind, layout, fast

    def forward(self, layer: Any, *inputs: np.ndarray) -> np.ndarray:
        own, given = self._here(layer, inputs)
        run = layers.forward if self.fast and self.kind.formula is None else self.kind.forward
        return to_layout(run(own, *given), self.layout)

    def backward(self, layer: Any, signal: np.ndarray, output: np.ndarray, *inputs: np.ndarray) -> tuple[Any, ...]:
        own, given = self._here(layer, inputs)
        g, y = (from_layout(array, self.layout) for array in (signal, output))
        rule = self.kind.rule or OPERATORS[type(own)].gradient
        signals = layers.backward(own, g, y, *given, rule=rule) if self.fast else rule(own, g, y, *given)
        return tuple(to_layout(one, self.layout) for one in signals)

    def parameter_gradients(self, layer: Any, signal: np.ndarray, output: Any, *inputs: np.ndarray) -> dict[str, Any]:
        own, given = self._here(layer, inputs)
        g = from_layout(signal, self.layout)
        found = layers.parameter_gradients(own, np.ascontiguousarray(g), None, *given)
        if isinstance(own, layers.FullyConnected):
            found["weights"] = columns_in(found["weights"], self.layout, given[0].shape)
        return {name: to_layout(array, self.layout) for name, array in found.items()}

    def _here(self, layer: Any, inputs: tuple[np.ndarray, ...]) -> tuple[Any, list[np.ndarray]]:
        given = [np.ascontiguousarray(from_layout(x, self.layout)) for x in inputs]
        return ours(layer, self.layout, given[0].shape), given


def that_is(kind: Kind, answer: Answer, part: str) -> Callable[..., Any]:
    """Return the function of an implementation that gives an answer for a part. Its overflows are its own affair."""

    def found(case: Case) -> dict[str, Any]:
        with np.errstate(all="ignore"):
            return dict(answer.parts[part](kind, case))

    def forward(layer: Any, *inputs: np.ndarray) -> np.ndarray:
        return found(Case(layer, inputs))["output"]

    def backward(layer: Any, signal: np.ndarray, output: np.ndarray, *inputs: np.ndarray) -> tuple[Any, ...]:
        signals = found(Case(layer, inputs, signal))
        names = ["signal"] if len(inputs) == 1 else [f"signal of x{i}" for i in range(len(inputs))]
        return tuple(signals.get(name) for name in names)

    def parameter_gradients(layer: Any, signal: np.ndarray, output: Any, *inputs: np.ndarray) -> dict[str, Any]:
        return found(Case(layer, inputs, signal))

    return {"forward": forward, "backward": backward, "parameter_gradients": parameter_gradients}[part]
