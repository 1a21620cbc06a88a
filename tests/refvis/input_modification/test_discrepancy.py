"""Discrepancy: the mean change of one unit over the boxes that cover a pixel of its field; exactly 0 elsewhere."""

from functools import partial
from math import erf, exp, pi, sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.same import assert_same
from support.small_nets import classifier, conv, inputs

import refvis
from refvis.input_modification.boxes import fills
from refvis.layers import LRN, Conv, Pool, ReLU

# Size, stride and offset of the fields of the small classifier's variables, by hand.
FIELDS = {"conv1": (3, 1, -1), "norm1": (3, 1, -1), "pool1": (5, 2, -1), "relu2": (9, 2, -1)}


def replica(net, x, at, channel, position, size, stride, value):
    """One pass for each whole box, one image at a time; pixels outside the field cannot change the unit."""
    extent, step, offset = FIELDS[at]
    rows, columns = (range(p * step + offset, p * step + offset + extent) for p in position)

    def level(image):
        return float(net.upto(at).forward(image).output[0, *position, channel])

    whole, total, count = level(x), np.zeros(x.shape[1:3]), np.zeros(x.shape[1:3])
    last = x.shape[1] - size[0], x.shape[2] - size[1]
    for top in sorted({*range(0, last[0], stride), last[0]}):
        for left in sorted({*range(0, last[1], stride), last[1]}):
            box = [(i, j) for i in range(top, top + size[0]) for j in range(left, left + size[1])]
            covered = x.copy()
            for i, j in box:
                covered[0, i, j] = value
            change = abs(whole - level(covered))
            seen = [(i, j) for i, j in box if i in rows and j in columns]
            assert seen or change == 0
            for i, j in seen:
                total[i, j] += change
                count[i, j] += 1
    return total / np.maximum(count, 1)


@pytest.mark.parametrize(
    ("at", "position", "size", "stride"),
    [
        ("conv1", (0, 10), (4, 3), 2),
        ("norm1", (6, 4), (2, 5), 1),
        ("pool1", (5, 1), (3, 2), 2),
        ("relu2", (1, 2), (5, 4), 3),
    ],
)
def test_it_is_the_slow_replica(at, position, size, stride):
    net, x = classifier(), inputs(dtype="float64", seed=2)
    channel = int(net.upto(at).forward(x).output[0, *position].argmax())
    heatmap = refvis.discrepancy(net, x, at, channel, position, size, stride, fill=-25.0)
    expected = replica(net, x, at, channel, position, size, stride, -25.0)
    assert expected.max() > 0
    np.testing.assert_allclose(heatmap.map, expected, rtol=0, atol=1e-12 * expected.max())
    np.testing.assert_array_equal(heatmap.map[expected == 0], 0)
    assert heatmap.values.shape == (1, 13, 11, 1)
    assert not heatmap.signed


@given(data=st.data(), seed=st.integers(0, 99), draws=st.integers(1, 3))
def test_nothing_outside_of_the_theoretical_field(data, seed, draws):
    """The test computes the field by itself, window by window from the position back to the pixels."""
    random = np.random.default_rng(seed)
    windows = [(data.draw(st.integers(1, 4)), data.draw(st.integers(1, 2)), data.draw(st.integers(0, 2)))]
    windows += [(2, 1, 1), (data.draw(st.integers(1, 3)), 1, 0)]
    (f0, s0, p0), _, (f1, _, _) = windows
    layers = {"conv0": conv(random, (4, f0, f0, 3), stride=s0, pad=p0), "relu": ReLU(0.1), "norm": LRN(3, 1, 0.1, 0.75)}
    layers |= {"pool": Pool(2, 1, 1), "conv1": conv(random, (5, f1, f1, 4))}
    net, x = refvis.chain(layers), inputs(seed=seed, size=(12, 14, 3))
    at, depth = data.draw(st.sampled_from([("conv0", 1), ("norm", 1), ("pool", 2), ("conv1", 3)]))
    shape = net.upto(at).forward(x).output.shape
    position = tuple(data.draw(st.integers(0, extent - 1)) for extent in shape[1:3])
    inside = [range(p, p + 1) for p in position]
    for size, stride, pad in reversed(windows[:depth]):
        inside = [{p * stride - pad + i for p in axis for i in range(size)} for axis in inside]
    inside = [range(min(axis), max(axis) + 1) for axis in inside]  # strides may skip pixels; a field is a whole box
    box = data.draw(st.tuples(st.integers(1, 4), st.integers(1, 6)))
    heat = refvis.discrepancy(net, x, at, shape[3] - 1, position, box, 1, seed=seed, draws=draws).map
    mask = np.array([[i in inside[0] and j in inside[1] for j in range(14)] for i in range(12)])
    assert (heat[~mask] == 0).all()
    if mask.any() and at == "conv0":
        assert (heat[mask] > 0).all()


