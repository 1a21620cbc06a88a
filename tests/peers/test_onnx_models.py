"""Whole networks that onnx ships, loaded as refvis loads them: their weights are constants, their outputs are stored.

All classes are equal there, so that only sizes, connections and normalisations show; scores of 1e10 differ by rounding
in float32, and the networks compute in float64. zfnet512 and vgg19 are left out for their size.
"""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("onnx", reason="onnx is not installed: CONTRIBUTING.md says how")

import onnx
from onnx import numpy_helper
from support.peers.compared import assert_close

import refvis

FOLDER = Path(onnx.__file__).parent / "backend" / "test" / "data" / "light"
NAMES = ("bvlc_alexnet", "densenet121", "inception_v1", "inception_v2", "resnet50", "shufflenet", "squeezenet")
if not FOLDER.is_dir():
    pytest.skip(f"onnx {onnx.__version__} ships no networks", allow_module_level=True)


@pytest.mark.parametrize("name", NAMES)
def test_network(name: str) -> None:
    net = refvis.load(FOLDER / f"light_{name}.onnx")
    stored = onnx.TensorProto()
    stored.ParseFromString((FOLDER / f"light_{name}_output_0.pb").read_bytes())
    expected = numpy_helper.to_array(stored).reshape(1, 1, 1, -1)
    found = net.forward(np.ones((1, 224, 224, 3))).output
    assert_close("ONNX", found, expected, 1e-6 * np.abs(expected).max())
