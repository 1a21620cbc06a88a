"""Occlusion: each pixel has the mean fall of the score over the boxes that covered it."""

from io import StringIO

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.same import assert_same
from support.small_nets import classifier, inputs, linear

import refvis
from refvis.input_modification.boxes.grid import boxes

FILLS = ("mean", "random", 12.5, (30.0, -20.0, 10.0))


def starts(extent, size, stride):
    """Starts of the boxes that fit; one more at the border unless the last box ends there."""
    tops, at = [], 0
    while at + size <= extent:
        tops.append(at)
        at += stride
    return tops if tops[-1] + size == extent else [*tops, extent - size]


def replica(net, x, size, stride, fill, at, channel, seed):
    """One forward pass for each box."""
    variable = net.scores if at is None else net.variable(at)

    def level(image):
        return float(net.forward(image)[variable][0, :, :, channel].mean(dtype="float64"))

    whole = level(x)
    total, count = np.zeros(x.shape[1:3]), np.zeros(x.shape[1:3])
    number = 0
    for top in starts(x.shape[1], size[0], stride[0]):
        for left in starts(x.shape[2], size[1], stride[1]):
            covered = x.copy()
            box = covered[0, top : top + size[0], left : left + size[1]]
            if fill == "random":
                rng = np.random.default_rng([seed, number])
                box[...] = rng.uniform(x.min(), x.max(), box.shape)
            else:
                for c in range(x.shape[3]):
                    box[..., c] = 0 if fill == "mean" else fill[c] if isinstance(fill, tuple) else fill
            fall = whole - level(covered)
            total[top : top + size[0], left : left + size[1]] += fall
            count[top : top + size[0], left : left + size[1]] += 1
            number += 1
    return total / np.maximum(count, 1)


@pytest.mark.parametrize("fill", FILLS)
@pytest.mark.parametrize(
    ("size", "stride", "at", "channel"),
    [((4, 3), (2, 3), None, 5), ((5, 5), (4, 4), "conv2", 2), ((2, 6), (5, 7), "x8", 0), ((13, 4), (1, 2), None, 6)],
)
def test_it_is_the_slow_replica(fill, size, stride, at, channel):
    net, x = classifier(), inputs(dtype="float64")
    heatmap = refvis.occlusion(net, x, size, stride, fill, at, channel, seed=4)
    expected = replica(net, x, size, stride, fill, at, channel, 4)
    assert heatmap.values.shape == (1, 13, 11, 1)
    assert heatmap.signed
    assert np.abs(expected).max() > 1e-3
    np.testing.assert_allclose(heatmap.map, expected, rtol=0, atol=1e-11 * np.abs(expected).max())


