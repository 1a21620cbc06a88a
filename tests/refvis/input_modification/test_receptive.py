"""Empirical receptive field: the mean of discrepancy maps, each cut out by its unit's theoretical field."""

import h5py
import numpy as np
import pytest
from PIL import Image
from support.small_nets import AVERAGE, classifier, conv

import refvis
from refvis.layers import Conv, FullyConnected, ReLU

OPTIONS = {"size": (3, 2), "stride": 2, "seed": 4}


def pictures(count, size=(13, 11, 3)):
    return np.random.default_rng(2).integers(0, 256, (count, *size), np.uint8)


def blobs(places, size=(17, 19)):
    """Gray pictures, each with a lighter patch of 3 x 3 pixels around one of the places."""
    pictures = np.full((len(places), *size, 3), 90, np.uint8)
    for picture, (y, x) in zip(pictures, places, strict=True):
        picture[max(0, y - 1) : y + 2, max(0, x - 1) : x + 2] += np.uint8(20 + y)
    return pictures


def looker():
    """One channel adds up 3 x 3 pixels, beside the middle of a filter of 7 x 5; padding lets it stand anywhere."""
    filters = np.zeros((2, 7, 5, 3), "float32")
    filters[1, 1:4, 2:5] = 1
    meta = {"normalization": {"imageSize": (17, 19, 3), "averageImage": AVERAGE}}
    return refvis.chain({"conv": Conv(filters, pad=(3, 3, 2, 2)), "relu": ReLU(-1.0)}, meta)


def test_it_finds_the_part_that_counts():
    """With boxes of one pixel the field is where the weights are not 0, at any position; 0.0 means any change."""
    net, images = looker(), blobs([(8, 9), (10, 6), (6, 12), (9, 9), (7, 7)])
    field = refvis.empirical_receptive_field(net, images, "conv", 1, 4, 1, 1, threshold=0.0, draws=2)
    expected = np.zeros((7, 5), bool)
    expected[1:4, 2:5] = True
    np.testing.assert_array_equal(field.mask, expected)
    assert field.size == 3
    assert field.theoretical == (7, 5)
    np.testing.assert_array_equal(field.count, np.full((7, 5), 4))
    assert field.strongest.names == (("image 1", "image 3", "image 0", "image 4"),)


@pytest.mark.parametrize("at", ["conv1", "pool1", "relu2"])
def test_it_is_the_mean_of_what_the_fields_cut_out(at):
    net, images = classifier(), pictures(6)
    field = refvis.empirical_receptive_field(net, images, at, 5, top=4, **OPTIONS)
    size, stride = {"conv1": (3, 1), "pool1": (5, 2), "relu2": (9, 2)}[at]
    total, count = np.zeros((size, size)), np.zeros((size, size))
    scores = net.upto(at).forward(np.concatenate([net.preprocess(one) for one in images])).output[..., 5]
    order = np.argsort(-scores.reshape(6, -1).max(axis=1), kind="stable")[:4]
    for n in order:
        y, x = (int(p) for p in np.unravel_index(scores[n].argmax(), scores[n].shape))
        one = refvis.discrepancy(net, net.preprocess(images[n]), at, 5, (y, x), **OPTIONS).map
        for i, j in np.ndindex(size, size):
            row, column = y * stride - 1 + i, x * stride - 1 + j
            if 0 <= row < 13 and 0 <= column < 11:
                total[i, j] += one[row, column]
                count[i, j] += 1
    np.testing.assert_array_equal(field.count, count)
    assert count.min() < 4 or at == "conv1"
    expected = total / np.maximum(count, 1)
    assert expected.max() > 0
    np.testing.assert_allclose(field.mean.map, expected, rtol=1e-12)
    assert field.size == np.sqrt((expected > 0.1 * expected.max()).sum())


def test_a_field_that_no_window_describes_is_the_image():
    weights = np.random.default_rng(1).standard_normal((5, 12 * 10 * 4)).astype("float32")
    layers = {"conv": conv(np.random.default_rng(0), (4, 3, 2, 3), pad=(1, 1, 0, 0)), "fc": FullyConnected(weights)}
    net = refvis.chain(layers, {"normalization": {"imageSize": (12, 11, 3), "averageImage": AVERAGE}})
    field = refvis.empirical_receptive_field(net, pictures(3, (12, 11, 3)), None, 2, top=2, size=3, stride=2)
    assert field.theoretical is None
    assert field.mean.map.shape == (12, 11)
    assert "of the image pixels, 2 images" in repr(field)


def test_a_channel_that_nothing_changes_has_no_field():
    field = refvis.empirical_receptive_field(looker(), blobs([(8, 9), (5, 5)]), "conv", 0, 2, 2, 1)
    assert field.size == 0
    assert not field.mask.any()
    assert not field.mean.values.any()


def test_picture_and_files(tmp_path):
    net, images = looker(), blobs([(8, 9), (10, 6)])
    field = refvis.empirical_receptive_field(net, images, "conv", 1, 2, 1, 1, threshold=0.0)
    white = (field.picture() == 255).all(axis=2)
    expected = np.zeros((7, 5), bool)
    expected[1:4, 2:5] = True
    expected[2, 3] = False
    np.testing.assert_array_equal(white & expected, expected)
    np.testing.assert_array_equal(field.picture()[~expected], field.mean.colours()[~expected])
    field.save(tmp_path / "field.png")
    with Image.open(tmp_path / "field.png") as picture:
        assert picture.size == (5, 7)
    field.save(tmp_path / "field.h5")
    with h5py.File(tmp_path / "field.h5") as file:
        np.testing.assert_array_equal(file["map"], field.mean.map)
        assert file.attrs["parameter threshold"] == 0.0
    assert repr(field) == "EmpiricalField(x1 channel 1: side 3.0 of 7 x 5 pixels, 2 images)"


def interrupted_after(calls):
    """A fill that raises KeyboardInterrupt after `calls` calls."""
    asked = iter(range(calls))

    def fill(image, box, rng):
        if next(asked, None) is None:
            raise KeyboardInterrupt
        return rng.uniform(-60, 60, (1, 1, 3))

    return fill


def test_an_interruption_leaves_the_images_that_are_done():
    net, images = looker(), blobs([(8, 9), (10, 6), (9, 9)])
    with pytest.warns(UserWarning, match="interrupted"):
        field = refvis.empirical_receptive_field(net, images, "conv", 1, 3, 1, 1, interrupted_after(90), batch=4)
    assert field.mean.record.parameters["partial"] == "2 of 3 images"
    assert field.count.max() == 2
    with pytest.warns(UserWarning, match="interrupted"), pytest.raises(KeyboardInterrupt):
        refvis.empirical_receptive_field(net, images, "conv", 1, 3, 1, 1, interrupted_after(30), batch=4)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"threshold": 1.0}, "threshold is 1.0, expected a share of the largest value"),
        ({"threshold": -0.1}, "threshold is -0.1"),
        ({"channel": 9}, "channel 9 of"),
        ({"images": []}, "no image"),
        ({"top": 0}, "top is 0"),
        ({"at": "conv7"}, "conv7"),
        ({"size": 40}, "larger than the image"),
    ],
)
def test_what_cannot_be_is_refused(options, message):
    given = {"images": blobs([(8, 9)]), "at": "conv", "channel": 1, **options}
    with pytest.raises(ValueError, match=message):
        refvis.empirical_receptive_field(looker(), **given)
