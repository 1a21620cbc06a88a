"""A call of torch while it is turned into operators of ONNX, and the graph that they form."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Struct = dict[str, Any]


class Outside(Exception):  # noqa: N818  # no error of the user: the call becomes a layer without implementation
    """A call that no operator equals."""


@dataclass(frozen=True)
class Value:
    """A tensor that depends on the network's input: its name in the graph, and its shape for the example."""

    name: str
    shape: tuple[int, ...]


@dataclass
class Listing:
    """The operators and constants so far, in the plain values that `refvis.weights.onnx.read` takes."""

    nodes: list[Struct] = field(default_factory=list)
    constants: dict[str, NDArray[Any]] = field(default_factory=dict)

    def constant(self, array: NDArray[Any]) -> str:
        """Return the name of a new constant."""
        name = f"constant {len(self.constants)}"
        self.constants[name] = array
        return name


@dataclass
class Call:
    """One call of a function, method or module.

    listing   where its operators go
    kind      the function's name in torch.nn.functional, torch or Tensor
    name      the name of its layer
    output    the name of what it computes
    given     its arguments by name: `Value`s, arrays, and plain Python values
    result    the shape of what it computed for the example; a list of shapes where these are several
    dtype     the type of the network's numbers
    """

    listing: Listing
    kind: str
    name: str
    output: str
    given: dict[str, Any]
    result: Any
    dtype: Any

    def value(self, name: str = "input") -> Value:
        """Return an argument that depends on the network's input."""
        found = self.given.get(name)
        if not isinstance(found, Value):
            raise Outside
        return found

    def array(self, name: str) -> NDArray[Any]:
        """Return an argument that is a constant tensor."""
        found = self.given.get(name)
        if not isinstance(found, np.ndarray):
            raise Outside
        return found

    def two(self, name: str) -> list[int]:
        """Return an argument for rows and columns, given as one number or two."""
        found = self.given[name]
        both = [found, found] if isinstance(found, int) else list(found)
        return both * 2 if len(both) == 1 else both

    def require(self, **expected: Any) -> None:
        """Raise Outside unless arguments that are given have these values."""
        if any(self.given.get(name, value) not in (value, None) for name, value in expected.items()):
            raise Outside

    def emit(self, op: str, inputs: Sequence[Any], part: str = "", **attributes: Any) -> Value:
        """Add an operator; inputs are `Value`s, arrays, or None. A `part` is one that stands before the last."""
        names = ["" if one is None else one.name if isinstance(one, Value) else self._constant(one) for one in inputs]
        output = f"{self.output}.{part}" if part else self.output
        self.add(op, f"{self.name}.{part}" if part else self.name, names, [output], attributes)
        return Value(output, () if isinstance(self.result, list) else self.result)

    def add(
        self, op: str, name: str, inputs: list[str], outputs: list[str], attributes: Struct, domain: str = ""
    ) -> None:
        """Add an operator by the names of what it reads and writes."""
        node = {"op": op, "domain": domain, "name": name, "inputs": inputs, "outputs": outputs}
        self.listing.nodes.append({**node, "attributes": attributes})

    def several(self, op: str, **attributes: Any) -> tuple[Value, ...]:
        """Add an operator with several outputs."""
        outputs = [f"{self.output}.{number}" for number in range(len(self.result))]
        self.add(op, self.name, [self.value().name], outputs, attributes)
        return tuple(Value(name, shape) for name, shape in zip(outputs, self.result, strict=True))

    def unknown(self) -> Any:
        """Add an operator of the domain "torch", which ONNX lacks; plain numbers and texts are its attributes."""
        reads = [one.name for one in flat(list(self.given.values())) if isinstance(one, Value)]
        plain = {name: one for name, one in self.given.items() if isinstance(one, int | float | str)}
        if isinstance(self.result, list):
            outputs = tuple(Value(f"{self.output}.{number}", shape) for number, shape in enumerate(self.result))
        else:
            outputs = (Value(self.output, self.result),)
        self.add(self.kind, self.name, reads, [one.name for one in outputs], plain, "torch")
        return outputs if isinstance(self.result, list) else outputs[0]

    def _constant(self, value: Any) -> str:
        return self.listing.constant(np.asarray(value))


def flat(values: Any) -> list[Any]:
    """Return the values in lists and tuples in one list."""
    if isinstance(values, list | tuple):
        return [one for value in values for one in flat(value)]
    return [values]