def test_a_position_that_sees_padding_only_has_zero_everywhere():
    net = refvis.chain({"conv": Conv(np.ones((2, 1, 1, 3)), pad=2)})
    heatmap = refvis.discrepancy(net, inputs(dtype="float64"), "conv", 1, (0, 7), 2, 1, draws=3)
    np.testing.assert_array_equal(heatmap.values, np.zeros((1, 13, 11, 1)))


def single(channels=1):
    """Return a filter of 3 x 2 pixels with weights of both signs, one of them 0; an image; and the filter's weights."""
    filters = np.random.default_rng(1).standard_normal((2, 3, 2, channels))
    filters[1, 1, 0] = 0
    net = refvis.chain({"conv": Conv(filters, np.array([3.0, -7.0]))})
    return net, inputs(dtype="float64", seed=1, size=(9, 8, channels)), filters[1]


def test_expectation_of_a_linear_unit_under_uniform_noise():
    """One pixel u ~ U(l, h) changes w x by |w| |u - x|: E = |w| ((x - l)^2 + (h - x)^2) / (2 (h - l))."""
    (net, x, w), low, high, draws = single(), -60.0, 90.0, 2000
    x = np.clip(x, low, high)
    fill = partial(fills.uniform, low=low, high=high)
    heat = refvis.discrepancy(net, x, "conv", 1, (4, 5), 1, 1, fill, draws=draws, batch=2000).map
    expected, here = np.zeros((9, 8)), x[0, 4:7, 5:7, 0]
    expected[4:7, 5:7] = abs(w[..., 0]) * ((here - low) ** 2 + (high - here) ** 2) / (2 * (high - low))
    error = abs(w).max() * (high - low) / sqrt(12 * draws)  # |u - x| spreads at most as u itself does
    np.testing.assert_allclose(heat, expected, rtol=0, atol=5 * error)
    assert expected.max() > 30 * error
    assert heat[5, 5] == 0


def test_expectation_of_a_linear_unit_under_normal_noise():
    """The change by a box is normally distributed, of mean m = sum w (mu - x) and variance s^2 = sigma^2 sum w^2:
    E |change| = s sqrt(2 / pi) exp(-m^2 / 2 s^2) + m erf(m / (s sqrt 2)).
    """
    (net, x, w), mu, sigma, draws = single(4), 20.0, 30.0, 2000
    fill = partial(fills.normal, mean=mu, deviation=sigma)
    heat = refvis.discrepancy(net, x, "conv", 1, (4, 5), (2, 3), (2, 3), fill, draws=draws, batch=2000).map
    total, count, error = np.zeros((9, 8)), np.zeros((9, 8)), 0.0
    for rows in ((4, 6), (6, 7)):
        for columns in ((5, 6), (5, 7)):  # boxes at columns 3 ... 5, and 5 ... 7 at the border
            part = slice(*rows), slice(*columns)
            weights = w[rows[0] - 4 : rows[1] - 4, columns[0] - 5 : columns[1] - 5]
            m, s = (weights * (mu - x[0][part])).sum(), sigma * sqrt((weights**2).sum())
            total[part] += s * sqrt(2 / pi) * exp(-(m**2) / (2 * s**2)) + m * erf(m / (s * sqrt(2)))
            count[part] += 1
            error = max(error, s / sqrt(draws))
    expected = total / np.maximum(count, 1)
    np.testing.assert_allclose(heat, expected, rtol=0, atol=5 * error)
    assert expected.max() > 20 * error


