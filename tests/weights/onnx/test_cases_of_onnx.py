"""ONNX's own cases: models of one node, or of a few that PyTorch exported, with inputs and outputs.

Their weights are inputs, and become constants here. A negation is added after each, so that operators which only move
axes have something to hand on. A case is `equal`, or its operator is unknown, or its input is no image or row.
"""

import warnings
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

pytest.importorskip("onnx", reason="onnx is not installed: pip install 'refvis[onnx]'")

import onnx
from onnx import helper, numpy_helper
from onnx.backend.test.loader import load_model_tests
from support.onnx_models import loaded, run, unknown

from refvis.weights import ModelFormatError
from refvis.weights.onnx.handlers import HANDLERS, SEVERAL

FEATURES = ("Add", "Concat", "Mul", "Sub", "Sum")
"""Operators whose inputs may all be features."""

EQUAL: dict[str, int] = {
    "Add": 10,
    "AveragePool": 15,
    "BatchNormalization": 7,
    "Cast": 0,
    "Clip": 4,
    "Concat": 7,
    "Conv": 26,
    "ConvTranspose": 13,
    "DepthToSpace": 2,
    "Div": 1,
    "Dropout": 7,
    "Expand": 0,
    "Flatten": 0,
    "Gather": 1,
    "Gemm": 10,
    "GlobalAveragePool": 2,
    "GlobalMaxPool": 2,
    "HardSigmoid": 2,
    "HardSwish": 1,
    "Identity": 1,
    "LRN": 2,
    "LeakyRelu": 4,
    "LogSoftmax": 5,
    "MatMul": 2,
    "MaxPool": 17,
    "Mul": 6,
    "Neg": 2,
    "PRelu": 2,
    "Pad": 1,
    "ReduceMax": 0,
    "ReduceMean": 0,
    "Relu": 2,
    "Reshape": 1,
    "Resize": 18,
    "Sigmoid": 2,
    "Slice": 2,
    "Softmax": 6,
    "Split": 5,
    "Squeeze": 1,
    "Sub": 2,
    "Sum": 0,
    "Tanh": 2,
    "Transpose": 1,
    "Unsqueeze": 1,
    "Upsample": 1,
}
"""Operator -> how many of its cases load, and are equal."""


class Case(NamedTuple):
    """A model, its inputs by name, and its first output."""

    name: str
    model: Any
    inputs: dict[str, np.ndarray]
    output: np.ndarray
    rtol: float
    atol: float


def raw_cases() -> Iterator[tuple[str, Any, list[Any], list[Any], float, float]]:
    with warnings.catch_warnings(action="ignore"):
        generated = load_model_tests(kind="node")
    for one in generated:
        if "_expanded" not in one.name and "cast" not in one.name:
            yield one.name, one.model, *one.data_sets[0], one.rtol, one.atol
    for kind in ("pytorch-converted", "pytorch-operator"):
        for one in load_model_tests(kind=kind):
            folder = Path(one.model_dir)
            values: list[list[Any]] = [[], []]
            for part, found in zip(("input", "output"), values, strict=True):
                for number in range(len(list((folder / "test_data_set_0").glob(f"{part}_*.pb")))):
                    data = (folder / "test_data_set_0" / f"{part}_{number}.pb").read_bytes()
                    found.append(numpy_helper.to_array(onnx.TensorProto.FromString(data)))
            yield one.name, onnx.load(folder / "model.onnx"), *values, one.rtol, one.atol


@cache
def cases() -> dict[str, list[Case]]:
    """Return the cases of floats by the operator that they are named for: the last that is in the table."""
    found: dict[str, list[Case]] = {}
    for name, model, inputs, outputs, rtol, atol in raw_cases():
        ops = [node.op_type for node in model.graph.node if node.op_type in HANDLERS | SEVERAL]
        arrays = [np.asarray(value) for value in inputs if isinstance(value, np.ndarray | np.generic)]
        if not ops or len(arrays) != len(inputs) or not arrays or arrays[0].dtype.kind != "f":
            continue
        if arrays[0].dtype == "float16":
            continue
        names = [value.name for value in model.graph.input]
        given = dict(
            zip([one for one in names if one not in {t.name for t in model.graph.initializer}], arrays, strict=False)
        )
        found.setdefault(ops[-1], []).append(Case(name, model, given, np.asarray(outputs[0]), rtol, atol))
    return found


def prepared(case: Case, all_features: bool) -> tuple[Any, dict[str, np.ndarray]]:
    """Return the model with its weights as constants and a negation at its end, and the inputs that are left."""
    proto = onnx.ModelProto.FromString(case.model.SerializeToString())
    kept: dict[str, np.ndarray] = {}
    for name, array in case.inputs.items():
        if not kept or (all_features and array.dtype.kind == "f"):
            kept[name] = array
        else:
            proto.graph.initializer.append(numpy_helper.from_array(array, name))
    last = proto.graph.output[0].name
    proto.graph.node.append(helper.make_node("Neg", [last], ["negated"]))
    del proto.graph.output[:]
    proto.graph.output.append(helper.make_tensor_value_info("negated", 1, None))
    return proto, kept


def outcome(case: Case, all_features: bool) -> str:
    """Return "equal", "different", "unknown", "no image" or "refused"."""
    proto, inputs = prepared(case, all_features)
    try:
        net = loaded(proto)
    except ModelFormatError as error:
        return "no image" if "two, three or four axes" in str(error) else "refused"
    if unknown(net):
        return "unknown"
    if any(x.ndim not in (2, 3, 4) for x in inputs.values()):
        return "no image"
    found = -run(net, case.output.shape, **{name: x for name, x in inputs.items() if name in net.inputs})
    return "equal" if np.allclose(found, case.output, case.rtol, case.atol) else "different"


@pytest.mark.parametrize("op", sorted(HANDLERS | SEVERAL))
def test_cases(op):
    results = Counter()
    for case in cases().get(op, []):
        if "training_dropout" in case.name and "zero_ratio" not in case.name:
            continue  # its output is drawn at random
        results[outcome(case, False)] += 1
        if op in FEATURES:
            results[outcome(case, True)] += 1
    assert results["different"] + results["refused"] == 0
    assert results["equal"] == EQUAL[op]
