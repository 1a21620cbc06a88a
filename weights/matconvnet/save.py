"""Writer of MatConvNet model files: a simplenn struct for a chain, a DagNN's struct for any other network."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from refvis.layers import Node, Unknown, title
from refvis.layers.base.blocks import Struct
from refvis.weights.mat.write import write_v5
from refvis.weights.matconvnet.blocks import BLOCKS, LABELLED
from refvis.weights.matconvnet.matlab_values import matlab_array, matlab_fields
from refvis.weights.matconvnet.save_dag import as_stored_type, dag_struct, errors_naming, no_place_error


def save_model(nodes: Sequence[Node], meta: dict[str, Any], path: str | Path) -> None:
    """Write a network as a MatConvNet model: the variable `net` of a v5 .mat file.

    A chain with the variables x0, x1, ... becomes a simplenn struct, any other network the struct of a DagNN, which
    MatConvNet's ``dagnn.DagNN.loadobj`` takes. The file appears whole or not at all; an existing one is replaced.
    `nodes` stand in the order in which a DagNN's file is to have them, `meta` is what ``net.meta`` holds. Reading the
    file gives the same layers, names and weights, bit for bit; layers that share an array share it again.

    Raises ValueError for layers that no such file can hold, and OSError.

    >>> from refvis import layers
    >>> from refvis.weights import read_model, save_model
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as directory:
    ...     save_model([layers.Node("relu", layers.ReLU(), ("x0",), ("x1",))], {}, f"{directory}/relu.mat")
    ...     read_model(f"{directory}/relu.mat").nodes[0].name
    'relu'
    """
    if is_canonical_chain(nodes):
        save_simplenn(nodes, meta, path)
    else:
        write_v5(path, {"net": dag_struct(nodes, meta_struct(meta))})


def save_simplenn(nodes: Sequence[Node], meta: dict[str, Any], path: str | Path) -> None:
    """Write a chain as a simplenn model: the variable `net` of a v5 .mat file.

    As `save_model`, for a chain whose variables have any names; in the file they are x0, x1, ...
    Raises ValueError for a network that is not a chain, and for layers that simplenn does not have, and OSError.

    >>> from refvis import layers
    >>> from refvis.weights import read_model, save_simplenn
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as directory:
    ...     save_simplenn([layers.Node("relu", layers.ReLU(), ("image",), ("y",))], {}, f"{directory}/relu.mat")
    ...     read_model(f"{directory}/relu.mat").nodes[0].inputs
    ('x0',)
    """
    check_chain(nodes)
    layers = [layer_struct(node) for node in nodes]
    write_v5(path, {"net": {"layers": layers, "meta": meta_struct(meta)}})


def is_canonical_chain(nodes: Sequence[Node]) -> bool:
    """Whether the nodes form a chain of layers that simplenn has, with simplenn's names of variables."""
    for index, node in enumerate(nodes):
        read = (f"x{index}", "label") if takes_labels(node) else (f"x{index}",)
        layer, block = node.layer, BLOCKS.get(type(node.layer))
        if (node.inputs, node.outputs) != (read, (f"x{index + 1}",)):
            return False
        if isinstance(layer, Unknown) and layer.type.startswith("dagnn."):
            return False
        if block is not None and not (block.type and block.in_chain(layer)):
            return False
    return True


def takes_labels(node: Node) -> bool:
    """Whether the layer reads a second input, such as labels, in a chain."""
    block = BLOCKS.get(type(node.layer))
    return block is not None and block.type in LABELLED


def check_chain(nodes: Sequence[Node]) -> None:
    """Raise ValueError unless every node reads the one before it, and nothing else but a loss its labels."""
    if not nodes:
        raise ValueError("the network has no layers, expected at least one")
    for before, node in zip((None, *nodes), nodes, strict=False):
        expected = None if before is None else before.outputs[0]
        extra = 1 if takes_labels(node) else 0
        if len(node.inputs) != 1 + extra or (expected is not None and node.inputs[0] != expected):
            one_input = "one input" if expected is None else f"only {expected!r}"
            raise ValueError(
                f"a simplenn file holds a chain only, but layer {node.name!r} reads "
                f"{', '.join(map(repr, node.inputs))}, "
                f"expected {one_input}{' and labels' if extra else ''}"
            )


def layer_struct(node: Node) -> Struct:
    """Return the simplenn struct of one layer."""
    with errors_naming(node):
        layer = as_stored_type(node.layer)
    if isinstance(layer, Unknown):  # it is written exactly as it was read
        return {"type": layer.type, "name": node.name, **layer.fields}
    block = BLOCKS.get(type(layer))
    if block is None or not block.type:
        raise no_place_error(node, "a simplenn file")
    with errors_naming(node):
        if not block.in_chain(layer):
            advice = "refvis.save writes a DagNN for it" if block.block else "nor has a DagNN; it cannot be saved"
            raise ValueError(f"simplenn has no such {title(layer)}: {advice}")
        arrays = [matlab_array(name, getattr(layer, name)) for name, _ in block.arrays]
        fields = matlab_fields(block.fields(layer) | block.only_chain(layer))
    return {"type": block.type, "name": node.name, "weights": arrays, "precious": False, **fields}


def meta_struct(meta: dict[str, Any]) -> Struct:
    """Return `meta` as it is stored: an average or deviation of C numbers becomes MATLAB's 1 x 1 x C."""
    normalization = meta.get("normalization")
    if not isinstance(normalization, dict):
        return meta
    colours = {name: normalization.get(name) for name in ("averageImage", "imageStd")}
    stored = {
        name: value.reshape(1, 1, -1)
        for name, value in colours.items()
        if isinstance(value, np.ndarray) and value.ndim == 1
    }
    return {**meta, "normalization": {**normalization, **stored}} if stored else meta
