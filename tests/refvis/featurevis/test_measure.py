"""The layers and filters that FeatureVis measures by default."""

import numpy as np
import pytest
from support.small_nets import inputs

import refvis
from refvis.featurevis import deconvolution
from refvis.featurevis.measure import measured_filters
from refvis.layers import Concat, Conv, FullyConnected, Node, ReLU, Softmax


def test_before_a_softmax_the_largest_absolute_score_is_chosen():
    scores = {"fc": FullyConnected(np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])), "prob": Softmax()}
    x = np.array([2.0, -5.0]).reshape(1, 1, 1, 2)  # scores 2, -5 and -3
    before = deconvolution(refvis.chain(scores), x)
    np.testing.assert_array_equal(before.ravel(), [0.0, -5.0])
    last = deconvolution(refvis.chain({"fc": scores["fc"]}), x)
    np.testing.assert_array_equal(last.ravel(), [2.0, 0.0])
    softmax = deconvolution(refvis.chain(scores), x, measure_layer="prob")
    np.testing.assert_array_equal(
        softmax, deconvolution(refvis.chain(scores), x, measure_layer="prob", measure_filter=0)
    )


def test_in_maps_the_largest_spectral_norm_is_chosen():
    flat, steep = np.full((3, 4), 1.0), np.zeros((3, 4))  # both have the Frobenius norm 12 ** 0.5
    steep[range(3), range(3)] = 2.0
    x = np.stack([steep, flat], axis=2)[None]
    net = refvis.chain({"relu": ReLU(), "same": Conv(np.eye(2).reshape(2, 1, 1, 2)), "prob": Softmax()})
    np.testing.assert_array_equal(deconvolution(net, x)[..., 1], flat)
    np.testing.assert_array_equal(deconvolution(net, x, measure_layer="relu")[..., 0], 0 * steep)


def test_where_the_output_has_positions_rows_are_taken_for_filters():
    values = np.zeros((1, 3, 2, 5))
    values[0, 2, 0] = values[0, 1, 1] = 1  # in column 0 the largest is in row 2, in column 1 in row 1
    net = refvis.chain({"relu": ReLU()})
    assert measured_filters(net, net.nodes[0], values, None) == [2] * 5 + [1] * 5
    heatmap = deconvolution(net, values)
    np.testing.assert_array_equal(np.nonzero(heatmap.any(axis=(0, 1)))[0], [1, 2])
    row = values[:, 2:, :]  # a single row: columns are taken for filters
    assert measured_filters(net, net.nodes[0], row, None) == [0] * 5
    with pytest.raises(ValueError, match=r"measure_filter 2 of layer 'relu': expected 0 \.\.\. 1"):
        deconvolution(net, values[..., :2])


def test_a_graph_is_explained_from_the_end_that_is_stored_last():
    nodes = [Node("a", ReLU(), "data", "ax"), Node("b", ReLU(), "data", "bx"), Node("c", Concat(), ("ax", "bx"), "cx")]
    x = inputs(size=(2, 3, 4))
    ends = refvis.Network([*nodes[:2], Node("n", ReLU(), "ax", "nx")], stored=("a", "n", "b"))
    same = refvis.Network([nodes[1]])
    np.testing.assert_array_equal(deconvolution(ends, x), deconvolution(same, x))
    np.testing.assert_array_equal(
        deconvolution(refvis.Network(nodes), x, measure_layer="c", measure_filter=1)[..., 1],
        np.maximum(x[0, ..., 1], 0),
    )
