"""Modules handed over by `refvis.from_torch`: outputs and input gradients are torch's, in both types of floats."""

from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch", reason="torch is not installed: CONTRIBUTING.md says how")

import torch
from support.onnx_models import unknown
from support.peers import torch_zoo
from support.peers.compared import assert_close
from torch import nn
from torch.nn import functional

import refvis
from refvis import layers

SUMMED, DEPTH = 256, 12
"""Most products in a sum, by the order of magnitude, and most layers one after the other, in the networks here."""

SIZE = torch_zoo.SIZE
ANY_COUNT = [kind for kind in torch_zoo.ZOO if kind is not torch_zoo.ShuffleNet]
"""Networks that give the same for any number of images; a view by the example's number of images does not."""

SIXTH = 2.0**-25
"""Relative error of the slope of hardsigmoid in torch: 1/6 rounded to 32 bits, for 64 bits, too."""

TYPES = pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)


def to_variable(x: Any) -> np.ndarray:
    array = x.detach().numpy()
    array = array.reshape(*array.shape, *[1] * (4 - array.ndim))
    return np.ascontiguousarray(array.transpose(0, 2, 3, 1))


def close(found: np.ndarray, expected: Any, name: str, slope: float = 0) -> None:
    """Each layer rounds a sum of at most SUMMED products twice: the order differs between the two."""
    wanted = to_variable(expected)
    assert found.dtype == wanted.dtype
    assert np.abs(wanted).max() > 0
    atol = DEPTH * 2 * np.sqrt(SUMMED) * np.finfo(wanted.dtype).eps * np.abs(wanted).max()
    assert_close("PyTorch", found, wanted, float(atol) + slope * np.abs(wanted).max(), name)


def check(module: Any, dtype: Any, channels: int = 3, size: tuple[int, int] = SIZE) -> refvis.Network:
    """Compare outputs and input gradients for two images; the network was made by an example of one."""
    torch.manual_seed(1)
    module = module.eval().to(dtype)
    net = refvis.from_torch(module, np.ones((1, channels, *size), "float32"))
    assert unknown(net) == []
    x = torch.randn(2, channels, *size, dtype=dtype, requires_grad=True)
    output = module(x.clone())
    seed = torch.randn_like(output)
    output.backward(seed)
    trace = net.forward(to_variable(x))
    close(trace.output, output, "output")
    (variable,) = net.outputs
    back = net.backward(trace, {variable: to_variable(seed)}, "gradient")[net.inputs[0]]
    close(back, x.grad, "gradient", SIXTH if any(isinstance(one.layer, layers.HardSigmoid) for one in net.nodes) else 0)
    return net


@TYPES
@pytest.mark.parametrize("kind", ANY_COUNT, ids=lambda kind: kind.__name__)
def test_networks(kind, dtype):
    """Residual, dense and squeeze-and-excitation blocks, a U-Net, shuffled channels, a chain with dense layers."""
    check(torch_zoo.made(kind), dtype)


PARTS = [
    nn.ReLU6(), nn.LeakyReLU(0.3), nn.PReLU(6), nn.PReLU(), nn.Sigmoid(), nn.Tanh(), nn.Hardswish(), nn.Hardsigmoid(),
    nn.SiLU(), nn.Hardtanh(-0.5, 0.25), nn.MaxPool2d(3, 2, 1, ceil_mode=True), nn.MaxPool2d((2, 3)),
    nn.AvgPool2d(3, 2, 1), nn.AvgPool2d(3, 2, 1, count_include_pad=False), nn.AvgPool2d((2, 3), 2, ceil_mode=True),
    nn.AdaptiveAvgPool2d(1), nn.AdaptiveAvgPool2d((4, 5)), nn.AdaptiveMaxPool2d((2, 1)),
    nn.LocalResponseNorm(5, 2.0, 0.6, 1.5), nn.BatchNorm2d(6), nn.BatchNorm2d(6, affine=False), nn.Dropout2d(0.3),
    nn.Softmax(1), nn.LogSoftmax(1), nn.Identity(), nn.Upsample(scale_factor=2),
    nn.Upsample(size=(11, 23), mode="bilinear"), nn.UpsamplingBilinear2d(scale_factor=2), nn.ZeroPad2d((1, 2, 3, 0)),
    nn.Conv2d(6, 4, (3, 2), (1, 2), (2, 1), (2, 1), groups=2), nn.Conv2d(6, 5, (2, 3), padding="same"),
    nn.ConvTranspose2d(6, 4, (3, 4), (2, 3), 1, (1, 2), groups=2), nn.ConvTranspose2d(6, 4, 3, dilation=2, bias=False),
    nn.Sequential(nn.Conv2d(6, 12, 1), nn.PixelShuffle(2)), nn.Sequential(nn.Flatten(), nn.Linear(480, 7)),
]  # fmt: skip


