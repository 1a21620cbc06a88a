"""LIME, its least squares, and the segments that LIME and KernelSHAP use."""

import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.same import assert_same
from support.small_nets import classifier, inputs, linear

import refvis
from refvis.input_modification.lime import draw_samples
from refvis.input_modification.segments.least_squares import weighted_least_squares
from refvis.input_modification.segments.superpixels import label_segments, mean_colours, squares

SEGMENTS = squares((13, 11), (3, 4))


@given(seed=st.integers(0, 99), ridge=st.sampled_from([0.0, 0.5]))
def test_least_squares_leave_nothing_that_a_coefficient_could_take(seed, ridge):
    """At the minimum the gradient is zero: X^T W (y - X c) = ridge c."""
    rng = np.random.default_rng(seed)
    design, values, weights = rng.normal(size=(9, 4)), rng.normal(size=(9, 2)), rng.random(9)
    held = np.array([0, ridge, ridge, ridge])
    coefficients = weighted_least_squares(design, values, weights, held)
    slope = design.T @ (weights[:, None] * (values - design @ coefficients)) - held[:, None] * coefficients
    np.testing.assert_allclose(slope, 0, atol=1e-12)


def test_coefficients_are_those_of_the_normal_equations():
    net, x = classifier(), inputs(1, "float64")
    shown = draw_samples(80, 12, 5)
    levels = []
    for one in shown:
        kept = one[SEGMENTS][..., None]
        levels.append(net.forward(kept * x).output[0, 0, 0, 3])
    levels, weights = np.array(levels), np.exp(-((1 - np.sqrt(shown.sum(axis=1) / 12)) ** 2) / (2 * 0.3**2))
    design = np.hstack([np.ones((80, 1)), shown])
    root = np.sqrt(weights)
    expected = np.linalg.solve(design.T @ (weights[:, None] * design), design.T @ (weights * levels))
    heatmap = refvis.lime(net, x, SEGMENTS, 80, channel=3, width=0.3, seed=5)
    np.testing.assert_allclose(heatmap.map, expected[1:][SEGMENTS], rtol=0, atol=1e-9 * np.abs(expected).max())
    model = design @ expected
    np.testing.assert_allclose(heatmap.measures["intercept"], expected[0], rtol=1e-8)
    np.testing.assert_allclose(heatmap.measures["image_error"], model[0] - levels[0], atol=1e-10)
    left = (root * (levels - model)) @ (root * (levels - model))
    middle = np.average(levels, weights=weights)
    np.testing.assert_allclose(heatmap.measures["fit"], 1 - left / (weights @ (levels - middle) ** 2), rtol=1e-8)


def test_of_a_linear_network_it_is_what_segments_add():
    net, x = linear(), inputs(2, "float64")
    heatmap = refvis.lime(net, x, SEGMENTS, 100, output="score", channel=(2, 4))
    added = refvis.gradient_times_input(net, x, channel=(2, 4)).maps
    for row in range(4):
        expected = np.array([added[row][one == SEGMENTS].sum() for one in range(12)])
        np.testing.assert_allclose(heatmap.maps[row], expected[SEGMENTS], rtol=0, atol=1e-9 * np.abs(expected).max())
    np.testing.assert_allclose(heatmap.measures["fit"], 1, rtol=1e-12)
    np.testing.assert_allclose(heatmap.measures["image_error"], 0, atol=1e-9)
    shrunk = refvis.lime(net, x, SEGMENTS, 100, output="score", channel=(2, 4), ridge=1e3)
    assert np.abs(shrunk.values).max() < 0.2 * np.abs(heatmap.values).max()


def test_the_same_seed_gives_the_same_map_in_any_batches():
    net, x = classifier(), inputs(1, "float64")
    first, second = (refvis.lime(net, x, None, 200, seed=4) for _ in range(2))
    assert_same((first.values, first.measures), (second.values, second.measures))
    third = refvis.lime(net, x, None, 200, seed=4, batch=7)
    np.testing.assert_allclose(third.values, first.values, rtol=0, atol=1e-9 * np.abs(first.values).max())
    assert np.abs(first.values - refvis.lime(net, x, None, 200, seed=5).values).max() > 0
    assert first.record.parameters["segments"] == "8 x 8 squares"


def test_a_segment_that_becomes_its_mean_colour():
    x = inputs(1, "float64")
    flat = mean_colours(x, SEGMENTS)
    for one in range(12):
        np.testing.assert_allclose(flat[one == SEGMENTS] - x[0][one == SEGMENTS].mean(axis=0), 0, atol=1e-12)
    net = classifier()
    given_image = refvis.lime(net, x, SEGMENTS, 60, fill=flat)
    np.testing.assert_array_equal(refvis.lime(net, x, SEGMENTS, 60, fill="segment").values, given_image.values)


def test_squares():
    segments = squares((7, 5), (3, 2))
    np.testing.assert_array_equal(segments[:, 0], [0, 0, 0, 2, 2, 4, 4])
    np.testing.assert_array_equal(segments[0], [0, 0, 0, 1, 1])
    labels, words = label_segments(None, np.zeros((5, 30, 3), "uint8"))
    assert (labels.max() + 1, words) == (40, "5 x 8 squares")
    assert set(np.bincount(labels.ravel())) == {3, 4}


def test_given_segments_may_have_any_numbers():
    net, x = classifier(), inputs()
    odd = np.where(SEGMENTS < 5, -7, SEGMENTS * 10)
    heatmap, same = (refvis.lime(net, x, one, 60) for one in (odd, label_segments(odd, np.zeros((13, 11, 3)))[0]))
    np.testing.assert_array_equal(heatmap.values, same.values)
    assert len(np.unique(heatmap.values)) == 8


def test_superpixels_follow_colours():
    pytest.importorskip("skimage", reason="scikit-image, of the extra superpixels, is not installed")
    x = np.zeros((1, 20, 30, 3), "float32")
    x[:, :, 13:] = 120
    labels, words = label_segments("slic", np.rint(x[0] + 50).astype("uint8"))
    assert words == "slic"
    assert set(labels[:, :13].ravel()).isdisjoint(labels[:, 13:].ravel())
    assert 20 < labels.max() + 1 < 100
    net = linear()
    assert refvis.lime(net, inputs(), "slic", 400, output="score").record.parameters["segments"] == "slic"


def test_a_missing_extra_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "skimage.segmentation", None)
    with pytest.raises(ImportError, match=r"needs scikit-image: pip install 'refvis\[superpixels\]'"):
        refvis.lime(classifier(), inputs(), "slic")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"samples": 0}, "samples is 0, expected 1 or more"),
        ({"samples": 30}, "30 samples determine 30 of 65 coefficients: give more samples, or fewer segments"),
        ({"width": 0}, "width is 0"),
        ({"ridge": -1}, "ridge is -1"),
        ({"segments": np.zeros((13, 12), int)}, r"segments are \(13, 12\) int64, expected \(13, 11\) whole numbers"),
        ({"segments": np.zeros((13, 11))}, "float64, expected"),
        ({"segments": 3}, "segments is 3, expected None, 'slic', or an array of whole numbers"),
    ],
)
def test_wrong_choices_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        refvis.lime(classifier(), inputs(), **options)
