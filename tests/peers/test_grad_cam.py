"""grad-cam (pytorch-grad-cam) on the same networks: Grad-CAM, HiResCAM and guided backpropagation.

Its own tests hold no numbers. It scales each map to 0 ... 1, resizes it with OpenCV in float32, and scales it again.
HiResCAM is called linear approximation here, and has no ReLU.
"""

from typing import Any

import numpy as np
import pytest
from support.peers import MISSING, absent, nets

if MISSING or absent("pytorch_grad_cam"):
    missing = ", ".join([*MISSING, *absent("pytorch_grad_cam")])
    pytest.skip(f"{missing} not installed: CONTRIBUTING.md says how", allow_module_level=True)

from support.peers import maps, torchvision_names
from support.peers.compared import assert_close
from support.peers.torch_nets import TorchNet, to_torch

torchvision_names.provide()

import pytorch_grad_cam  # noqa: E402
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget  # noqa: E402

import refvis  # noqa: E402
from refvis.results.upsampling import upsample_bilinear  # noqa: E402

LAYER = "relu2"
SINGLE = 16 * np.finfo(np.float32).eps
"""grad-cam scales and resizes in float32, to values of up to 1."""
NETS = pytest.mark.parametrize("net", nets.NETS)
CHANNELS = pytest.mark.parametrize("channel", range(nets.CLASSES))


def scaled(values: np.ndarray) -> np.ndarray:
    """Return each map less its least value, divided by the largest (and 1e-7), as grad-cam does."""
    low = values - values.min(axis=(1, 2, 3), keepdims=True)
    return low / (1e-7 + low.max(axis=(1, 2, 3), keepdims=True))


def theirs(made: Any, graph: Any, x: np.ndarray, channel: int) -> np.ndarray:
    net = TorchNet(graph, x.shape, maps.Added)
    targets = [ClassifierOutputTarget(channel)] * len(x)
    with made(model=net, target_layers=[net.steps[LAYER]]) as cam:
        return cam(input_tensor=to_torch(x), targets=targets)[..., None]


def as_theirs(values: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
    """Return a map as grad-cam shows it."""
    return scaled(upsample_bilinear(scaled(np.maximum(values, 0)), size))


@CHANNELS
@NETS
def test_grad_cam(net: str, channel: int) -> None:
    graph, x = refvis.Network(nets.NETS[net](0, biases=True).nodes), nets.signed(0)
    found = refvis.grad_cam(graph, x, channel=channel, layer=LAYER, upsample=False).values
    expected = theirs(pytorch_grad_cam.GradCAM, graph, x, channel)
    assert_close("grad-cam", as_theirs(found, x.shape[1:3]), expected, SINGLE)


@CHANNELS
@NETS
def test_hires_cam(net: str, channel: int) -> None:
    graph, x = refvis.Network(nets.NETS[net](0, biases=True).nodes), nets.signed(0)
    found = refvis.linear_approximation(graph, x, channel=channel, layer=LAYER, upsample=False).values
    expected = theirs(pytorch_grad_cam.HiResCAM, graph, x, channel)
    assert_close("grad-cam", as_theirs(found, x.shape[1:3]), expected, SINGLE)


@NETS
def test_guided_backpropagation(net: str) -> None:
    graph, x = refvis.Network(nets.NETS[net](0, biases=True).nodes), nets.signed(0)[:1]
    walk = pytorch_grad_cam.GuidedBackpropReLUModel(TorchNet(graph, x.shape, maps.Added), "cpu")
    expected = walk(to_torch(x), target_category=2)
    found = refvis.deconvolution(graph, x, "guided", channel=2).values[0]
    assert_close("grad-cam", found, expected, 1e-12 * np.abs(expected).max())
