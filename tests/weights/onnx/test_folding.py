"""Constants that exporters compute: as ONNX's reference evaluator computes them."""

import numpy as np
import pytest

pytest.importorskip("onnx", reason="onnx is not installed: pip install 'refvis[onnx]'")
from onnx import helper
from onnx.reference import ReferenceEvaluator
from support.onnx_models import FLOAT

from refvis.weights.onnx.folding import FOLDED, fold
from refvis.weights.onnx.layout import Unmapped

RANDOM = np.random.default_rng(0)
A, B = (RANDOM.normal(size=(2, 3, 4)).astype("float32") for _ in "ab")
K, J = (RANDOM.integers(1, 9, (2, 3, 4)) for _ in "ij")
POSITIVE = np.abs(A) + np.float32(0.5)
WHOLE = np.array

CASES = [
    *[(op, (A, B[:1]), {}) for op in ("Add", "Sub", "Mul", "Div", "Max", "Min", "Sum", "Equal", "Greater", "Less")],
    *[(op, (K, J), {}) for op in ("Add", "Sub", "Mul", "Div", "Mod")],
    ("Div", (-K, J), {}),
    *[(op, (A,), {}) for op in ("Abs", "Ceil", "Exp", "Floor", "Identity", "Neg", "Size", "Shape", "Transpose")],
    *[(op, (POSITIVE,), {}) for op in ("Sqrt", "Reciprocal")],
    ("Pow", (POSITIVE, np.float32(3)), {}),
    *[(op, (A > 0, B > 0), {}) for op in ("And",)],
    ("Not", (A > 0,), {}),
    ("Cast", (A,), {"to": 7}),
    ("Cast", (K,), {"to": 1}),
    ("Concat", (A, B), {"axis": 1}),
    ("Concat", (A, B), {"axis": -1}),
    ("ConstantOfShape", (WHOLE([2, 3]),), {}),
    ("ConstantOfShape", (WHOLE([2, 3]),), {"value": helper.make_tensor("v", 7, [1], [5])}),
    ("Expand", (A[:, :1], WHOLE([3, 1])), {}),
    ("Gather", (A, WHOLE([1, 0, -1])), {"axis": 1}),
    ("Gather", (A, WHOLE(1)), {}),
    ("Range", (WHOLE(1), WHOLE(9), WHOLE(3)), {}),
    *[(op, (A,), {"keepdims": 0}) for op in ("ReduceMax", "ReduceMean", "ReduceMin", "ReduceProd", "ReduceSum")],
    *[(op, (A, WHOLE([0, -1])), {}) for op in ("ReduceMax", "ReduceMean", "ReduceMin", "ReduceProd", "ReduceSum")],
    ("ReduceSum", (A,), {"noop_with_empty_axes": 1}),
    ("Reshape", (A, WHOLE([0, -1])), {}),
    ("Reshape", (A, WHOLE([4, 6])), {}),
    ("Shape", (A,), {"start": 1}),
    ("Shape", (A,), {"end": -1}),
    ("Slice", (A, WHOLE([1, 0]), WHOLE([2**62, 2]), WHOLE([2, 1])), {}),
    ("Slice", (A, WHOLE([-1]), WHOLE([-(2**63)]), WHOLE([1]), WHOLE([-1])), {}),
    ("Squeeze", (A[:, :1],), {}),
    ("Squeeze", (A[:1, :1], WHOLE([1])), {}),
    ("Transpose", (A,), {"perm": [1, 2, 0]}),
    ("Unsqueeze", (A, WHOLE([0, -1])), {}),
    ("Where", (A > 0, A, B), {}),
]


def plain(value):
    return np.array([5]) if hasattr(value, "dims") else value


@pytest.mark.parametrize(("op", "inputs", "attributes"), CASES, ids=[case[0] for case in CASES])
def test_as_the_reference_evaluator(op, inputs, attributes):
    names = [f"i{number}" for number in range(len(inputs))]
    node = helper.make_node(op, names, ["y"], **attributes)
    values = [helper.make_tensor_value_info(name, FLOAT, None) for name in [*names, "y"]]
    graph = helper.make_graph([node], "graph", values[:-1], values[-1:])
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)])
    want = ReferenceEvaluator(proto).run(None, dict(zip(names, inputs, strict=True)))[0]
    found = fold(op, list(inputs), {name: plain(value) for name, value in attributes.items()})
    np.testing.assert_array_equal(found, want)
    assert found.dtype == np.asarray(want).dtype


@pytest.mark.parametrize(
    ("attributes", "value"),
    [({"value": A}, A), ({"value_float": 2.5}, np.float32(2.5)), ({"value_ints": [2, 3]}, np.array([2, 3]))],
)
def test_constants(attributes, value):
    np.testing.assert_array_equal(fold("Constant", [], attributes), value)


@pytest.mark.parametrize(
    ("op", "inputs", "attributes"),
    [
        ("Constant", [], {}),
        ("Constant", [], {"value_string": "a"}),
        ("ConstantOfShape", [WHOLE([2**20, 2**20])], {}),
        ("ConstantOfShape", [WHOLE([-1])], {}),
        ("Expand", [A, WHOLE([2**40, 1, 1, 1])], {}),
        ("Range", [WHOLE(0), WHOLE(2**60), WHOLE(1)], {}),
        ("Range", [WHOLE(0), WHOLE(9), WHOLE(0)], {}),
        ("Reshape", [A, WHOLE([5, 5])], {}),
        ("Concat", [A, B[:, :, :1]], {"axis": 1}),
        ("Concat", [A], {}),
        ("Gather", [A, WHOLE(7)], {}),
        ("Add", [A, None], {}),
        ("Add", [np.zeros((2**20, 1)), np.zeros((1, 2**20))], {}),
        ("Cast", [A], {"to": 99}),
        ("Loop", [A], {}),
    ],
)
def test_what_makes_no_sense_is_unknown(op, inputs, attributes):
    with pytest.raises(Unmapped):
        fold(op, inputs, attributes)


def test_every_row_of_the_table_is_tested():
    assert {case[0] for case in CASES} | {"Constant"} == set(FOLDED)
