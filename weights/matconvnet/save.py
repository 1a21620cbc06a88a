"""Networks -> MatConvNet model files: a simplenn struct for a chain, else the struct that a DagNN's `saveobj` makes."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from refvis.layers import Node, Unknown, title
from refvis.weights.mat.write import write_v5
from refvis.weights.matconvnet.blocks import LOSSES
from refvis.weights.matconvnet.save_dag import as_read, cannot, dag_struct, naming, stored
from refvis.weights.matconvnet.writer_table import WRITERS
from refvis.weights.matconvnet.writers import Struct


def save_model(nodes: Sequence[Node], meta: dict[str, Any], path: str | Path) -> None:
    """Write nodes and `meta` as the variable `net` of a v5 .mat file, whole or not at all.

    A chain with the variables x0, x1, ... becomes a simplenn struct, any other network a DagNN's (for MatConvNet's
    ``dagnn.DagNN.loadobj``). Reading it gives the same layers, names and weights, bit for bit; layers that share an
    array share it again. Raises ValueError for layers that a file has no word for.
    """
    if is_canonical_chain(nodes):
        save_simplenn(nodes, meta, path)
    else:
        write_v5(path, {"net": {**dag_struct(nodes), "meta": tidied_meta(meta)}})


def save_simplenn(nodes: Sequence[Node], meta: dict[str, Any], path: str | Path) -> None:
    """Write a chain of nodes and its `meta` as the variable `net` of a v5 .mat file, whole or not at all.

    Reading it gives the same layers and weights, bit for bit; variables are then named x0, x1, ...
    Raises ValueError for a network that is no chain, and for layers that simplenn has no word for.
    """
    check_chain(nodes)
    layers = [tidied(node) for node in nodes]
    write_v5(path, {"net": {"layers": layers, "meta": tidied_meta(meta)}})


def is_canonical_chain(nodes: Sequence[Node]) -> bool:
    """Whether nodes are a chain with simplenn's names of variables, of layers that simplenn knows."""
    for index, node in enumerate(nodes):
        read = (f"x{index}", "label") if takes_labels(node) else (f"x{index}",)
        layer, writer = node.layer, WRITERS.get(type(node.layer))
        if (node.inputs, node.outputs) != (read, (f"x{index + 1}",)):
            return False
        if isinstance(layer, Unknown) and layer.type.startswith("dagnn."):
            return False
        if writer is not None and not (writer.type and writer.simplenn(layer)):
            return False
    return True


def takes_labels(node: Node) -> bool:
    """Whether a layer has a second input in a chain."""
    writer = WRITERS.get(type(node.layer))
    return writer is not None and writer.type in LOSSES


def check_chain(nodes: Sequence[Node]) -> None:
    """Raise ValueError unless every node reads the one before it (a loss: labels too), and nothing else."""
    if not nodes:
        raise ValueError("the network has no layers, expected at least one")
    for before, node in zip((None, *nodes), nodes, strict=False):
        expected = None if before is None else before.outputs[0]
        extra = 1 if takes_labels(node) else 0
        if len(node.inputs) != 1 + extra or (expected is not None and node.inputs[0] != expected):
            wanted = "one input" if expected is None else f"only {expected!r}"
            raise ValueError(
                f"a simplenn file holds a chain only, but layer {node.name!r} reads "
                f"{', '.join(map(repr, node.inputs))}, "
                f"expected {wanted}{' and labels' if extra else ''}"
            )


def tidied(node: Node) -> Struct:
    """Return the struct of one layer."""
    with naming(node):
        layer = as_read(node.layer)
    if isinstance(layer, Unknown):  # keeps exactly what it had
        return {"type": layer.type, "name": node.name, **layer.fields}
    writer = WRITERS.get(type(layer))
    if writer is None or not writer.type:
        raise cannot(node, "a simplenn file")
    with naming(node):
        if not writer.simplenn(layer):
            raise ValueError(f"simplenn has no such {title(layer)}: refvis.save writes a DagNN for it")
        arrays = [stored(name, getattr(layer, name)) for name, _ in writer.arrays]
        fields = writer.fields(layer)
    return {"type": writer.type, "name": node.name, "weights": arrays, "precious": False, **fields}


def tidied_meta(meta: dict[str, Any]) -> Struct:
    """Return meta with the average colour (C numbers) as MATLAB's 1 x 1 x C."""
    normalization = meta.get("normalization")
    average = normalization.get("averageImage") if isinstance(normalization, dict) else None
    if isinstance(average, np.ndarray) and average.ndim == 1:
        return {**meta, "normalization": {**meta["normalization"], "averageImage": average.reshape(1, 1, -1)}}
    return meta
