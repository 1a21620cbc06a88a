"""The centre of an image, cut out as MatConvNet's evaluation on ImageNet does by cropSize and keepAspect."""

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from support.command_line import fill, run
from support.small_nets import classifier

import refvis
from refvis import images

extent = st.integers(1, 40)


def imread_jpeg_crop(width, height, output_width, output_height, size, keep_aspect):
    """Return (left, top, width, height) before rounding, step by step as `vl_imreadjpeg` computes its crop."""
    anisotropy = 1.0 if keep_aspect else (width / height) / (output_width / output_height)
    crop_width, crop_height = output_width * math.sqrt(anisotropy), output_height / math.sqrt(anisotropy)
    scale = min(width / crop_width, height / crop_height)
    return size * scale * crop_width, size * scale * crop_height


@given(extent, extent, extent, extent, st.floats(0.05, 1), st.booleans())
def test_the_crop_is_that_of_vl_imreadjpeg(height, width, rows, columns, size, keep_aspect):
    exact_width, exact_height = imread_jpeg_crop(width, height, columns, rows, size, keep_aspect)
    assume(all(abs(value % 1 - 0.5) > 1e-6 for value in (exact_width, exact_height)))
    expected = max(1, round(exact_height)), max(1, round(exact_width))
    numbered = np.arange(height * width, dtype="float32").reshape(height, width, 1)
    found = images.cut_centre(numbered, (rows, columns), (size, size), keep_aspect)
    assert found.shape == (*expected, 1)
    top, left = (height - expected[0]) // 2, (width - expected[1]) // 2
    for row in range(expected[0]):
        for column in range(expected[1]):
            assert found[row, column, 0] == (top + row) * width + left + column


def test_it_is_the_middle_of_an_image_resized_with_a_border():
    """`cnn_imagenet_get_batch` of older versions resizes the shorter side to imageSize + border, and cuts then."""
    y, x = np.mgrid[0:72, 0:104]
    image = (np.sin(y / 9) * 90 + np.cos(x / 11) * 60 + 128).astype("float32")[..., None]
    factor = (28 + 8) / 72
    resized = images.resize(image, (36, math.ceil(factor * 104)))
    old = resized[4:32, 12:40]
    new = images.resize(images.cut_centre(image, (28, 28), (28 / 36, 28 / 36)), (28, 28))
    assert abs(old - new)[2:-2, 2:-2].max() < 1.5
    assert abs(images.resize(image, (28, 28)) - old).max() > 30


def evaluated(**normalization):
    net = classifier()
    return refvis.Network(net.nodes, meta=net.meta | {"normalization": net.normalization | normalization})


@pytest.mark.parametrize(
    ("entries", "rows", "columns"),
    [
        ({"cropSize": (0.5, 0.5)}, 30, 25),  # the largest rectangle of 13 : 11 has 60 rows and 50.77 columns
        ({"cropSize": (0.5,)}, 30, 25),
        ({"cropSize": (0.5, 0.75), "keepAspect": False}, 30, 75),
        ({"keepAspect": False}, 60, 100),
        ({"keepAspect": True}, 60, 51),
        ({}, 60, 51),
        ({"cropSize": (2.0,)}, 60, 51),
    ],
)
def test_preprocess_cuts_where_it_is_asked_to(entries, rows, columns):
    net = evaluated(**entries)
    assert net.input_size == (13, 11)
    image = np.random.default_rng(0).integers(0, 256, (60, 100, 3), dtype="uint8")
    whole = net.preprocess(image)
    np.testing.assert_array_equal(whole, net.with_images(crop=False).preprocess(image))
    top, left = (60 - rows) // 2, (100 - columns) // 2
    expected = net.preprocess(image[top : top + rows, left : left + columns])
    np.testing.assert_array_equal(net.with_images(crop=True).preprocess(image), expected)


@pytest.mark.parametrize(
    ("entries", "remark"),
    [
        ({"cropSize": (0.875, 0.875), "border": (32, 32), "keepAspect": True}, ("cropSize", "warning")),
        ({"cropSize": (0.9,)}, ("cropSize", "warning")),
        ({"keepAspect": True}, ("keepAspect", "ignored")),
        ({"keepAspect": False, "cropSize": (1.0, 1.0)}, None),
        ({"border": (4, 4)}, ("cropSize", "warning")),
        ({"cropSize": (0.5,), "imageCrop": True}, None),
    ],
)
def test_a_crop_that_is_not_made_is_told_once(tmp_path, entries, remark):
    refvis.save(evaluated(**entries), tmp_path / "net.mat")
    net = refvis.load(tmp_path / "net.mat")
    about = [one for one in net.load_report if one.advice == "net.with_images(crop=True)"]
    assert [(one.place.rpartition(".")[2], one.kind) for one in about] == ([remark] if remark else [])
    for crop in (True, False):
        chosen = net.with_images(crop=crop)
        assert not any("crop=True" in one.advice for one in chosen.load_report)
        refvis.save(chosen, tmp_path / "chosen.mat")
        again = refvis.load(tmp_path / "chosen.mat")
        assert again.normalization["imageCrop"] is crop
        assert not any("crop=True" in one.advice for one in again.load_report)


def test_a_crop_needs_an_input_size():
    net = refvis.Network(classifier().nodes)
    with pytest.raises(ValueError, match="crop needs an input size"):
        net.with_images(crop=True)
    assert net.with_images((13, 11), crop=True).normalization["imageCrop"]


def test_the_option_of_commands(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    fill(tmp_path)
    refvis.save(evaluated(cropSize=(0.5, 0.5)), "crop.mat")
    code, _, err = run(monkeypatch, capsys, "classify", "a.png", "-m", "crop.mat")
    assert code == 0
    assert "--crop" in err
    code, out, err = run(monkeypatch, capsys, "classify", "a.png", "-m", "crop.mat", "--crop")
    assert (code, err) == (0, "")
    expected = evaluated(cropSize=(0.5, 0.5)).with_images(crop=True).classify("a.png")
    assert out.splitlines() == [f"{100 * probability:6.2f} %  {label}" for label, probability in expected]
