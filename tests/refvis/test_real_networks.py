"""Networks that other people trained do here what they were trained for."""

import numpy as np
import pytest
from PIL import Image
from support.shared_files import shared

import refvis
from refvis.images.preprocessing import pixels


def test_lenet_classifies_cifar10():
    net = refvis.load(shared("models", "cifar10_lenet_old.mat"))
    mean = np.load(shared("images", "cifar10_train_mean.npy"))
    folder = shared("images", "cifar10")
    classes = sorted(path.name for path in folder.iterdir() if path.is_dir())
    files = [(label, path) for label, name in enumerate(classes) for path in sorted((folder / name).glob("*.jpg"))]
    assert (len(classes), len(files)) == (10, 100)
    x = np.stack([pixels(path) - mean for _, path in files]).astype("float32")
    scores = net.upto(net.scores).forward(x).output
    assert scores.shape == (100, 1, 1, 10)
    right = scores.reshape(100, 10).argmax(axis=1) == [label for label, _ in files]
    assert right.sum() == 77
    assert [net.classify(x[i : i + 1], top=1)[0][0] for i in (0, 50, 99)] == [
        f"class {k}" for k in scores.reshape(100, 10).argmax(axis=1)[[0, 50, 99]]
    ]


def psnr(image, clean):
    """Peak signal-to-noise ratio in dB, for images whose peak is 1."""
    return -10 * np.log10(np.mean((image.astype(float) - clean) ** 2))


@pytest.mark.parametrize(("size", "gain"), [(96, 8), pytest.param(256, 9, marks=pytest.mark.slow)])
def test_dncnn_denoises(size, gain):
    """The whole picture (256 x 256), and its middle: a face and a camera, with less of the smooth sky."""
    net = refvis.load(shared("models", "DnCNN_s25.mat"))
    clean = np.asarray(Image.open(shared("images", "set12", "01.png")), "float32") / 255
    start = (len(clean) - size) // 2
    clean = clean[start : start + size, start : start + size]
    assert clean.shape == (size, size)
    noisy = clean + np.random.default_rng(25).normal(0, 25 / 255, clean.shape).astype("float32")
    noise = net.forward(noisy[None, ..., None]).output[0, ..., 0]
    assert psnr(noisy - noise, clean) - psnr(noisy, clean) > gain
