"""DagNN models, the struct that MatConvNet's ``net.saveobj()`` makes -> nodes in order of execution, and meta."""

from dataclasses import dataclass, field
from typing import Any

from refvis.layers import Node, Unknown
from refvis.weights.errors import ModelFormatError
from refvis.weights.mat.tree import Opaque, Tree
from refvis.weights.matconvnet import blocks
from refvis.weights.matconvnet.dag_blocks import CLASSES, COMMON, Block
from refvis.weights.matconvnet.dag_params import Parameter, parameters, report_params, structs
from refvis.weights.matconvnet.execution_order import execution_order
from refvis.weights.matconvnet.fields import Fields, describe, is_empty
from refvis.weights.matconvnet.meta import read_meta
from refvis.weights.matconvnet.model import Model, Remark
from refvis.weights.matconvnet.simplenn import read_name

OWN = ("layers", "vars", "params", "meta")
"""What a DagNN struct has."""


def is_dag(net: dict[str, Tree]) -> bool:
    """Whether a struct with layers is a DagNN's."""
    layers = net["layers"]
    first = layers[0] if isinstance(layers, list) and layers else layers
    return "vars" in net or (isinstance(first, dict) and "block" in first)


def read_dag(net: dict[str, Tree], place: str, report: list[Remark]) -> Model:
    """Return the DagNN struct `net`, which stands at `place` in its file, as a Model; remarks go to `report`.

    Variables keep their names. Layers that share a parameter share its array. Of an unknown layer with several
    outputs there is a node for each of them. Raises ModelFormatError for layers and wiring that make no sense.
    """
    prefix = f"{place}." if place else ""
    source = Source(prefix, report, parameters(net, prefix))
    layers = structs(net, "layers", prefix)
    if not layers:
        raise ModelFormatError("no layers", "at least one", "", f"{prefix}layers")
    wiring = [source.wiring(index, layer) for index, layer in enumerate(layers)]
    places = [source.place(index) for index in range(len(layers))]
    nodes: list[list[Node]] = []
    for index, layer in enumerate(layers):
        nodes.append(source.nodes(index, layer, *wiring[index]))
    report_params(net, prefix, source.taken, report)
    ordered = tuple(node for index in execution_order(wiring, places) for node in nodes[index])
    stored = tuple(node.name for layer in nodes for node in layer)
    return Model(ordered, read_meta(net, place, report), report, stored)


@dataclass
class Source:
    """What the layers of one file are read with: place, remarks, arrays, and what has been made and named so far."""

    prefix: str
    report: list[Remark]
    params: dict[str, Parameter]
    taken: set[str] = field(default_factory=set)
    names: set[str] = field(default_factory=set)
    made: dict[Any, Any] = field(default_factory=dict)

    def place(self, index: int) -> str:
        """Return where the layer number `index` stands."""
        return f"{self.prefix}layers({index + 1})"

    def wiring(self, index: int, layer: dict[str, Tree]) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return the names of a layer's input and output variables, at least one each."""
        inputs, outputs = (self.listed(index, layer, name) for name in ("inputs", "outputs"))
        for name, found in (("inputs", inputs), ("outputs", outputs)):
            if not found:
                raise ModelFormatError(f"a layer without {name}", "at least one", "", f"{self.place(index)}.{name}")
        return inputs, outputs

    def listed(self, index: int, layer: dict[str, Tree], name: str) -> tuple[str, ...]:
        """Return a cell of names."""
        value = layer.get(name, [])
        found = [value] if isinstance(value, str) and value else [] if is_empty(value) else value
        if not isinstance(found, list) or not all(isinstance(entry, str) and entry for entry in found):
            raise ModelFormatError(describe(value), "a cell of names", "", f"{self.place(index)}.{name}")
        return tuple(found)

    def nodes(
        self, index: int, layer: dict[str, Tree], inputs: tuple[str, ...], outputs: tuple[str, ...]
    ) -> list[Node]:
        """Return the node of a layer; an unknown layer with several outputs has one for each."""
        head = Fields(layer, self.place(index), self.report)
        kind = head.text("type")
        if kind is None:
            raise head.error("type", "nothing", "the block's class, such as 'dagnn.Conv'")
        name = read_name(head, index, self.names)
        self.names.add(name)
        block = None if blocks.registered(kind) else CLASSES.get(kind.removeprefix("dagnn."))
        made = self.layer(self.fields(index, layer, kind, block), block, len(inputs))
        if len(outputs) > 1 and not isinstance(made, Unknown):
            raise head.error("outputs", f"{len(outputs)} names", f"one: a {kind} has one output")
        if len(outputs) == 1:
            return [Node(name, made, inputs, outputs)]
        head.remark("changed", f"its {len(outputs)} outputs were read as one layer each", "outputs")
        parts = [f"{name}:{number + 1}" if number else name for number in range(len(outputs))]
        self.names.update(parts)
        whole = Unknown(kind, {**made.fields, "outputs": list(outputs)})
        return [Node(part, whole, inputs, (output,)) for part, output in zip(parts, outputs, strict=True)]

    def fields(self, index: int, layer: dict[str, Tree], kind: str, block: Block | None) -> Fields:
        """Return a block's fields, as a simplenn layer has them: renamed, and with its arrays as `weights`."""
        place = self.place(index)
        values = layer.get("block", {})
        if isinstance(values, Opaque):
            raise ModelFormatError(f"an object of class {values.class_name}", "a struct", OBJECTS, f"{place}.block")
        if not isinstance(values, dict) and not is_empty(values):
            raise ModelFormatError(describe(values), "a struct", "", f"{place}.block")
        names: dict[str, str] = dict(block.renamed) if block else {}
        given: dict[str, Tree] = values if isinstance(values, dict) else {}
        found = {names.get(name, name): value for name, value in given.items()}
        elsewhere = {new: f"{place}.block.{old}" for old, new in names.items()}
        elsewhere["type"] = f"{place}.type"
        arrays = []
        for number, name in enumerate(self.listed(index, layer, "params")):
            if name not in self.params:
                raise ModelFormatError(f"the parameter {name!r}", "one of params", DAMAGED, f"{place}.params")
            self.taken.add(name)
            arrays.append(self.params[name].value)
            elsewhere[f"weights{{{number + 1}}}"] = self.params[name].place
        return Fields({**found, "type": kind, "weights": arrays}, f"{place}.block", self.report, elsewhere, self.made)

    def layer(self, fields: Fields, block: Block | None, inputs: int) -> Any:
        """Return the layer that a block stands for."""
        own = blocks.registered(fields.values["type"])
        if own is not None:
            return blocks.made(own, fields)
        if block is None or inputs not in block.inputs:
            return blocks.unknown(fields, "" if block is None else f"{fields.values['type']} with {inputs} inputs")
        fields.inputs = inputs
        fields.used.update(("type", "weights", *COMMON, *block.unused))
        made = blocks.made(block.read, fields)
        fields.leftover()
        return made


OBJECTS = "only MATLAB can read objects: save net.saveobj() there"
DAMAGED = "the file is damaged, or was edited"
