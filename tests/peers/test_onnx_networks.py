"""Networks that torch exports to ONNX: the loaded network has torch's outputs and input gradients, and modes run on it.

Both of torch's exporters are tried, the older one, and the newer one where onnxscript is installed.
"""

import io
import warnings
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch", reason="torch is not installed: CONTRIBUTING.md says how")
pytest.importorskip("onnx", reason="onnx is not installed: CONTRIBUTING.md says how")

import torch
from support.onnx_models import unknown
from support.peers import torch_zoo

import refvis
from refvis import layers
from refvis.weights.onnx.file import read_bytes
from refvis.weights.onnx.read import read_onnx

ROUNDINGS = 2.0**-23 * 256
"""Largest difference, relative to the largest value: sums of up to a few hundred products, in some ten layers."""

EXPORTERS = [
    pytest.param(False, id="torchscript"),
    pytest.param(True, id="dynamo", marks=pytest.mark.skipif(not find_spec("onnxscript"), reason="no onnxscript")),
]
ZOO = pytest.mark.parametrize("kind", torch_zoo.ZOO, ids=lambda kind: kind.__name__)


def exported(module: Any, x: Any, dynamo: bool) -> refvis.Network:
    """Return the network that torch exports, without a file."""
    stream = io.BytesIO()
    with warnings.catch_warnings(action="ignore"):
        torch.onnx.export(module, (x,), stream, dynamo=dynamo, verbose=False)
    found = read_onnx(read_bytes(stream.getvalue()))
    return refvis.Network(found.nodes, meta=found.meta, load_report=tuple(found.report))


def to_variable(x: Any) -> np.ndarray:
    array = x.detach().numpy()
    array = array.reshape(*array.shape, *[1] * (4 - array.ndim))
    return np.ascontiguousarray(array.transpose(0, 2, 3, 1))


def assert_close(found: np.ndarray, expected: np.ndarray) -> None:
    assert np.abs(expected).max() > 0
    np.testing.assert_allclose(found, expected, rtol=0, atol=ROUNDINGS * np.abs(expected).max())


@pytest.mark.parametrize("dynamo", EXPORTERS)
@ZOO
def test_outputs_and_gradients_are_those_of_torch(kind, dynamo):
    module = torch_zoo.made(kind)
    x = torch.randn(1, 3, *torch_zoo.SIZE, requires_grad=True)
    net = exported(module, x.detach(), dynamo)
    assert unknown(net) == []
    output = module(x)
    seed = torch.randn_like(output)
    output.backward(seed)
    trace = net.forward(to_variable(x))
    assert_close(trace.output, to_variable(output))
    (variable,) = net.outputs
    back = net.backward(trace, {variable: to_variable(seed)}, "gradient")[net.inputs[0]]
    assert_close(back, to_variable(x.grad))


@ZOO
def test_methods_run(kind):
    module = torch_zoo.made(kind)
    x = torch.randn(1, 3, *torch_zoo.SIZE)
    net = exported(module, x, False)
    assert net.input_size == torch_zoo.SIZE
    scores = net.forward(to_variable(x))[net.scores]
    channel = int(scores.max(axis=(0, 1, 2)).argmax())
    for mode in ("guided", "deconvnet", "epsilon", "epsilon_plus_flat", "epsilon_alpha2_beta1"):
        values = refvis.deconvolution(net, to_variable(x), mode, at=net.scores, channel=channel).values
        assert np.isfinite(values).all()
        assert np.abs(values).max() > 0


def test_weights_are_those_of_the_state_dict():
    module = torch_zoo.made(torch_zoo.Vgg)
    net = exported(module, torch.randn(1, 3, *torch_zoo.SIZE), False)
    state = {name: value.numpy() for name, value in module.state_dict().items()}
    convs = [node.layer for node in net.nodes if isinstance(node.layer, layers.Conv)]
    for layer, number in zip(convs, (0, 3, 6), strict=True):
        np.testing.assert_array_equal(layer.filters.transpose(0, 3, 1, 2), state[f"features.{number}.weight"])
        np.testing.assert_array_equal(layer.biases, state[f"features.{number}.bias"])
    first = next(node.layer for node in net.nodes if isinstance(node.layer, layers.FullyConnected))
    columns = state["classifier.0.weight"].reshape(19, 10, 3, 3).transpose(0, 2, 3, 1).reshape(19, -1)
    np.testing.assert_array_equal(first.weights, columns)