@pytest.mark.filterwarnings("ignore:Using padding=.same. with even kernel:UserWarning")
@TYPES
@pytest.mark.parametrize("part", PARTS, ids=str)
def test_modules_one_by_one(part, dtype):
    """Behind a convolution, for an image of 8 x 10."""
    torch.manual_seed(0)
    if isinstance(part, nn.BatchNorm2d):
        nn.init.normal_(part.running_mean)
        nn.init.uniform_(part.running_var, 0.5, 2.0)
    check(nn.Sequential(nn.Conv2d(3, 6, 3, padding=1), part), dtype, size=(8, 10))


class InPlace(nn.Module):
    """A map that a call in place changes, and that is read again; the factor is a parameter."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.relu = nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(inplace=True)
        self.factor = nn.Parameter(torch.tensor([1.5, -2.0, 0.5, 3.0]).reshape(4, 1, 1))

    def forward(self, x):
        y = self.conv(x)
        z = self.relu(y) * self.factor
        z += 2
        return 1 - (y + z / 4)


@TYPES
def test_calls_in_place(dtype):
    check(InPlace(), dtype, size=(5, 6))


def test_shuffled_channels():
    module = torch_zoo.made(torch_zoo.ShuffleNet)
    x = torch.randn(2, 3, *SIZE)
    net = refvis.from_torch(module, x)
    assert unknown(net) == []
    close(net.forward(to_variable(x)).output, module(x), "output")


def test_names_weights_and_size():
    module = torch_zoo.made(torch_zoo.Vgg)
    net = refvis.from_torch(module, torch.zeros(1, 3, *SIZE))
    assert (net.name, net.input_size, net.channels) == ("Vgg", SIZE, 3)
    convs = [node.name for node in net.nodes if isinstance(node.layer, layers.Conv)]
    assert convs == ["features.0", "features.3", "features.6"]
    weights = module.classifier[0].weight.detach().numpy().reshape(19, 10, 3, 3).transpose(0, 2, 3, 1)
    np.testing.assert_array_equal(net.node("classifier.0").layer.weights, weights.reshape(19, -1))
    kept = net.node("features.0").layer.filters.copy()
    with torch.no_grad():
        module.features[0].weight.zero_()
    np.testing.assert_array_equal(net.node("features.0").layer.filters, kept)


class Own(nn.Module):
    def forward(self, x):
        return functional.gelu(x)


@pytest.mark.parametrize(("part", "kind"), [(nn.GELU(), "GELU"), (Own(), "gelu"), (nn.GroupNorm(2, 6), "GroupNorm"),
                                            (nn.LocalResponseNorm(4), "local_response_norm")])  # fmt: skip
def test_what_has_no_layer_is_reported(part, kind):
    module = nn.Sequential(nn.Conv2d(3, 6, 3), part).eval()
    net = refvis.from_torch(module, np.ones((1, 3, 8, 9)))
    assert net.nodes[-1].layer.type == f"onnx.torch.{kind}"
    remarks = [one.text for one in net.load_report if "cannot be run" in one.text]
    assert len(remarks) == 1
    assert f"'torch.{kind}'" in remarks[0]
    assert list(net.forward(np.ones((1, 8, 9, 3), "float32"))) == [net.inputs[0], "_0"]


class ThroughView(nn.Module):
    def forward(self, x):
        y = x * 2
        z = torch.relu_(y.view(1, -1))
        return y, z


class Branching(nn.Module):
    def forward(self, x):
        return x if x.sum() > 0 else -x


@pytest.mark.parametrize(
    ("module", "example", "error", "words"),
    [
        (np.ones, np.ones((1, 3, 4, 5)), TypeError, "is of type .*, expected a torch.nn.Module"),
        (nn.ReLU(), np.ones((1, 3, 4, 5)), ValueError, "the module is in training mode: call module.eval"),
        (
            nn.ReLU().eval(),
            np.ones((3, 4, 5)),
            ValueError,
            r"the example has shape \(3, 4, 5\), expected N x C x H x W",
        ),
        (Branching().eval(), np.ones((1, 3, 4, 5)), ValueError, "cannot trace the module .*torch.onnx.export"),
        (ThroughView().eval(), np.ones((1, 3, 4, 5)), ValueError, "'output' reads 'mul', which another call changed"),
        (nn.Conv2d(2, 1, 1).eval(), np.ones((1, 3, 4, 5)), ValueError, "fails for the example at .*channels"),
    ],
)
def test_errors(module, example, error, words):
    with pytest.raises(error, match=words):
        refvis.from_torch(module, example)


def test_a_part_in_training_mode_is_named():
    module = nn.Sequential(nn.Conv2d(3, 2, 1), nn.Dropout()).eval()
    module[1].train()
    with pytest.raises(ValueError, match=r"its part '1' is in training mode"):
        refvis.from_torch(module, np.ones((1, 3, 4, 5)))
