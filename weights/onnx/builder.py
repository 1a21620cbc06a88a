"""Builder: the nodes of an ONNX graph, one after the other, to layers."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from refvis.layers import Node
from refvis.layers.graph.registry import BY_NAME
from refvis.weights.errors import ModelFormatError
from refvis.weights.matconvnet.model import Remark
from refvis.weights.onnx.channels import in_order
from refvis.weights.onnx.folding import fold
from refvis.weights.onnx.handlers import HANDLERS, SEVERAL
from refvis.weights.onnx.layout import Feature, Unmapped
from refvis.weights.onnx.operation import Operation, Value, unknown

Struct = dict[str, Any]


@dataclass
class Builder:
    """The layers that were made so far, and what is known of each value of the graph.

    opset    the version of the set of operators
    anchor   the variable of the network's input
    values   name in the graph -> array or feature
    read     names that nodes or the graph's outputs read
    report   remarks
    nodes    the layers
    names    names of layers and variables that are taken
    """

    opset: int
    anchor: str
    values: dict[str, Value]
    read: set[str]
    report: list[Remark]
    nodes: list[Node] = field(default_factory=list)
    names: set[str] = field(default_factory=set)

    def unique(self, name: str) -> str:
        """Return the name, with a number where it is taken."""
        new, number = name, 2
        while new in self.names:
            new, number = f"{name}_{number}", number + 1
        self.names.add(new)
        return new

    def add(self, node: Struct, place: str) -> None:
        """Add what a node computes: a constant, layers, or a layer that is unknown."""
        outputs = [name for name in node["outputs"] if name]
        inputs = [self.value(name, place) for name in node["inputs"]]
        if not outputs:
            raise ModelFormatError("a node without outputs", "at least one", "", place)
        for name in outputs:
            if name in self.values:
                raise ModelFormatError(f"the value {name!r}, which was written before", "another name", "", place)
        kind = f"{node['domain']}.{node['op']}" if node["domain"] else node["op"]
        name = self.unique(node["name"] or outputs[0])
        operation = self.operation(kind, name, inputs, node["attributes"], outputs)
        try:
            found = self.compute(operation, outputs)
            self.values.update(zip(outputs, found, strict=False))
            self.nodes += operation.nodes
        except Unmapped as reason:
            self.add_unknown(operation, outputs, str(reason), place)
        except ValueError as error:
            raise ModelFormatError(str(error), f"a sound {kind}", "", place) from error

    def operation(self, kind: str, name: str, inputs: list[Value], attributes: Struct, outputs: list[str]) -> Operation:
        """Return an operator, whose further layers have names that no other has."""
        return Operation(kind, name, inputs, attributes, self.opset, outputs, self.unique, in_order)

    def value(self, name: str, place: str) -> Value:
        """Return what is known of an input."""
        if name and name not in self.values:
            raise ModelFormatError(f"the value {name!r}", "one that a node before it writes", "", place)
        return self.values[name] if name else None

    def compute(self, operation: Operation, outputs: list[str]) -> tuple[Value, ...]:
        """Return the outputs of an operator; raise Unmapped if it has no layer, or if one is read that it cannot give.

        Most operators give the first only.
        """
        features = [one for one in operation.inputs if isinstance(one, Feature)]
        entry = BY_NAME.get(f"onnx.{operation.kind}")
        if entry is not None:
            return (registered(operation, entry.build, features),)
        if operation.kind in SEVERAL and features:
            found = SEVERAL[operation.kind](operation)
            operation.nodes = [node for node in operation.nodes if node.output in self.read]
            return found
        more = [name for name in outputs[1:] if name in self.read]
        if more:
            raise Unmapped(f"a layer has one output, and {more[0]!r} is read, too")
        if operation.kind in ("Shape", "Size") and features:
            like = np.broadcast_to(np.float32(0), features[0].shape)
            return (fold(operation.kind, [like], operation.attributes),)
        if not features:
            return (fold(operation.kind, operation.inputs, operation.attributes),)
        if operation.kind not in HANDLERS:
            raise Unmapped("it is not known here")
        return (HANDLERS[operation.kind](operation),)

    def add_unknown(self, operation: Operation, outputs: list[str], reason: str, place: str) -> None:
        """Add layers without implementation, and a remark that says why."""
        text = f"the operator {operation.kind!r} is shown but cannot be run: {reason}"
        self.report.append(Remark(place, "warning", text))
        self.nodes += unknown(operation, outputs, self.anchor)
        for name in outputs:
            self.values[name] = Feature(name)

    def place_output(self, name: str) -> None:
        """Bring an output of the graph into the order of its variable, or make it unknown."""
        value = self.values.get(name)
        if not isinstance(value, Feature) or value.dims is None or value.is_map:
            return
        operation = self.operation("Transpose", name, [value], {}, [name])
        try:
            in_order(operation, value)
            self.nodes += operation.nodes
        except Unmapped:
            reason = f"the output has the shape {value.shape}, whose axes lie in another order than N, C, H, W"
            operation.name = self.unique(f"{name}/order")
            self.add_unknown(operation, [operation.name], reason, f"graph.output {name!r}")


def registered(operation: Operation, build: Any, features: list[Feature]) -> Feature:
    """Return what a layer that a user registered as "onnx.Name" writes."""
    constants = [one for one in operation.inputs if one is not None and not isinstance(one, Feature)]
    try:
        layer = build({**operation.attributes, "weights": constants})
    except (KeyError, TypeError, AttributeError, IndexError) as error:
        raise ValueError(f"the registered build function ended in {type(error).__name__}: {error}") from error
    if not features:
        raise Unmapped("it reads no feature")
    return operation.mapped(layer, *features)


def needed(nodes: list[Struct], outputs: list[str]) -> list[tuple[int, Struct]]:
    """Return the nodes on which the outputs depend, with their numbers, in the graph's order."""
    writers: dict[str, list[int]] = {}
    for number, node in enumerate(nodes):
        for name in node["outputs"]:
            writers.setdefault(name, []).append(number)
    waiting, kept = list(outputs), set()
    while waiting:
        for number in writers.get(waiting.pop(), ()):
            if number not in kept:
                kept.add(number)
                waiting += nodes[number]["inputs"]
    return [(number, nodes[number]) for number in sorted(kept)]
