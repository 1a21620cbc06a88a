"""Each quirk of FeatureVis' occlusion is what explains a number."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.small_nets import classifier, inputs

import refvis
from refvis.featurevis import occlusion
from refvis.layers import Conv, FullyConnected, Node, Pool, ReLU, ShapeError, Softmax, SoftmaxLoss


def weights(size, outputs=2, seed=1):
    """A layer that sees the whole image, float64."""
    return FullyConnected(np.random.default_rng(seed).standard_normal((outputs, int(np.prod(size)))))


def by_loops(forward, x, colour, size_w, stride_w, size_h, stride_h):
    """The original's loops, in MATLAB's counting from 1: one heatmap, not yet divided."""
    height, width = x.shape[1:3]
    heat = np.zeros((height, width))
    before = forward(x)
    for w in range(1 - size_w + stride_w, width - stride_w + 2, stride_w):
        for h in range(1 - size_h + stride_h, height - stride_h + 2, stride_h):
            covered = x.copy()
            inside = [
                (row, column)
                for row in range(max(h, 1), min(h + stride_h - 1, height) + 1)
                for column in range(max(w, 1), min(w + stride_w - 1, width) + 1)
            ]
            for row, column in inside:
                covered[0, row - 1, column - 1, :3] = colour
            change = np.linalg.norm(before - forward(covered), 2)
            for row, column in inside:
                heat[row - 1, column - 1] += change
    return heat


spans = st.tuples(st.integers(1, 9), st.integers(1, 5), st.integers(1, 9), st.integers(1, 5))


@given(spec=spans, size=st.sampled_from([(6, 8, 3), (7, 5, 4)]), seed=st.integers(0, 9))
def test_boxes_are_as_wide_as_the_stride_and_the_size_shifts_the_first(spec, size, seed):
    net = refvis.chain({"fc": weights(size)})
    x = inputs(1, "float64", seed, size)
    colour = np.array([9.0, -8.0, 0.0])
    heatmap = occlusion(net, x, spec, box_color=colour, measure_filter=1)
    heat = by_loops(lambda image: net.forward(image).output[0, ..., 1], x, colour, *spec)
    with np.errstate(invalid="ignore"):  # where no box fits, 0 / 0
        np.testing.assert_allclose(heatmap, heat / heat.max(), rtol=1e-9, atol=1e-12)
    assert (heatmap.shape, heatmap.dtype) == (size[:2], x.dtype)


def test_strips_stay_untouched():
    """Stride 4 and size 2 in a width of 11: the first box starts at the third column, the last ends at the tenth."""
    net, x = refvis.chain({"fc": weights((6, 11, 3))}), inputs(1, "float64", size=(6, 11, 3))
    heatmap = occlusion(net, x, (2, 4, 3, 3))
    np.testing.assert_array_equal(heatmap.any(axis=0), [False] * 2 + [True] * 8 + [False])
    assert heatmap.any(axis=1).all()


def test_two_numbers_serve_both_axes():
    net, x = refvis.chain({"fc": weights((6, 8, 3))}), inputs(1, "float64", size=(6, 8, 3))
    np.testing.assert_array_equal(occlusion(net, x, (4, 2)), occlusion(net, x, [4, 2, 4, 2]))


def test_several_boxes_are_added_in_equal_parts():
    net, x = refvis.chain({"fc": weights((6, 8, 3))}), inputs(1, "float64", size=(6, 8, 3))
    coarse, fine = occlusion(net, x, (4, 3)), occlusion(net, x, (2, 1))
    assert coarse.max() == fine.max() == 1
    np.testing.assert_allclose(occlusion(net, x, (4, 3), (2, 1)), (coarse + fine) / (coarse + fine).max(), rtol=1e-12)


def test_the_heat_has_no_sign_and_is_a_spectral_norm():
    """The map is the image's first channel, times -1. One box covers all of it: the change is the map itself."""
    net = refvis.chain({"conv": Conv(np.array([-1.0, 0, 0]).reshape(1, 1, 1, 3)), "same": ReLU(leak=1)})
    x = np.zeros((1, 4, 4, 3))
    x[0, :2, :2, 0], x[0, 2:, 2:, 0] = np.diag([3.0, 4.0]), [[5.0, 0], [0, 0]]
    heatmap = occlusion(net, x, (2, 2), box_color=(0, 0, 0), measure_filter=0)
    expected = np.zeros((4, 4))
    expected[:2, :2], expected[2:, 2:] = 4 / 5, 1  # the Frobenius norm would give 5 / 5
    np.testing.assert_allclose(heatmap, expected, rtol=1e-12)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_chain_is_covered_with_minus_the_mean_in_three_channels(dtype):
    net, x = refvis.chain({"fc": weights((6, 8, 5))}), inputs(1, dtype, size=(6, 8, 5)) + 7
    means = x.astype("float64")[0, ..., :3].mean(axis=(0, 1))
    heatmap = occlusion(net.astype(dtype), x, (4, 2), measure_filter=0)
    heat = by_loops(lambda image: net.forward(image).output[0, ..., 0], x.astype("float64"), -means, 4, 2, 4, 2)
    np.testing.assert_allclose(heatmap, heat / heat.max(), rtol=0, atol={"float32": 1e-5, "float64": 1e-12}[dtype])
    assert heatmap.dtype == dtype


