"""Fills: each does what its name says."""

from functools import partial

import numpy as np
import pytest
from support.same import assert_same
from support.small_nets import AVERAGE, classifier, inputs

import refvis
from refvis.images.preparation import Preparation
from refvis.input_modification.boxes import fills
from refvis.input_modification.boxes.blur import gaussian

BOX = (2, 9), (3, 8)
INSIDE = np.s_[2:9, 3:8]


def filled(fill, x, average=None, seed=1):
    content = fills.box_contents(fills.find_fill(fill, x, Preparation(average)), x, [BOX], 1, seed)(0)
    return np.broadcast_to(content, (7, 5, x.shape[3]))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("fill", ["mean", "gray", *fills.FILLS, 3.0, (1.0, 2.0, -3.0)])
def test_fills_have_the_images_type_and_leave_it_alone(fill, dtype):
    x = inputs(dtype=dtype)
    before = x.copy()
    content = filled(fill, x, AVERAGE)
    assert content.dtype == dtype
    assert_same(x, before)
    assert_same(content, filled(fill, x, AVERAGE))
    assert (np.abs(content - filled(fill, x, AVERAGE, seed=2)).max() > 0) == (fill in ("random", "normal", "shuffle"))


def test_gray_is_the_middle_of_what_pixels_can_be():
    x = inputs()
    assert_same(filled("gray", x), np.full((7, 5, 3), 127.5, "float32"))
    assert_same(filled("gray", x, AVERAGE), np.broadcast_to(127.5 - AVERAGE, (7, 5, 3)))
    image = np.random.default_rng(0).uniform(0, 255, (13, 11, 3)).astype("float32")
    assert_same(filled("gray", x, image), 127.5 - image[INSIDE])
    assert_same(filled("mean", x, image), np.zeros((7, 5, 3), "float32"))


def test_gray_of_a_network_knows_its_average_image():
    net, x = classifier(), inputs()
    gray = refvis.occlusion(net, x, 4, 3, "gray").values
    assert_same(gray, refvis.occlusion(net, x, 4, 3, tuple(127.5 - AVERAGE)).values)


def test_noise_has_the_images_range_or_moments():
    x = np.random.default_rng(3).normal((5, -10, 0), (1, 20, 3), (1, 90, 80, 3))
    box = (0, 80), (0, 70)
    new_rng = np.random.default_rng
    even = fills.uniform(x[0], box, new_rng(1))
    low, high = x.min(), x.max()
    assert low <= even.min() < low + 0.01 * (high - low)
    assert high - 0.01 * (high - low) < even.max() <= high
    np.testing.assert_allclose(even.mean(axis=(0, 1)), (low + high) / 2, atol=0.02 * (high - low))
    bell = fills.normal(x[0], box, new_rng(1))
    np.testing.assert_allclose(bell.mean(axis=(0, 1)), x[0].mean(axis=(0, 1)), atol=0.6)
    np.testing.assert_allclose(bell.std(axis=(0, 1)), x[0].std(axis=(0, 1)), rtol=0.03)
    narrow = fills.uniform(x[0], box, new_rng(1), low=-1.0, high=2.0)
    assert -1 <= narrow.min() < -0.9
    assert 1.9 < narrow.max() <= 2
    wide = fills.normal(x[0], box, new_rng(1), mean=100.0, deviation=2.0)
    np.testing.assert_allclose((wide.mean(), wide.std()), (100, 2), rtol=0.02)


def test_shuffling_keeps_the_pixels():
    x = inputs()
    shuffled = filled("shuffle", x)
    inside = x[0][INSIDE]
    assert not np.array_equal(shuffled, inside)
    assert sorted(map(tuple, shuffled.reshape(-1, 3))) == sorted(map(tuple, inside.reshape(-1, 3)))


def test_blur_is_a_weighted_mean_of_all_pixels():
    x = inputs(dtype="float64")
    blurred = filled(partial(fills.blur, sigma=1.7), x)
    for i, j in ((2, 3), (5, 6), (8, 7)):
        rows, columns = (
            np.exp(-((np.arange(13) - i) ** 2) / 2 / 1.7**2),
            np.exp(-((np.arange(11) - j) ** 2) / 2 / 1.7**2),
        )
        weights = np.outer(rows / rows.sum(), columns / columns.sum())
        expected = (weights[..., None] * x[0]).sum(axis=(0, 1))
        np.testing.assert_allclose(blurred[i - 2, j - 3], expected, rtol=1e-12)
    assert_same(filled("blur", x), filled(partial(fills.blur, sigma=1.1), x))
    assert_same(filled(partial(fills.blur, sigma=0), x), x[0][INSIDE])


def test_blur_keeps_what_is_constant():
    weights = gaussian(np, 9, 4.0)
    np.testing.assert_allclose(weights.sum(axis=1), 1, rtol=1e-14)
    np.testing.assert_allclose(weights[3, 4] / weights[3, 3], np.exp(-1 / 32), rtol=1e-12)
    flat = np.full((1, 13, 11, 3), 7.0)
    np.testing.assert_allclose(filled("blur", flat), 7, rtol=1e-14)


@pytest.mark.parametrize("shape", [(13, 11, 3), (1, 13, 11, 3)])
def test_another_image(shape):
    x, image = inputs(), np.random.default_rng(2).normal(size=shape)
    assert_same(filled(image, x), image.reshape(13, 11, 3)[INSIDE].astype("float32"))
    record = refvis.occlusion(classifier(), x, 4, 3, image).record
    assert record.parameters["fill"] == "an image"


def test_a_function_fills():
    """The function gets the image, the box, and the box's own generator."""
    x, seen = inputs(), []

    def mirrored(image, box, rng):
        (top, bottom), (left, right) = box
        seen.append((box, rng.integers(1000)))
        return image[top:bottom, left:right][:, ::-1]

    heatmap = refvis.occlusion(classifier(), x, (4, 3), 4, mirrored, seed=6)
    assert heatmap.record.parameters["fill"] == "mirrored"
    assert [box for box, _ in sorted(seen)] == [((t, t + 4), (s, s + 3)) for t in (0, 4, 8, 9) for s in (0, 4, 8)]
    drawn = dict(seen)
    assert drawn[(0, 4), (4, 7)] == np.random.default_rng([6, 1]).integers(1000)


def test_the_first_draw_is_that_of_one():
    """The generators of [seed, place] and [seed, place, 0] give the same numbers."""
    for numbers in ((0, 0), (3, 7), (2**40, 12)):
        assert np.random.default_rng([*numbers, 0]).random() == np.random.default_rng(numbers).random()