def test_same_seed_same_map_whatever_is_computed_together():
    net, x = classifier(), inputs(seed=3)
    run = partial(refvis.discrepancy, net, x, "relu2", 4, size=3, stride=1, draws=2)
    first = run(seed=8)
    assert first.values.dtype == np.float32
    np.testing.assert_array_equal(run(seed=8).values, first.values)
    assert abs(run(seed=9).values - first.values).max() > 0.01 * first.values.max()
    for options in ({"batch": 1}, {"memory": 1}, {"memory": 20_000, "batch": 7}, {"incremental": False}):
        values = run(seed=8, **options).values
        np.testing.assert_allclose(values, first.values, rtol=0, atol=3e-5 * first.values.max())
        np.testing.assert_array_equal(values == 0, first.values == 0)


def test_what_is_left_open_is_the_strongest():
    net, x = classifier(), inputs(dtype="float64", seed=6)
    values = net.upto("relu2").forward(x).output[0]
    y, column, channel = (int(n) for n in np.unravel_index(values.argmax(), values.shape))
    made = refvis.discrepancy(net, x, "relu2").record.parameters
    assert (made["channel"], made["position"]) == (channel, (y, column))
    y, column = (int(n) for n in np.unravel_index(values[..., 3].argmax(), values.shape[:2]))
    assert refvis.discrepancy(net, x, "relu2", 3).record.parameters["position"] == (y, column)
    there = refvis.discrepancy(net, x, "relu2", position=(2, 1)).record.parameters
    assert there["channel"] == values[2, 1].argmax()
    assert there["position"] == (2, 1)


def test_signed_changes_are_those_of_occlusion_where_the_field_is_the_image():
    net, x = classifier(), inputs(dtype="float64", seed=4)
    heatmap = refvis.discrepancy(net, x, None, 2, (0, 0), (4, 3), 2, "mean", measure="difference")
    assert_same(heatmap.values, refvis.occlusion(net, x, (4, 3), 2, "mean", None, 2).values)
    assert heatmap.signed


def test_boxes_are_the_papers_in_proportion():
    net = refvis.chain({"conv": Conv(np.ones((1, 2, 2, 1)))})
    made = refvis.discrepancy(net, np.ones((1, 227, 229, 1)), "conv", 0, (3, 4)).record.parameters
    assert (made["size"], made["stride"]) == ("(11, 11)", "(3, 3)")
    made = refvis.discrepancy(net, np.ones((1, 9, 8, 1)), "conv", 0, (3, 4)).record.parameters
    assert (made["size"], made["stride"]) == ("(1, 1)", "(1, 1)")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"x": inputs(2)}, "discrepancy takes one image, found 2"),
        ({"size": 12}, "the box is 12 x 12, larger than the image, 13 x 11"),
        ({"stride": 0}, "box stride"),
        ({"channel": 10}, "channel 10 of .*: expected 0 ... 9"),
        ({"channel": [1, 2]}, r"channel is \[1, 2\], expected one channel"),
        ({"channel": "all"}, "channel is 'all', expected one channel"),
        ({"position": (4, 0)}, r"position \(4, 0\) of .*: expected \(0, 0\) ... \(3, 2\)"),
        ({"at": "conv9"}, "conv9"),
        ({"fill": "grey"}, "fill is 'grey', expected"),
        ({"draws": 0}, "draws"),
        ({"measure": "l2"}, "measure is 'l2', expected"),
        ({"batch": 0}, "batch is 0, expected 1 or more"),
    ],
)
def test_what_cannot_be_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        refvis.discrepancy(classifier(), **{"x": inputs(), "at": "relu2", **options})
