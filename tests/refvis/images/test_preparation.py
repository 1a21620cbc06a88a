"""Inputs are x = (pixels * factor - average) / std: applied, undone, kept by save, from every place in a file."""

import warnings
from dataclasses import replace

import numpy as np
import pytest
import scipy.io
from support.shared_files import shared
from support.small_nets import classifier

import refvis
from refvis.backpropagation.rules import bounded_rules
from refvis.input_modification.boxes.fills import find_fill
from refvis.input_reconstruction.image.sheet import to_picture
from refvis.layers import Conv, ReLU

MEAN, STD = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
GRAY = np.full((8, 8, 3), 128, "uint8")
EXPECTED = (128 / 255 - MEAN) / STD


def network(**meta):
    return refvis.chain({"conv": Conv(np.ones((2, 3, 3, 3), "float32")), "relu": ReLU()}, meta)


def stored(folder, meta, **variables):
    cell = np.empty(1, object)
    cell[0] = {"type": "relu", "name": "r"}
    scipy.io.savemat(folder / "net.mat", {"net": {"layers": cell, "meta": meta}, **variables})
    return refvis.load(folder / "net.mat")


def test_an_image_becomes_an_input_and_back(tmp_path):
    net = network().with_images((8, 8), MEAN, factor=1 / 255, std=STD)
    x = net.preprocess(GRAY)
    assert (x.shape, x.dtype) == ((1, 8, 8, 3), np.float32)
    np.testing.assert_allclose(x[0, 3, 4], EXPECTED, rtol=1e-5)
    np.testing.assert_allclose(x[0, 3, 4], [0.074, 0.205, 0.426], atol=6e-4)
    np.testing.assert_array_equal(net.restore(x), GRAY)
    refvis.save(net, tmp_path / "net.mat")
    loaded = refvis.load(tmp_path / "net.mat")
    np.testing.assert_array_equal(loaded.preprocess(GRAY), x)
    assert not [remark for remark in loaded.load_report if remark.kind == "warning"]


def test_without_entries_nothing_changes():
    net = network().with_images((8, 8), [1, 2, 3])
    assert not net.preparation.is_scaled
    np.testing.assert_array_equal(net.preprocess(GRAY)[0, 0, 0], [127, 126, 125])
    assert set(net.normalization) == {"averageImage", "imageSize"}


def test_a_denoiser_takes_0_to_1():
    net = network().with_images(factor=1 / 255)
    x = net.preprocess(GRAY)
    np.testing.assert_allclose(x, 128 / 255, rtol=1e-6)
    np.testing.assert_array_equal(net.restore(x), GRAY)


def test_models_converted_from_pytorch(tmp_path):
    net = stored(tmp_path, {"normalization": {"imageSize": [8.0, 8, 3], "averageImage": MEAN, "imageStd": STD}})
    np.testing.assert_allclose(net.preprocess(GRAY)[0, 0, 0], EXPECTED, rtol=1e-5)
    warned = [remark for remark in net.load_report if remark.kind == "warning"]
    assert [remark.place for remark in warned] == ["net.meta.normalization.imageFactor"]
    answered = net.with_images(factor=1 / 255)
    assert not [remark for remark in answered.load_report if remark.kind == "warning"]


@pytest.mark.parametrize(("name", "value"), [("factor", 0), ("factor", [1, 2]), ("std", [1, 0]), ("std", np.nan)])
def test_factors_and_deviations_are_positive(name, value):
    with pytest.raises(ValueError, match=f"{name} is .*positive number"):
        network().with_images(**{name: value})


def test_a_deviation_of_another_size_is_refused():
    with pytest.raises(ValueError, match="imageStd is 4 x 4 x 3 and the image 8 x 8"):
        network().with_images(std=np.ones((4, 4, 3))).preprocess(GRAY)


