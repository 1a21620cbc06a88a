"""ONNX's own test cases, run node by node with layers of refvis."""

import warnings
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnx
from onnx import numpy_helper
from onnx.backend.test.loader import load_model_tests
from support.peers import onnx_losses as losses
from support.peers import onnx_values as values
from support.peers import onnx_windows as windows
from support.peers.onnx_outside import OutsideError

KINDS = ("pytorch-converted", "pytorch-operator")


def _nothing_like_it(what: str) -> Callable[..., Any]:
    def raises(*_: Any) -> Any:
        raise OutsideError(what)

    return raises


OPERATORS: dict[str, Callable[..., tuple[np.ndarray, ...]]] = {
    "Add": values.add,
    "AffineGrid": values.affine_grid,
    "AveragePool": windows.average_pool,
    "BatchNormalization": values.batch_normalisation,
    "Concat": values.concat,
    "Conv": windows.conv,
    "ConvTranspose": windows.conv_transpose,
    "Dropout": values.dropout,
    "Gemm": values.gemm,
    "GlobalAveragePool": partial(windows.global_pool, "avg"),
    "GlobalMaxPool": partial(windows.global_pool, "max"),
    "GridSample": values.grid_sample,
    "LRN": values.lrn,
    "LeakyRelu": values.leaky_relu,
    "LpNormalization": values.lp_normalisation,
    "LpPool": _nothing_like_it("Lp pooling; Pool takes the largest value or the mean"),
    "MatMul": values.matmul,
    "MaxPool": windows.max_pool,
    "MaxUnpool": windows.max_unpool,
    "Mul": values.mul,
    "NegativeLogLikelihoodLoss": losses.nll,
    "PRelu": values.p_relu,
    "Relu": values.relu,
    "RoiAlign": _nothing_like_it("interpolated regions; ROIPool reads whole pixels"),
    "Sigmoid": values.sigmoid,
    "Softmax": values.softmax,
    "SoftmaxCrossEntropyLoss": losses.cross_entropy,
    "Sum": values.add,
}
"""ONNX's operators that correspond to a layer of refvis, or nearly."""


class Case(NamedTuple):
    """A model of one node, its inputs and its expected outputs."""

    name: str
    operator: str
    model: Any
    inputs: list[np.ndarray]
    expected: list[np.ndarray]


def cases() -> Iterator[Case]:
    """Yield all cases that ONNX ships or generates whose model is one node of `OPERATORS`."""
    with warnings.catch_warnings(action="ignore"):  # of NumPy, while the cases are generated
        generated = load_model_tests(kind="node")
    for one in generated:
        if _operator(one.model):
            yield Case(one.name, _operator(one.model), one.model, *map(list, one.data_sets[0]))
    for kind in KINDS:
        for one in load_model_tests(kind=kind):
            model = onnx.load(Path(one.model_dir) / "model.onnx")
            if _operator(model):
                stored = (_stored(Path(one.model_dir), what) for what in ("input", "output"))
                yield Case(f"{kind}/{one.name}", _operator(model), model, *stored)


def run(case: Case) -> tuple[np.ndarray, ...]:
    """Return the outputs that refvis computes, or raise `OutsideError`."""
    graph, (node,) = case.model.graph, case.model.graph.node
    known = {one.name: numpy_helper.to_array(one) for one in graph.initializer}
    waiting = [one.name for one in graph.input if one.name not in known]
    known |= dict(zip(waiting, case.inputs, strict=True))
    attributes = {one.name: onnx.helper.get_attribute_value(one) for one in node.attribute}
    attributes |= {"version": case.model.opset_import[0].version, "outputs": len(node.output)}
    attributes["kept"] = case.expected[1] if case.operator == "Dropout" and len(node.output) == 2 else None
    given = [known[name] if name else None for name in node.input]
    return OPERATORS[node.op_type](attributes, *given)[: len(node.output)]


def _operator(model: Any) -> str:
    """Return the operator of a model of one node, "" for other models."""
    found = [node.op_type for node in model.graph.node]
    return found[0] if len(found) == 1 and found[0] in OPERATORS else ""


def _stored(folder: Path, what: str) -> list[np.ndarray]:
    data = folder / "test_data_set_0"
    found = []
    for number in range(len(list(data.glob(f"{what}_*.pb")))):
        tensor = onnx.TensorProto()
        tensor.ParseFromString((data / f"{what}_{number}.pb").read_bytes())
        found.append(numpy_helper.to_array(tensor))
    return found
