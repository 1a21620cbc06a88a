"""Reader of DagNN models, the struct that MatConvNet's ``net.saveobj()`` makes."""

from dataclasses import dataclass, field
from typing import Any

from refvis.layers import Node, Unknown
from refvis.layers.base.blocks import Block
from refvis.weights.errors import ModelFormatError
from refvis.weights.mat.tree import Opaque, Tree
from refvis.weights.matconvnet import blocks
from refvis.weights.matconvnet.blocks import CLASSES
from refvis.weights.matconvnet.dag_params import Parameter, parameters, report_params, structs
from refvis.weights.matconvnet.execution_order import execution_order
from refvis.weights.matconvnet.fields import Fields, describe, is_empty
from refvis.weights.matconvnet.meta import read_meta
from refvis.weights.matconvnet.model import Model, Remark
from refvis.weights.matconvnet.names import with_own_names
from refvis.weights.matconvnet.simplenn import is_false, read_name

FIELDS = ("layers", "vars", "params", "meta")
"""The fields of a DagNN struct."""

COMMON = ("size", "hasBias", "useShortCircuit", "frozen", "ignoreAverage", "numChannels", "numInputs")
"""Fields of blocks that follow from the arrays, or say how to compute or train."""

OBJECTS = "only MATLAB can read objects; save the struct net.saveobj() in MATLAB"
DAMAGED = "the file is damaged, or was edited"


def is_dag(net: dict[str, Tree]) -> bool:
    """Whether a struct with layers is a DagNN."""
    layers = net["layers"]
    first = layers[0] if isinstance(layers, list) and layers else layers
    return "vars" in net or (isinstance(first, dict) and "block" in first)


def read_dag(net: dict[str, Tree], place: str, report: list[Remark]) -> Model:
    """Return the DagNN struct `net`, which stands at `place` in its file, as a Model; remarks go to `report`.

    Variables keep their names. Layers that share a parameter share its array. An unknown layer with several outputs
    becomes one node for each of them. Raises ModelFormatError for layers and wiring that make no sense.
    """
    prefix = f"{place}." if place else ""
    net = with_own_names(net)
    reader = DagReader(prefix, report, parameters(net, prefix))
    layers = structs(net, "layers", prefix)
    if not layers:
        raise ModelFormatError("no layers", "at least one", "", f"{prefix}layers")
    wiring = [reader.wiring(index, layer) for index, layer in enumerate(layers)]
    places = [reader.place(index) for index in range(len(layers))]
    nodes: list[list[Node]] = []
    for index, layer in enumerate(layers):
        nodes.append(reader.nodes(index, layer, *wiring[index]))
    report_params(net, prefix, reader.used_params, report)
    ordered = tuple(node for index in execution_order(wiring, places) for node in nodes[index])
    stored = tuple(node.name for layer in nodes for node in layer)
    return Model(ordered, read_meta(net, place, report), report, stored)