def test_raw_pixels_are_warned_of():
    net = network().with_images(factor=1 / 255)
    with pytest.warns(UserWarning, match="pixels 0 ... 255 that were not scaled"):
        net.warn_of_raw_pixels(GRAY[None].astype("float32"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        net.warn_of_raw_pixels(net.preprocess(GRAY))


def test_bounds_fills_and_pictures_follow_the_preparation():
    net = network().with_images(average=MEAN, factor=1 / 255, std=STD)
    x = net.preprocess(GRAY)
    _, note = bounded_rules(net, net, x, "epsilon_gamma_box")
    assert note == {"box": "pixels 0 ... 255 as net.preprocess scales them"}
    gray = find_fill("gray", x, net.preparation)(x[0], ((0, 2), (0, 2)), np.random.default_rng(0))
    np.testing.assert_allclose(np.asarray(gray)[0, 0], (127.5 / 255 - MEAN) / STD, rtol=1e-5)
    other = net.with_images(average=np.broadcast_to(MEAN, (4, 4, 3)))
    np.testing.assert_array_equal(to_picture(other, x), GRAY)


@pytest.mark.parametrize(
    "meta",
    [
        {"inputSize": (8.0, 6.0, 3.0)},
        {"inputSize": np.array([[8.0], [6.0], [3.0]])},
        {"inputSize": ["x0", (8.0, 6.0, 3.0, 10.0)]},
        {"inputs": (8.0, 6.0, 3.0)},
        {"inputs": {"name": "x0", "size": (8.0, 6.0, 3.0)}},
        {"inputs": [{"name": "label", "size": (1.0, 1.0)}, {"name": "x0", "size": (8.0, 6.0, 3.0)}]},
        {"inputs": ["label", (1.0, 1.0), "x0", (8.0, 6.0, 3.0)]},
        {"normalization": {"imageSize": None}, "inputSize": (8.0, 6.0)},
        {"normalization": {"averageImage": np.zeros((8, 6, 3))}},
    ],
)
def test_the_input_size_under_each_name(meta):
    assert network(**meta).input_size == (8, 6)


@pytest.mark.parametrize("size", [(np.inf, 8.0), (np.nan, 8.0), (0.0, 8.0), (28.0,), "8x8", (), None, [[]], [1j]])
def test_sizes_that_say_nothing(size):
    assert network(inputSize=size, inputs=size).input_size is None


def test_channels_of_a_network_that_begins_without_filters():
    net = replace(refvis.chain({"relu": ReLU()}), meta={"inputSize": (8.0, 8.0, 1.0)})
    assert net.channels == 1


def test_labels_are_names_where_a_description_is_of_the_data():
    classes = {"name": ["a", "b"], "description": ["my data set"]}
    assert network(classes=classes).labels == ["a", "b"]
    assert network(classes={"description": ["my data set"]}).labels is None
    assert network(classes={"name": ["a", "b"], "description": ["an a", "a b"]}).labels == ["an a", "a b"]


def test_shared_files(tmp_path):
    net = refvis.load(shared("cases", "image_std.mat"))
    np.testing.assert_allclose(net.preprocess(GRAY)[0, 0, 0], [0.074, 0.205, 0.426], atol=6e-4)
    assert refvis.load(shared("cases", "input_size.mat")).input_size == (8, 8)
    assert refvis.load(shared("cases", "description_of_data.mat")).labels == list("abcde")
    assert refvis.load(shared("cases", "string_classes.mat")).labels is None
    assert refvis.load(shared("cases", "classes_numbers.mat")).labels == list("12345")
    net = refvis.load(shared("cases", "image_mean_beside.mat"))
    np.testing.assert_allclose(net.normalization["averageImage"], [0.41], rtol=1e-6)
    net = refvis.load(shared("cases", "handle.mat"))
    refvis.save(net, tmp_path / "saved.mat")
    assert refvis.load(tmp_path / "saved.mat").nodes[1].layer.fields.keys() == net.nodes[1].layer.fields.keys()


def test_searches_in_units_of_pixels_are_warned_of():
    net = network().with_images(factor=1 / 255)
    x = net.preprocess(GRAY)
    with pytest.warns(UserWarning, match=r"one pixel value is 0\.00392 .* inversion takes sigma=0\.314"):
        refvis.inversion(net, x, at="conv", steps=1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        refvis.inversion(net, x, at="conv", steps=1, sigma=0.314)


def test_an_average_image_of_another_size_is_resized(tmp_path):
    """`cnn_imagenet_evaluate` takes imresize(averageImage, imageSize); a constant stays one, and a ramp a ramp."""
    y, _ = np.mgrid[0:26, 0:33].astype("float32")
    average = np.stack([y, np.full_like(y, 7), 100 - y], axis=2)
    net = classifier()
    stored = refvis.Network(net.nodes, meta=net.meta | {"normalization": net.normalization | {"averageImage": average}})
    refvis.save(stored, tmp_path / "net.mat")
    loaded = refvis.load(tmp_path / "net.mat")
    np.testing.assert_array_equal(loaded.normalization["averageImage"], average)
    changed = [remark.text for remark in loaded.load_report if remark.kind == "changed"]
    assert changed == ["averageImage is 26 x 33 x 3: it is resized to the input's 13 x 11"]
    x = loaded.preprocess(np.zeros((13, 11, 3), "uint8"))
    rows = np.broadcast_to(2 * np.arange(13)[:, None] + 0.5, (13, 11))  # centres of pairs of rows
    np.testing.assert_allclose(-x[0, 2:-2, :, 0], rows[2:-2], atol=1e-3)
    np.testing.assert_allclose(-x[0, ..., 1], 7, atol=1e-4)
    assert (loaded.restore(x)[2:-2] == 0).all()
    with pytest.raises(ValueError, match=r"26 x 33 x 3 and the input 13 x 11: expected equal height and width"):
        loaded.with_images(average=average)
    assert loaded.with_images(size=(26, 33), average=average).input_size == (26, 33)