@pytest.mark.parametrize("fill", FILLS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_neither_batches_nor_memory_nor_windows_matter(fill, dtype):
    net, x = classifier(), inputs(dtype=dtype)
    maps = []
    for options in ({"batch": 1}, {"batch": 7}, {"memory": 1}, {"memory": 20_000}, {}, {"incremental": False}):
        maps.append(refvis.occlusion(net, x, (4, 3), 2, fill, channel=5, seed=4, **options).values)
        assert maps[-1].dtype == dtype
    for heat in maps[1:]:
        tolerance = {"float32": 3e-5, "float64": 1e-11}[dtype] * np.abs(maps[0]).max()
        np.testing.assert_allclose(heat, maps[0], rtol=0, atol=tolerance)


@pytest.mark.parametrize("fill", FILLS)
def test_the_same_seed_gives_the_same_map(fill):
    net, x = classifier(), inputs()
    first, second, other = (refvis.occlusion(net, x, 4, 3, fill, seed=seed).values for seed in (1, 1, 2))
    assert_same(first, second)
    assert (fill == "random") == bool(np.abs(first - other).max() > 0)


@given(
    st.integers(1, 13), st.integers(1, 11), st.integers(1, 15), st.integers(1, 15), st.sampled_from([0.0, -3.0, 40.0])
)
def test_a_weighted_sum_falls_by_what_is_covered(height, width, down, right, fill):
    net, x = linear(), inputs(dtype="float64")
    weights = net.node("sum").layer.filters[3]
    heatmap = refvis.occlusion(net, x, (height, width), (down, right), fill, channel=3)
    share = ((x[0] - fill) * weights).sum(axis=2)
    total, count = np.zeros((13, 11)), np.zeros((13, 11))
    for top in starts(13, height, down):
        for left in starts(11, width, right):
            box = np.s_[top : top + height, left : left + width]
            total[box] += share[box].sum()
            count[box] += 1
    expected = total / np.maximum(count, 1)
    np.testing.assert_allclose(heatmap.map, expected, rtol=0, atol=1e-9 * np.abs(weights).max() * 13 * 11 * 100)
    if down <= height and right <= width:
        assert count.min() >= 1, "every pixel is covered"


def test_boxes_of_one_pixel_give_each_pixels_share():
    net, x = linear(), inputs(dtype="float64")
    heatmap = refvis.occlusion(net, x, 1, 1, channel=2)
    expected = (x[0] * net.node("sum").layer.filters[2]).sum(axis=2)
    np.testing.assert_allclose(heatmap.map, expected, rtol=0, atol=1e-10)


def test_a_box_as_large_as_the_image():
    net, x = classifier(), inputs(dtype="float64")
    heatmap = refvis.occlusion(net, x, (13, 11), 5, channel=1)
    fall = (net.forward(x)["x8"] - net.forward(0 * x)["x8"])[0, 0, 0, 1]
    np.testing.assert_allclose(heatmap.map, np.full((13, 11), fall), rtol=1e-10)


def test_pixels_that_no_box_covers_are_zero():
    heat = refvis.occlusion(linear(), inputs(dtype="float64"), (2, 2), (4, 5), channel=0).map
    covered = np.zeros((13, 11), bool)
    for top in (0, 4, 8, 11):
        for left in (0, 5, 9):
            covered[top : top + 2, left : left + 2] = True
    np.testing.assert_array_equal(heat != 0, covered)


def test_boxes_stand_in_reading_order():
    places = boxes((7, 5), (3, 2), (3, 2))
    corners = [(rows[0], columns[0]) for rows, columns in places]
    assert corners == [(0, 0), (0, 2), (0, 3), (3, 0), (3, 2), (3, 3), (4, 0), (4, 2), (4, 3)]
    assert all((rows[1] - rows[0], columns[1] - columns[0]) == (3, 2) for rows, columns in places)


def test_the_image_is_left_alone():
    net, x = classifier(), inputs()
    before = x.copy()
    refvis.occlusion(net, x, 4, 3, "random")
    assert_same(x, before)


def test_without_a_channel_the_strongest_is_watched():
    net, x = classifier(), inputs(seed=3)
    best = int(net.forward(x)["x8"].argmax())
    assert best != 0
    heatmap = refvis.occlusion(net, x, 4, 3)
    assert_same(heatmap.values, refvis.occlusion(net, x, 4, 3, channel=best).values)
    expected = {"size": "(4, 4)", "stride": "(3, 3)", "fill": "mean", "at": "x8", "channel": best}
    expected |= {"measure": "difference", "draws": 1, "seed": 0, "computed": "windows up to pool1, then everything"}
    assert heatmap.record.parameters == expected
    assert heatmap.record.method == "occlusion"
    assert (heatmap.record.model, heatmap.record.fingerprint) == (net.name, net.fingerprint)
    assert_same(heatmap.picture, net.restore(x))


def test_progress_is_shown_on_a_terminal_when_asked_for(monkeypatch):
    for terminal, progress, shown in ((True, True, True), (True, False, False), (False, True, False)):
        stream = StringIO()
        monkeypatch.setattr(stream, "isatty", lambda terminal=terminal: terminal, raising=False)
        monkeypatch.setattr("sys.stderr", stream)
        refvis.occlusion(linear(), inputs(dtype="float64"), 4, 3, progress=progress)
        assert ("occlusion: 100%" in stream.getvalue()) == shown


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": 14}, "the box is 14 x 14, larger than the image, 13 x 11"),
        ({"size": None, "stride": None}, "the box is 32 x 32, larger than the image, 13 x 11"),
        ({"size": (3, 12)}, "the box is 3 x 12, larger than the image, 13 x 11"),
        ({"size": 0}, "box size"),
        ({"stride": 0}, "box stride"),
        ({"stride": (2, -1)}, "box stride"),
        ({"fill": "purple"}, "fill is 'purple', expected 'mean', 'gray', 'random', .* a number, 3 numbers"),
        ({"fill": (1, 2)}, r"fill is \(1, 2\), expected"),
        ({"fill": float("nan")}, "fill is nan, expected"),
        ({"fill": None}, "fill is None, expected"),
        ({"fill": {}}, r"fill is \{\}, expected"),
        ({"fill": np.zeros((2, 2, 3))}, r"fill is an array of shape \(2, 2, 3\), expected"),
        ({"fill": np.full((1, 13, 11, 3), np.nan)}, "the image that fills boxes holds 429 values that are NaN"),
        ({"size": None, "stride": None, "specs": []}, "specs is empty, expected at least one pair"),
        ({"at": "conv9"}, "no layer or variable 'conv9'"),
        ({"channel": 7}, r"channel 7 of '.*': expected 0 \.\.\. 6"),
        ({"size": None, "stride": None, "specs": [4, 3]}, r"specs holds 4, expected pairs \(size, stride\)"),
        ({"size": None, "stride": None, "specs": [(4, 3), (14, 3)]}, "the box is 14 x 14, larger than the image"),
        ({"size": None, "specs": [(4, 3)]}, "specs is given together with size or stride: give those two, or pairs"),
        ({"stride": None, "specs": []}, "specs is given together with size or stride"),
        ({"draws": 0}, "draws is 0, expected 1 whole number"),
        ({"memory": 0}, "memory is 0, expected 1 or more"),
        ({"batch": -1}, "batch is -1, expected 1 or more"),
        ({"measure": "max"}, "measure is 'max', expected 'difference', 'absolute', 'euclidean', 'spectral', or"),
        ({"measure": lambda known, changed: changed}, r"returned \(\d+, 1, 1, 1\), expected one number for each of"),
        (
            {"fill": lambda image, box, rng: image[:2]},
            r"box 0 is filled with an array of shape \(2, 11, 3\), expected",
        ),
    ],
)
def test_what_does_not_fit_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        refvis.occlusion(classifier(), inputs(), **({"size": 4, "stride": 3} | options))


def test_several_images_are_refused():
    with pytest.raises(refvis.ShapeError, match=r"takes one image, found 2: give x\[i:i\+1\]"):
        refvis.occlusion(classifier(), inputs(2), 4, 3)


def test_nan_is_refused():
    x = inputs()
    x[0, 3, 4, 1] = np.nan
    for fill in ("mean", "random"):
        with pytest.raises(ValueError, match="1 values that are NaN"):
            refvis.occlusion(classifier(), x, 4, 3, fill)
