"""Networks -> the struct that MatConvNet's ``net.saveobj()`` makes of a DagNN."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from refvis.layers import FullyConnected, Node, Scale, Unknown, title
from refvis.layers.base.arrays import storage
from refvis.layers.graph.registry import BY_TYPE
from refvis.weights.mat.write import Structs
from refvis.weights.matconvnet.writer_table import WRITERS
from refvis.weights.matconvnet.writers import Struct, matlab_array

Array3 = tuple[str, Any, Any]
"""What a parameter's name ends in, the layer's array, and the array as it is stored."""


def dag_struct(nodes: Sequence[Node]) -> Struct:
    """Return the struct {vars, params, layers} of a network; an array that layers share is one parameter.

    Raises ValueError for layers that a DagNN has no block for.
    """
    found = Parts()
    for node in nodes:
        found.add(node)
    names = dict.fromkeys(name for layer in found.layers for name in (*layer["inputs"], *layer["outputs"]))
    variables = Structs({"name": name, "precious": False} for name in names)
    return {"vars": variables, "params": Structs(found.params), "layers": Structs(found.layers)}


@dataclass
class Parts:
    """The layers and parameters of a struct in the making."""

    layers: list[Struct] = field(default_factory=list)
    params: list[Struct] = field(default_factory=list)
    names: dict[Any, str] = field(default_factory=dict)
    written: set[str] = field(default_factory=set)

    def add(self, node: Node) -> None:
        """Add the layer of a node; nodes of one unknown layer with several outputs are one layer again."""
        with naming(node):
            layer = as_read(node.layer, "dagnn.")
        outputs = all_outputs(layer, node)
        if outputs[0] in self.written:
            return
        self.written.update(outputs)
        with naming(node):
            kind, block, arrays = unknown_parts(layer) if isinstance(layer, Unknown) else parts(layer, node)
        params = [self.param(node.name + ending, array, value) for ending, array, value in arrays]
        wiring = {"inputs": list(node.inputs), "outputs": outputs, "params": params}
        self.layers.append({"name": node.name, "type": kind, **wiring, "block": block})

    def param(self, name: str, array: Any, value: Any) -> str:
        """Return the name of the parameter for an array, the first one's if it is shared."""
        is_array = isinstance(array, np.ndarray) and array.size
        key = (storage(array), value.shape) if is_array else name  # the same numbers, stored in the same shape
        if key not in self.names:
            self.names[key] = name
            self.params.append({"name": name, "value": value, "learningRate": 1.0, "weightDecay": 1.0})
        return self.names[key]


def parts(layer: Any, node: Node) -> tuple[str, Struct, list[Array3]]:
    """Return a layer's block class, its block's fields, and its arrays."""
    writer = WRITERS.get(type(layer))
    if writer is None or not writer.block:
        raise cannot(node, "a DagNN")
    renamed = dict(writer.renamed)
    block = {renamed.get(name, name): value for name, value in writer.fields(layer).items()} | writer.more(layer)
    arrays = [(letter, getattr(layer, name), stored(name, getattr(layer, name))) for name, letter in writer.arrays]
    while arrays and (arrays[-1][1] is None or (arrays[0][1] is None and writer.block == "Scale")):
        arrays.pop(-1 if arrays[-1][1] is None else 0)  # what a Scale has not is an input
    if isinstance(layer, Scale):
        block["hasBias"] = len(node.inputs) + len(arrays) > 2
        if layer.scale is not None and len(node.inputs) > 1:
            raise ValueError("MatConvNet cannot take the offset from an input where the factor is a parameter")
    return f"dagnn.{writer.block}", block, arrays


def unknown_parts(layer: Unknown) -> tuple[str, Struct, list[Array3]]:
    """Return the same of a layer without implementation, as they were read."""
    arrays = layer.fields.get("weights", [])
    block = {name: value for name, value in layer.fields.items() if name not in ("weights", "outputs")}
    return layer.type, block, [(f"p{number}", array, array) for number, array in enumerate(arrays, 1)]


def all_outputs(layer: Any, node: Node) -> list[str]:
    """Return the node's output, or those of the whole layer of which it is a part."""
    found = layer.fields.get("outputs") if isinstance(layer, Unknown) else None
    return list(found) if isinstance(found, list) and node.output in found else list(node.outputs)


def as_read(layer: Any, prefix: str = "") -> Any:
    """Return a layer as it is; one of a type that a user registered as the Unknown that files hold."""
    found = BY_TYPE.get(type(layer))
    if found is None:
        return layer
    if found.save is None:
        raise ValueError(f"{title(layer)} was registered without save=, so that it cannot be written")
    return Unknown(prefix + found.name, found.save(layer))


def stored(name: str, array: Any) -> Any:
    """Return a layer's array as it is stored, [] where it is absent."""
    return np.zeros((0, 0), "float32") if array is None else matlab_array(name, array)


@contextmanager
def naming(node: Node) -> Iterator[None]:
    """Let an error say at which layer it was raised."""
    try:
        yield
    except ValueError as error:
        what = f"layer {node.name!r} ({title(node.layer)})"
        raise error if str(error).startswith(what) else ValueError(f"{what}: {error}") from error


def cannot(node: Node, what: str) -> ValueError:
    """Return the error for a layer that has no place in a file."""
    advice = ": make it a Conv with filters as big as its input" if isinstance(node.layer, FullyConnected) else ""
    return ValueError(f"layer {node.name!r} ({title(node.layer)}) cannot be written to {what}{advice}")
