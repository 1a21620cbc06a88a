"""ONNX models of a few nodes, written by the package `onnx`, and run by refvis and by ONNX's reference evaluator."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

import refvis
from refvis.layers import Unknown
from refvis.weights.onnx.file import read_bytes
from refvis.weights.onnx.read import read_onnx

FLOAT = TensorProto.FLOAT


def model(
    nodes: list[Any],
    shape: tuple[Any, ...],
    constants: dict[str, np.ndarray] | None = None,
    opset: int = 21,
    inputs: dict[str, tuple[Any, ...]] | None = None,
    output: str = "y",
) -> onnx.ModelProto:
    """Return a model of the input "x" of that shape, and of others by name, with the output `output`."""
    given = {"x": shape, **(inputs or {})}
    graph = helper.make_graph(
        nodes,
        "graph",
        [helper.make_tensor_value_info(name, FLOAT, one) for name, one in given.items()],
        [helper.make_tensor_value_info(output, FLOAT, None)],
        [numpy_helper.from_array(array, name) for name, array in (constants or {}).items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])


def one(op: str, x: np.ndarray, *constants: np.ndarray | None, opset: int = 21, **attributes: Any) -> onnx.ModelProto:
    """Return a model of one node that reads "x" and constants; None leaves an input out."""
    names = ["" if array is None else f"c{number}" for number, array in enumerate(constants)]
    node = helper.make_node(op, ["x", *names], ["y"], name=op.lower(), **attributes)
    kept = {name: array for name, array in zip(names, constants, strict=True) if array is not None}
    return model([node], x.shape, kept, opset)


def loaded(proto: onnx.ModelProto, **options: Any) -> refvis.Network:
    """Return the network of a model, as it is written to a file and read."""
    found = read_onnx(read_bytes(proto.SerializeToString()), **options)
    return refvis.Network(found.nodes, meta=found.meta, load_report=tuple(found.report))


def unknown(net: refvis.Network) -> list[str]:
    """Return the remarks on operators without a layer."""
    names = {node.name for node in net.nodes if isinstance(node.layer, Unknown)}
    found = [remark.text for remark in net.load_report if "cannot be run" in remark.text]
    assert bool(names) == bool(found)
    return found


def to_variable(x: np.ndarray) -> np.ndarray:
    """Return N x C x H x W, N x C x W or N x C as N x H x W x C."""
    four = x.reshape({2: (*x.shape, 1, 1), 3: (*x.shape[:2], 1, x.shape[-1]), 4: x.shape}[x.ndim])
    return np.ascontiguousarray(four.transpose(0, 2, 3, 1))


def from_variable(y: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Return N x H x W x C as N x C x H x W, with the axes of `shape`, which has as many values."""
    return y.transpose(0, 3, 1, 2).reshape(shape)


def run(net: refvis.Network, shape: tuple[int, ...], **inputs: np.ndarray) -> np.ndarray:
    """Return what a network makes of inputs that ONNX would take, in the shape that ONNX gives."""
    return from_variable(net.forward(**{name: to_variable(x) for name, x in inputs.items()}).output, shape)


def expected(proto: onnx.ModelProto, **inputs: np.ndarray) -> np.ndarray:
    """Return what ONNX's reference evaluator makes of inputs."""
    return np.asarray(ReferenceEvaluator(proto).run(None, inputs)[0])


def agree(proto: onnx.ModelProto, roundings: int = 64, **inputs: np.ndarray) -> refvis.Network:
    """Return the network after comparing it with ONNX's reference evaluator: equal to roundings of the largest value.

    The bound is for the few dozen products of float32 that the sums of these small models have.
    """
    net = loaded(proto)
    assert unknown(net) == []
    want = expected(proto, **inputs)
    bound = roundings * np.finfo(want.dtype).eps * max(1.0, float(np.abs(want).max(initial=0)))
    np.testing.assert_allclose(run(net, want.shape, **inputs), want, rtol=0, atol=bound)
    return net


def write(proto: onnx.ModelProto, path: Path) -> Path:
    """Write a model and return its path."""
    path.write_bytes(proto.SerializeToString())
    return path
