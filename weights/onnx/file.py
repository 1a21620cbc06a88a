"""Reader of ONNX files: the protobuf message to plain values, by the package `onnx`."""

from pathlib import Path
from typing import Any

from refvis.weights.errors import ModelFormatError
from refvis.weights.mat.matfile import require_file
from refvis.weights.mat.tree import DEFAULT_LIMITS, Budget, Limits, Tree
from refvis.weights.onnx.tensors import array_of

EXPECTED = "an ONNX model"
DAMAGED = "the file is damaged, or is no ONNX file"

GRAPH, GRAPHS, TENSOR = 5, 10, 4
"""Kinds of attributes, as ONNX numbers them; what holds graphs belongs to loops and branches."""

INSTALL = "refvis reads ONNX files by the package onnx, which is not installed: pip install 'refvis[onnx]'"


def is_onnx(path: str | Path) -> bool:
    """Return whether a file is taken for ONNX: by its ending, or by its first bytes where it has no ending.

    An ONNX file begins with its version, a small number with the tag 8.
    """
    path = Path(path)
    if path.suffix.lower() == ".onnx":
        return True
    if path.suffix or not path.is_file():
        return False
    with path.open("rb") as file:
        start = file.read(2)
    return len(start) == 2 and start[0] == 8 and start[1] < 32


def package() -> Any:
    """Return the package `onnx`, or raise ModuleNotFoundError with one line that says how to install it."""
    try:
        import onnx
    except ImportError as error:
        raise ModuleNotFoundError(INSTALL) from error
    return onnx


def read_file(path: str | Path, limits: Limits = DEFAULT_LIMITS) -> dict[str, Tree]:
    """Return the graph in an ONNX file in plain values; `limits` bound what it may hold.

    The keys: "nodes" (structs of op, domain, name, inputs, outputs, attributes), "constants" (name -> array),
    "inputs" (structs of name and shape, -1 for a size that is free), "outputs" (names), "opset" (a number). Tensors
    that are stored beside the file are read from its folder.

    Raises FileNotFoundError, ModuleNotFoundError without the package `onnx`, and ModelFormatError for a file that is
    not a model, is damaged, or declares more than `limits` allow.
    """
    path = require_file(path, EXPECTED)
    try:
        if path.stat().st_size > limits.size:
            raise ModelFormatError("a file that is too large", f"at most {limits.size:,} bytes")
        return read_bytes(path.read_bytes(), path.parent, limits)
    except ModelFormatError as error:
        error.path = path
        raise


def read_bytes(data: bytes, folder: Path | None = None, limits: Limits = DEFAULT_LIMITS) -> dict[str, Tree]:
    """Return the same for a model in memory; `folder` is where tensors may lie that it does not hold itself."""
    onnx = package()
    if not data:
        raise ModelFormatError("an empty file", EXPECTED, "fetch it again")
    try:
        model = onnx.ModelProto.FromString(data)
        if model.functions:  # operators that the model itself defines by others
            from onnx.inliner import inline_local_functions

            model = inline_local_functions(model)
    except Exception as error:  # protobuf's errors differ between its implementations; any means the same here
        raise ModelFormatError(f"no protobuf message of ONNX ({type(error).__name__})", EXPECTED, DAMAGED) from error
    if not model.graph.node:
        raise ModelFormatError("a graph without nodes", "a network", DAMAGED)
    try:
        return graph_values(model, folder, Budget(limits))
    except UnicodeDecodeError as error:
        raise ModelFormatError("text that is no UTF-8", "", DAMAGED) from error


def graph_values(model: Any, folder: Path | None, budget: Budget) -> dict[str, Tree]:
    """Return the plain values of a model's graph."""
    graph = model.graph
    constants = {}
    for tensor in graph.initializer:
        constants[tensor.name] = array_of(tensor, f"initializer {tensor.name!r}", folder, budget)
    if graph.sparse_initializer:
        raise ModelFormatError("sparse tensors", "dense ones", "save the model with dense weights")
    opsets = [entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")]
    return {
        "nodes": [node_values(node, number, folder, budget) for number, node in enumerate(graph.node)],
        "constants": constants,
        "inputs": [{"name": one.name, "shape": shape_of(one)} for one in graph.input if one.name not in constants],
        "outputs": [one.name for one in graph.output],
        "opset": max(opsets, default=1),
    }


def node_values(node: Any, number: int, folder: Path | None, budget: Budget) -> dict[str, Tree]:
    """Return a node's plain values."""
    place = f"node {number} ({node.op_type} {node.name!r})"
    budget.spend(place, 1, values=1 + len(node.input) + len(node.output) + len(node.attribute))
    return {
        "op": node.op_type,
        "domain": "" if node.domain == "ai.onnx" else node.domain,
        "name": node.name,
        "inputs": list(node.input),
        "outputs": list(node.output),
        "attributes": {one.name: attribute_value(one, place, folder, budget) for one in node.attribute},
    }


def attribute_value(attribute: Any, place: str, folder: Path | None, budget: Budget) -> Tree:
    """Return an attribute as a number, text, list of these, or array; the graphs of loops and branches as None."""
    from_package = package().helper.get_attribute_value
    place = f"{place}.{attribute.name}"
    if attribute.type == TENSOR:
        return array_of(attribute.t, place, folder, budget)
    try:
        value = from_package(attribute)
    except ValueError as error:
        raise ModelFormatError(f"an attribute of the kind {attribute.type}", "one that ONNX has", "", place) from error
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, int | float | str):
        return value
    if attribute.type in (GRAPH, GRAPHS) or not hasattr(value, "__iter__"):
        return None
    listed = list(value)
    budget.spend(place, 1, values=len(listed))
    plain = [one.decode("utf-8", "replace") if isinstance(one, bytes) else one for one in listed]
    return plain if all(isinstance(one, int | float | str) for one in plain) else None


def shape_of(value: Any) -> list[int]:
    """Return the shape that a graph's input declares, -1 for a size that is free; [] if it declares none."""
    axes = value.type.tensor_type.shape.dim
    return [int(axis.dim_value) if axis.HasField("dim_value") else -1 for axis in axes]
