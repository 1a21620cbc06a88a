"""Graphs, and chains with layers of their own, that other people trained do here what they were trained for."""

from dataclasses import dataclass

import numpy as np
import pytest
from PIL import Image
from support.same import assert_same
from support.shared_files import shared

import refvis
from refvis import layers
from refvis.layers import BatchNorm, Unknown
from refvis.show.table import described


def psnr(image, clean):
    """Peak signal-to-noise ratio in dB, for images whose peak is 1."""
    return -10 * np.log10(np.mean((image.astype(float) - clean) ** 2))


def gray(size, *parts):
    """The middle of a gray image, values 0 ... 1."""
    image = np.asarray(Image.open(shared("images", *parts)), "float32") / 255
    top, left = (image.shape[0] - size) // 2, (image.shape[1] - size) // 2
    return image[top : top + size, left : left + size]


def with_noise(clean):
    return clean + np.random.default_rng(25).normal(0, 25 / 255, clean.shape).astype("float32")


def test_batch_normalisation_equals_what_it_was_merged_into():
    net, merged = (refvis.load(shared("models", f"{name}.mat")) for name in ("DnCNN_s25_Bnorm", "DnCNN_s25"))
    assert sum(isinstance(node.layer, BatchNorm) for node in net.nodes) == 15
    x = with_noise(gray(40, "set12", "01.png"))[None, ..., None]
    noise, expected = net.forward(x).output, merged.forward(x).output
    assert np.abs(noise - expected).max() < 1e-5
    assert expected.std() > 0.05


@pytest.mark.parametrize(("size", "gain"), [(96, 8), pytest.param(256, 9, marks=pytest.mark.slow)])
def test_a_graph_denoises(size, gain):
    net = refvis.load(shared("models", "DnCNN_dag_ep50.mat"))
    assert net.inputs == ("input", "label")
    assert net.scores == "prediction"
    clean = gray(size, "set12", "01.png")
    noisy = with_noise(clean)
    trace = net.forward(noisy[None, ..., None])
    assert "objective" not in trace
    assert psnr(trace.output[0, ..., 0], clean) - psnr(noisy, clean) > gain


@pytest.mark.parametrize("name", ["baby", "butterfly"])
def test_a_graph_with_transposed_convolutions_upscales(name):
    net = refvis.load(shared("models", "LapSRN_x2.mat"))
    assert isinstance(net.node("level1_L1_loss").layer, Unknown)
    image = Image.open(sorted(shared("images", "set5").glob(f"{name}*"))[0]).convert("YCbCr").split()[0]
    clean = np.asarray(image, "float32")[:128, :128] / 255
    full = Image.fromarray(clean)
    small = np.asarray(full.resize((64, 64), Image.Resampling.BICUBIC))
    bicubic = np.asarray(Image.fromarray(small).resize((128, 128), Image.Resampling.BICUBIC))
    found = net.forward(np.ascontiguousarray(small)[None, ..., None]).output[0, ..., 0]
    inside = slice(4, -4)
    gain = psnr(found[inside, inside], clean[inside, inside]) - psnr(bicubic[inside, inside], clean[inside, inside])
    assert gain > 1.0


@dataclass(frozen=True)
class SubP:
    """Each block of 2 x 2 pixels as four channels (scale 0.5), and the reverse (scale 2)."""

    scale: float


@dataclass(frozen=True)
class NoiseLevel:
    """One more channel, which holds the noise's deviation."""

    sigma: float = 25 / 255


def rearranged(scale, x):
    n, h, w, c = x.shape
    if scale < 1:
        blocks = x.reshape(n, h // 2, 2, w // 2, 2, c).transpose(0, 1, 3, 4, 2, 5)
        return np.ascontiguousarray(blocks).reshape(n, h // 2, w // 2, 4 * c)
    blocks = x.reshape(n, h, w, 2, 2, c // 4).transpose(0, 1, 4, 2, 3, 5)
    return np.ascontiguousarray(blocks).reshape(n, 2 * h, 2 * w, c // 4)


@pytest.fixture
def _registered():
    layers.register(
        SubP,
        forward=lambda layer, x: rearranged(layer.scale, x),
        gradient=lambda layer, signal, output, x: (rearranged(1 / layer.scale, signal),),
        output_shape=lambda layer, s: (
            s[0],
            int(s[1] * layer.scale),
            int(s[2] * layer.scale),
            int(s[3] / layer.scale**2),
        ),
        matconvnet="SubP",
        build=lambda fields: SubP(fields["scale"]),
        save=lambda layer: {"scale": layer.scale},
    )
    layers.register(
        NoiseLevel,
        forward=lambda layer, x: np.concatenate([x, np.full((*x.shape[:3], 1), layer.sigma, x.dtype)], axis=3),
        gradient=lambda layer, signal, output, x: (signal[..., :-1],),
        output_shape=lambda layer, shape: (*shape[:3], shape[3] + 1),
        matconvnet="concat",
        build=lambda fields: NoiseLevel(),
        save=lambda layer: {},
    )
    yield
    layers.unregister(SubP)
    layers.unregister(NoiseLevel)


def test_layers_without_implementation_stop_it():
    net = refvis.load(shared("models", "FFD_retrained.mat"))
    assert "unknown 'SubP'" in described(net, (32, 32, 1))
    with pytest.raises(ValueError, match=r"layer 'layer1' \(unknown 'SubP'\): no implementation .*layers.register"):
        net.forward(np.zeros((1, 32, 32, 1), "float32"))


@pytest.mark.usefixtures("_registered")
def test_registered_layers_denoise(tmp_path):
    net = refvis.load(shared("models", "FFD_retrained.mat"))
    clean = gray(96, "set12", "01.png")
    noisy = with_noise(clean)
    trace = net.forward(noisy[None, ..., None])
    assert psnr(trace.output[0, ..., 0], clean) - psnr(noisy, clean) > 7.5
    signals = net.backward(trace, {"x32": trace.output}, "guided")
    assert signals["x0"].shape == (1, 96, 96, 1)
    refvis.save(net, tmp_path / "a.mat")
    again = refvis.load(tmp_path / "a.mat")
    assert again.fingerprint == net.fingerprint
    assert_same(again.forward(noisy[None, ..., None]).output, trace.output)