@dataclass
class DagReader:
    """The state of reading one DagNN: its place, remarks and parameters, and what has been used, named, converted."""

    prefix: str
    report: list[Remark]
    params: dict[str, Parameter]
    used_params: set[str] = field(default_factory=set)
    names: dict[str, int] = field(default_factory=dict)
    converted: dict[Any, Any] = field(default_factory=dict)

    def place(self, index: int) -> str:
        """Return the place of the layer number `index`."""
        return f"{self.prefix}layers({index + 1})"

    def wiring(self, index: int, struct: dict[str, Tree]) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return the names of a layer's input and output variables, at least one each."""
        inputs, outputs = (self.cell_of_names(index, struct, name) for name in ("inputs", "outputs"))
        for name, variables in (("inputs", inputs), ("outputs", outputs)):
            if not variables:
                raise ModelFormatError(f"a layer without {name}", "at least one", "", f"{self.place(index)}.{name}")
        return inputs, outputs

    def cell_of_names(self, index: int, struct: dict[str, Tree], name: str) -> tuple[str, ...]:
        """Return the names in the cell `name` of a layer; a single name may stand without a cell."""
        value = struct.get(name, [])
        names = [value] if isinstance(value, str) and value else [] if is_empty(value) else value
        if not isinstance(names, list) or not all(isinstance(entry, str) and entry for entry in names):
            raise ModelFormatError(describe(value), "a cell of names", "", f"{self.place(index)}.{name}")
        return tuple(names)

    def nodes(
        self, index: int, struct: dict[str, Tree], inputs: tuple[str, ...], outputs: tuple[str, ...]
    ) -> list[Node]:
        """Return the node of a layer; an unknown layer with several outputs has one node for each."""
        head = Fields(struct, self.place(index), self.report)
        kind = head.text("type")
        if kind is None:
            raise head.error("type", "nothing", "the block's class, such as 'dagnn.Conv'")
        name = read_name(head, index, self.names)
        block = None if blocks.registered(kind) else CLASSES.get(kind.removeprefix("dagnn."))
        layer = self.layer(self.fields(index, struct, kind, block, len(inputs)), block, len(inputs))
        if len(outputs) > 1 and not isinstance(layer, Unknown):
            raise head.error("outputs", f"{len(outputs)} names", f"one: a {kind} has one output")
        if len(outputs) == 1:
            return [Node(name, layer, inputs, outputs)]
        head.remark("changed", f"the layer was read as {len(outputs)} layers, one for each output", "outputs")
        parts = [f"{name}:{number + 1}" if number else name for number in range(len(outputs))]
        for part in parts:
            self.names.setdefault(part, 1)
        whole = Unknown(kind, {**layer.fields, "outputs": list(outputs)})
        return [Node(part, whole, inputs, (output,)) for part, output in zip(parts, outputs, strict=True)]

    def fields(self, index: int, struct: dict[str, Tree], kind: str, block: Block | None, inputs: int) -> Fields:
        """Return a block's fields as a simplenn layer has them: with simplenn's names, and the arrays as `weights`.

        Blocks with `hasBias` false do not add biases, even where they have some: MatConvNet leaves them out.
        """
        place = self.place(index)
        values = struct.get("block", {})
        if isinstance(values, Opaque):
            raise ModelFormatError(f"an object of class {values.class_name}", "a struct", OBJECTS, f"{place}.block")
        if not isinstance(values, dict) and not is_empty(values):
            raise ModelFormatError(describe(values), "a struct", "", f"{place}.block")
        names: dict[str, str] = {new: old for old, new in block.renamed} if block else {}
        given: dict[str, Tree] = values if isinstance(values, dict) else {}
        renamed = {names.get(name, name): value for name, value in given.items()}
        elsewhere = {new: f"{place}.block.{old}" for old, new in names.items()}
        elsewhere["type"] = f"{place}.type"
        arrays = []
        for number, name in enumerate(self.cell_of_names(index, struct, "params")):
            if name not in self.params:
                raise ModelFormatError(f"the parameter {name!r}", "one of params", DAMAGED, f"{place}.params")
            self.used_params.add(name)
            arrays.append(self.params[name].value)
            elsewhere[f"weights{{{number + 1}}}"] = self.params[name].place
        if block and is_false(given.get("hasBias")) and len(arrays) > (used := max(0, 2 - inputs)):
            self.report.append(Remark(f"{place}.params", "ignored", "hasBias is false: the biases are not added"))
            arrays = arrays[:used]
        return Fields(
            {**renamed, "type": kind, "weights": arrays}, f"{place}.block", self.report, elsewhere, self.converted
        )

    def layer(self, fields: Fields, block: Block | None, inputs: int) -> Any:
        """Return the layer that a block stands for."""
        own = blocks.registered(fields.values["type"])
        if own is not None:
            return blocks.read_safely(own, fields)
        if block is None or inputs not in block.inputs:
            return fields.unknown("" if block is None else f"{fields.values['type']} with {inputs} inputs")
        fields.inputs = inputs
        fields.used.update(("type", "weights", *COMMON, *block.unused))
        layer = blocks.read_with_options(block, block.read_block or block.read, fields)
        fields.leftover()
        return layer
