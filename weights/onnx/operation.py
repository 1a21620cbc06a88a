"""An operator of a graph while it is turned into layers: its inputs, attributes, and the layers that it becomes."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from numpy.typing import NDArray

from refvis.layers import HardSigmoid, Node, Sigmoid, Softmax, Unknown, output_shape
from refvis.weights.onnx.layout import Feature, Unmapped, as_map

GATES = (Sigmoid, HardSigmoid, Softmax)
"""Layers whose outputs are factors where features are multiplied."""

Value = Any
"""An array (a constant), a `Feature`, or None for an input that is left out."""


@dataclass
class Operation:
    """One node of an ONNX graph.

    kind        the operator, such as "Conv"
    name        the name of its layer, and the start of the names of layers that it takes beside
    inputs      its inputs
    attributes  its attributes, as plain values
    opset       the version of the set of operators
    outputs     the names of its outputs
    unique      turns the name of a further layer or variable into one that no other has
    order       ``(operation, value)``: the value as a map, by a layer where ONNX reshaped or transposed it before
    nodes       the layers that it became so far
    """

    kind: str
    name: str
    inputs: Sequence[Value]
    attributes: Mapping[str, Any]
    opset: int
    outputs: Sequence[str]
    unique: Callable[[str], str]
    order: Callable[["Operation", Feature], Feature]
    nodes: list[Node] = field(default_factory=list)

    def attribute(self, name: str, default: Any = None) -> Any:
        """Return an attribute, or the default where it is absent."""
        value = self.attributes.get(name)
        return default if value is None else value

    def number(self, name: str, default: float) -> float:
        """Return an attribute that is a number."""
        value = self.attribute(name, default)
        if not isinstance(value, int | float):
            raise Unmapped(f"its {name} is no number")
        return value

    def numbers(self, name: str, default: Sequence[int] | None = None, count: int | None = None) -> list[int]:
        """Return an attribute that is a list of whole numbers, `count` of them."""
        value = self.attribute(name, default)
        if not isinstance(value, list | tuple) or not all(isinstance(one, int) for one in value):
            raise Unmapped(f"its {name} is no list of whole numbers")
        if count is not None and len(value) != count:
            raise Unmapped(f"its {name} has {len(value)} numbers, expected {count}")
        return list(value)

    def given(self, index: int) -> Value:
        """Return the input of that number, None where it is left out."""
        return self.inputs[index] if index < len(self.inputs) else None

    def feature(self, index: int = 0) -> Feature:
        """Return an input that the network computes."""
        value = self.given(index)
        if not isinstance(value, Feature):
            raise Unmapped(f"its input {index + 1} is a constant")
        return value

    def map(self, index: int = 0) -> Feature:
        """Return an input that the network computes, brought into the order in which ONNX sees it."""
        value = self.feature(index)
        return value if value.dims is None else self.order(self, value)

    def array(self, index: int, what: str) -> NDArray[Any]:
        """Return an input that is a constant; `what` names it."""
        array = self.optional(index, what)
        if array is None:
            raise Unmapped(f"it has no {what}")
        return array

    def optional(self, index: int, what: str) -> NDArray[Any] | None:
        """Return an input that is a constant, or None where it is left out."""
        value = self.given(index)
        if isinstance(value, Feature):
            raise Unmapped(f"the network computes its {what}")
        array: NDArray[Any] | None = value
        return array

    def emit(self, layer: Any, *inputs: Feature, part: str = "", number: int = 0) -> str:
        """Add a layer, and return its variable, which is output `number` of the operator.

        A `part` is a layer beside that of the operator itself.
        """
        name, output = self.name, self.outputs[number]
        if part:
            name, output = self.unique(f"{name}/{part}"), self.unique(f"{output}/{part}")
        elif number:
            name = self.unique(f"{name}:{number + 1}")
        self.nodes.append(Node(name, layer, tuple(one.variable for one in inputs), output))
        return output

    def pointwise(self, layer: Any, value: Feature, *more: Feature, part: str = "") -> Feature:
        """Add a layer that keeps each value at its place, and return what it writes."""
        return replace(value, variable=self.emit(layer, value, *more, part=part), gate=isinstance(layer, GATES))

    def mapped(self, layer: Any, *inputs: Feature, part: str = "") -> Feature:
        """Add a layer that reads maps, and return the map that it writes."""
        variable = self.emit(layer, *inputs, part=part)
        if any(one.dims is None for one in inputs):
            return Feature(variable)
        shape = output_shape(layer, *(one.own_shape for one in inputs))
        return as_map(variable, shape, len(inputs[0].known[0]), inputs[0].batch)


def unknown(operation: Operation, outputs: Sequence[str], anchor: str) -> list[Node]:
    """Return the layers without implementation for an operator, one for each of its outputs.

    They keep its attributes and its constant inputs. An operator that reads no feature reads `anchor`.
    """
    reads = tuple(one.variable for one in operation.inputs if isinstance(one, Feature)) or (anchor,)
    fields = {name: _plain(value) for name, value in operation.attributes.items() if value is not None}
    fields["weights"] = [one for one in operation.inputs if one is not None and not isinstance(one, Feature)]
    if len(outputs) > 1:
        fields["outputs"] = list(outputs)
    names = [operation.name if not number else f"{operation.name}:{number + 1}" for number in range(len(outputs))]
    layer = Unknown(f"onnx.{operation.kind}", fields)
    return [Node(name, layer, reads, output) for name, output in zip(names, outputs, strict=True)]


def _plain(value: Any) -> Any:
    """Return an attribute as the fields of layers hold it: several numbers are a tuple."""
    numbers = isinstance(value, list) and all(isinstance(one, int | float) for one in value)
    return tuple(value) if numbers else value