def test_a_graph_is_covered_with_noise_in_all_channels():
    net = refvis.chain({"fc": weights((6, 8, 2))})
    x = inputs(1, "float64", size=(6, 8, 2))
    first, again, other = (occlusion(net, x, (4, 2), seed=seed, version="dagnn") for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 0.1
    with pytest.raises(ValueError, match=r"2 channel\(s\): FeatureVis covers the first three"):
        occlusion(net, x, (4, 2))


def test_noise_is_uniform():
    """A box that covers all of an image of zeros: what the network then sees is the noise."""
    seen = []
    net = refvis.chain({"same": ReLU(leak=1)})
    x = np.zeros((1, 40, 40, 4))
    for seed in range(3):
        spy = SpyNetwork(net.nodes, seen=seen)
        occlusion(spy, x, (40, 40), measure_filter=0, seed=seed, version="dagnn")
    noise = np.stack([one for one in seen if one.any()])
    assert noise.shape == (3, 1, 40, 40, 4)
    assert -128 <= noise.min() < -127
    assert 127 < noise.max() < 128
    assert abs(noise.mean()) < 3
    assert abs(noise.std() - 256 / 12**0.5) < 1


class SpyNetwork(refvis.Network):
    """Keeps the images that it is given."""

    def __init__(self, nodes, seen):
        super().__init__(nodes)
        object.__setattr__(self, "seen", seen)

    def upto(self, name):
        return self

    def forward(self, x):
        self.seen.append(x)
        return super().forward(x)


def test_a_softmax_is_passed_over_only_if_its_input_is_stored_before_it():
    x = inputs(1, "float64", size=(4, 5, 3)) / 40
    nodes = [
        Node("fc", weights((4, 5, 3), 6), "data", "f"),
        Node("side", ReLU(), "f", "g"),
        Node("prob", Softmax(), "f", "p"),
    ]
    near = refvis.Network(nodes, stored=("side", "fc", "prob"))
    apart = refvis.Network(nodes, stored=("fc", "side", "prob"))
    colour = {"box_color": (0, 0, 0)}
    at_fc, at_prob = (occlusion(near, x, (2, 2), measure_layer=at, **colour) for at in ("fc", "prob"))
    np.testing.assert_array_equal(occlusion(near, x, (2, 2), **colour), at_fc)
    np.testing.assert_array_equal(occlusion(apart, x, (2, 2), **colour), at_prob)
    first = replace(apart.upto("prob"), stored=("prob", "fc"))  # the original looks for a layer number 0, and fails
    np.testing.assert_array_equal(occlusion(first, x, (2, 2), **colour), at_prob)
    np.testing.assert_array_equal(occlusion(apart, x, (2, 2), version="simplenn", **colour), at_fc)
    assert np.abs(at_fc - at_prob).max() > 0.01


def test_a_default_filter_of_several_positions():
    """In a single row of positions, the maps of all filters found are one matrix; in more, the original fails."""
    x = inputs(1, "float64", size=(4, 6, 3))
    row = refvis.chain({"pool": Pool((4, 2), (1, 2), method="avg")})  # 1 x 3 positions, 3 channels
    heatmap = occlusion(row, x, (2, 2), box_color=(0, 0, 0))
    columns = row.forward(x).output[0, 0].argmax(axis=0)
    heat = by_loops(lambda image: row.forward(image).output[0, 0][:, columns], x, np.zeros(3), 2, 2, 2, 2)
    np.testing.assert_allclose(heatmap, heat / heat.max(), rtol=1e-9)
    net = refvis.chain({"pool": Pool(2, 2, method="avg")})
    with pytest.raises(ValueError, match="no default filter for an output of 2 x 3 positions"):
        occlusion(net, x, (2, 2), box_color=(0, 0, 0))


def test_nothing_that_changes_is_not_a_number():
    net = refvis.chain({"relu": ReLU(), "fc": weights((4, 5, 3))})
    x = -np.ones((1, 4, 5, 3))
    assert np.isnan(occlusion(net, x, (2, 2), box_color=(-3, -3, -3), measure_filter=0)).all()
    assert np.isnan(occlusion(net, x, (6, 6), measure_filter=0)).all()  # no box fits


@pytest.mark.parametrize(
    ("specs", "options", "message"),
    [
        ([], {}, "no box was given, expected"),
        ([(4,)], {}, r"the box is \(4,\), expected \(size, stride\)"),
        ([(4, 2, 4)], {}, "the box is"),
        ([(4, 0)], {}, "whole numbers"),
        ([(4, 2), (4.0, 2.0)], {}, r"the box is \(4\.0, 2\.0\)"),
        ([4], {}, "the box is 4"),
        ([(4, 2)], {"box_color": 0}, "box_color is 0, expected three numbers"),
        ([(4, 2)], {"box_color": (1, 2)}, "box_color is"),
        ([(4, 2)], {"box_color": "random"}, "box_color is 'random'"),
        ([(4, 2)], {"measure_layer": "fc9"}, "no layer or variable 'fc9'"),
        ([(4, 2)], {"measure_filter": 7}, "measure_filter 7 of layer 'fc3'"),
        ([(4, 2)], {"version": "DagNN"}, "version is 'DagNN'"),
    ],
)
def test_bad_options_are_named(specs, options, message):
    with pytest.raises(ValueError, match=message):
        occlusion(classifier(), inputs(), *specs, **options)


def test_bad_inputs_are_named():
    net = classifier()
    with pytest.raises(ShapeError, match="one image"):
        occlusion(net, inputs(2), (4, 2))
    loss = replace(net, nodes=(*net.nodes[:-1], Node("loss", SoftmaxLoss(), ("x8", "label"), "x9")))
    with pytest.raises(ValueError, match="layer 'loss' was not computed"):
        occlusion(loss, inputs(), (4, 2))
