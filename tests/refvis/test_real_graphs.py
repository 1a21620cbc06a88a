"""Graphs and chains that other people trained do here what they were trained for; MatConvNet lacks some layers."""

import numpy as np
import pytest
from PIL import Image
from support.same import assert_same
from support.shared_files import shared

import refvis
from refvis.layers import BatchNorm, Unknown


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


def test_ffdnet_denoises(tmp_path):
    """Its sub-pixel layers and its noise level are read; the level that was used in training is the default."""
    net = refvis.load(shared("models", "FFD_retrained.mat"))
    assert "noise level is not stored" in " ".join(one.text for one in net.load_report if one.kind == "warning")
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
