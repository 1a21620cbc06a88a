"""Writer of DagNN models: the struct that MatConvNet's ``net.saveobj()`` makes."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from refvis.layers import FullyConnected, Node, Scale, Unknown, title
from refvis.layers.base.arrays import storage
from refvis.layers.base.blocks import Struct, with_four_axes
from refvis.layers.graph.registry import BY_TYPE
from refvis.weights.mat.write import Structs
from refvis.weights.matconvnet.blocks import BLOCKS
from refvis.weights.matconvnet.matlab_values import matlab_array, matlab_fields
from refvis.weights.matconvnet.names import TABLE, changed, field_names

MOMENTS_RATE = 0.1
"""The learning rate of moments: training takes a running average with it, of which 1 would keep the last batch's."""

ArrayRow = tuple[str, Any, Any]
"""The end of a parameter's name, the layer's array, and the array as it is stored."""


def dag_struct(nodes: Sequence[Node], meta: Struct) -> Struct:
    """Return the struct {vars, params, layers, meta} of a network; an array that layers share is one parameter.

    Names that MATLAB does not take for fields are changed; `meta` then has a table of them, which loading undoes.

    Raises ValueError for layers that a DagNN has no block for.
    """
    writer = DagWriter()
    for node in nodes:
        writer.add(node)
    names = field_names(name for layer in writer.layers for name in (*layer["inputs"], *layer["outputs"]))
    layer_names, params = (field_names(one["name"] for one in ones) for ones in (writer.layers, writer.params))
    for layer in writer.layers:
        layer["name"] = layer_names[layer["name"]]
        layer["params"] = [params[name] for name in layer["params"]]
        layer |= {wires: [names[name] for name in layer[wires]] for wires in ("inputs", "outputs")}
    for param in writer.params:
        param["name"] = params[param["name"]]
    table = {"variables": changed(names), "layers": changed(layer_names)}
    return {
        "vars": Structs({"name": name, "precious": False} for name in names.values()),
        "params": Structs(writer.params),
        "layers": Structs(writer.layers),
        "meta": {**meta, TABLE: table} if any(table.values()) else meta,
    }


@dataclass
class DagWriter:
    """The layers and parameters of a DagNN struct, collected node by node."""

    layers: list[Struct] = field(default_factory=list)
    params: list[Struct] = field(default_factory=list)
    names: dict[Any, str] = field(default_factory=dict)
    written: set[str] = field(default_factory=set)

    def add(self, node: Node) -> None:
        """Add the layer of a node; the nodes of one unknown layer with several outputs become one layer again."""
        with errors_naming(node):
            layer = as_stored_type(node.layer, "dagnn.")
        outputs = all_outputs(layer, node)
        if outputs[0] in self.written:
            return
        self.written.update(outputs)
        with errors_naming(node):
            kind, block, arrays = unknown_block(layer) if isinstance(layer, Unknown) else known_block(layer, node)
        rates = [MOMENTS_RATE if kind == "dagnn.BatchNorm" and ending == "x" else 1.0 for ending, _, _ in arrays]
        params = [self.param(node.name + row[0], *row[1:], rate) for row, rate in zip(arrays, rates, strict=True)]
        wiring = {"inputs": list(node.inputs), "outputs": outputs, "params": params}
        self.layers.append({"name": node.name, "type": kind, **wiring, "block": block})

    def param(self, name: str, array: Any, value: Any, rate: float) -> str:
        """Return the name of an array's parameter; an array that layers share keeps its first name and rate."""
        is_array = isinstance(array, np.ndarray) and array.size
        key = (storage(array), value.shape) if is_array else name  # the same numbers, stored in the same shape
        if key not in self.names:
            self.names[key] = name
            self.params.append({"name": name, "value": value, "learningRate": rate, "weightDecay": 1.0})
        return self.names[key]


def known_block(layer: Any, node: Node) -> tuple[str, Struct, list[ArrayRow]]:
    """Return a layer's block class, its block's fields, and its arrays."""
    row = BLOCKS.get(type(layer))
    if row is None or not row.block:
        raise no_place_error(node, "a DagNN")
    if isinstance(layer, Scale):
        # MATLAB would take a vector for a column, which lies along the height.
        layer = Scale(with_four_axes(layer.scale), with_four_axes(layer.offset))
    renamed = dict(row.renamed)
    block = {renamed.get(name, name): value for name, value in matlab_fields(row.fields(layer)).items()}
    block |= matlab_fields(row.more(layer))
    arrays = [(letter, getattr(layer, name), matlab_array(name, getattr(layer, name))) for name, letter in row.arrays]
    while (
        row.block != "BatchNorm"
        and arrays
        and (arrays[-1][1] is None or (arrays[0][1] is None and row.block == "Scale"))
    ):
        arrays.pop(-1 if arrays[-1][1] is None else 0)  # a Scale without one of its arrays reads it as an input
    if isinstance(layer, Scale):
        block["hasBias"] = len(node.inputs) + len(arrays) > 2
        if layer.scale is not None and len(node.inputs) > 1:
            raise ValueError("MatConvNet cannot read the offset from an input if the factor is a parameter")
    return f"dagnn.{row.block}", block, arrays


def unknown_block(layer: Unknown) -> tuple[str, Struct, list[ArrayRow]]:
    """Return the same for a layer without an implementation, as it was read."""
    arrays = layer.fields.get("weights", [])
    block = {name: value for name, value in layer.fields.items() if name not in ("weights", "outputs")}
    return layer.type, block, [(f"p{number}", array, array) for number, array in enumerate(arrays, 1)]


def all_outputs(layer: Any, node: Node) -> list[str]:
    """Return the node's output, or all outputs of the unknown layer that the node is a part of."""
    outputs = layer.fields.get("outputs") if isinstance(layer, Unknown) else None
    return list(outputs) if isinstance(outputs, list) and node.output in outputs else list(node.outputs)


def as_stored_type(layer: Any, prefix: str = "") -> Any:
    """Return the layer; one of a type that a user registered becomes an Unknown with the fields that files hold."""
    entry = BY_TYPE.get(type(layer))
    if entry is None:
        return layer
    if entry.save is None:
        raise ValueError(f"{title(layer)} was registered without save=: register it with save= to write it to a file")
    return Unknown(prefix + entry.name, entry.save(layer))


@contextmanager
def errors_naming(node: Node) -> Iterator[None]:
    """Make errors that are raised inside name the layer."""
    try:
        yield
    except ValueError as error:
        what = f"layer {node.name!r} ({title(node.layer)})"
        raise error if str(error).startswith(what) else ValueError(f"{what}: {error}") from error


def no_place_error(node: Node, what: str) -> ValueError:
    """Return the error for a layer that a file of this kind cannot hold."""
    full = isinstance(node.layer, FullyConnected)
    advice = ": make it a Conv with filters as big as its input" if full else ", which has no such layer"
    return ValueError(f"layer {node.name!r} ({title(node.layer)}) cannot be written to {what}{advice}")
