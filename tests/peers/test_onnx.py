"""ONNX's own cases: one node each, generated (kind "node") or exported from PyTorch and shipped with their values.

The models of kind "real" are downloads, and left out; `test_onnx_models.py` has those of kind "light".
"""

import numpy as np
import pytest

pytest.importorskip("onnx", reason="onnx is not installed: CONTRIBUTING.md says how")

import onnx
from onnx.reference import ReferenceEvaluator
from support.peers import onnx_run
from support.peers.compared import assert_close
from support.peers.onnx_outside import OutsideError
from support.peers.onnx_table import MAPPED_NAMES, OUTSIDE_NAMES

from refvis import layers

CASES = {case.name.replace("test_", ""): case for case in onnx_run.cases()}
TABLE = "1.23.2"
ROUNDINGS = 4 * np.finfo(np.float32).eps
"""Largest difference, relative to the largest value of an output."""
PRINTED = {"averagepool_2d_ceil_last_window_starts_on_pad": 0.5e-4 * (1 + 4 / 9)}
"""Printed with four digits behind the point, as are the four values that a ninth of each sum is made of."""


@pytest.mark.skipif(onnx.__version__ != TABLE, reason=f"the table is that of onnx {TABLE}, not {onnx.__version__}")
def test_each_case_is_mapped_or_outside() -> None:
    np.testing.assert_equal(sorted(CASES), sorted(MAPPED_NAMES | OUTSIDE_NAMES.keys()))
    np.testing.assert_equal(sorted(MAPPED_NAMES & OUTSIDE_NAMES.keys()), [])


@pytest.mark.parametrize("name", sorted(MAPPED_NAMES & CASES.keys()))
def test_mapped(name: str) -> None:
    case = CASES[name]
    for found, expected in zip(onnx_run.run(case), case.expected, strict=True):
        atol = PRINTED.get(name, ROUNDINGS * np.abs(expected, dtype=float).max(initial=0))
        assert_close("ONNX", found, expected, atol, name)


@pytest.mark.parametrize("name", sorted(OUTSIDE_NAMES.keys() & CASES.keys()))
def test_outside(name: str) -> None:
    with pytest.raises(OutsideError) as error:
        onnx_run.run(CASES[name])
    np.testing.assert_equal(str(error.value), OUTSIDE_NAMES[name])


def lrn_of_both(shape: tuple[int, int, int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Return LRN here and by ONNX's reference evaluator, N x C x H x W."""
    x = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    value = [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape) for name in "xy"]
    node = onnx.helper.make_node("LRN", ["x"], ["y"], size=3, alpha=1.0)
    model = onnx.helper.make_model(onnx.helper.make_graph([node], "lrn", value[:1], value[1:]))
    found = layers.forward(layers.LRN(3, 1.0, 1 / 3), x.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)
    return found, ReferenceEvaluator(model).run(None, {"x": x})[0]


def test_lrn_of_as_many_images_as_channels() -> None:
    found, expected = lrn_of_both((3, 3, 4, 5))
    assert_close("ONNX", found, expected, ROUNDINGS * np.abs(expected).max())


def test_lrn_of_the_reference_evaluator_goes_by_the_number_of_images() -> None:
    """It loops over images instead of channels (onnx#7805, mended after 1.23.2): the second channel stays as it was."""
    if tuple(map(int, onnx.__version__.split(".")[:2])) > (1, 23):
        pytest.skip(f"onnx {onnx.__version__} may have mended LRN of its reference evaluator")
    found, theirs = lrn_of_both((1, 2, 4, 5))
    assert_close("ONNX", found[:, :1], theirs[:, :1], ROUNDINGS * np.abs(found).max())
    np.testing.assert_array_less(0.1, np.abs(found[:, 1] - theirs[:, 1]).max())
