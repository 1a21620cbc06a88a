"""KernelSHAP: exact Shapley values if all coalitions are computed, and exact sums always."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.same import assert_same
from support.small_nets import classifier, inputs, linear

import refvis
from refvis.input_modification.kernel_shap import coalitions, shapley
from refvis.input_modification.segments.superpixels import squares


def by_permutations(value, count):
    """The definition: the rise of the value when a segment is added, averaged over all orders."""
    total, orders = np.zeros(count), list(permutations(range(count)))
    for order in orders:
        shown = np.zeros(count, bool)
        for one in order:
            before = value(shown)
            shown[one] = True
            total[one] += value(shown) - before
    return total / len(orders)


@given(count=st.integers(1, 5), seed=st.integers(0, 99))
def test_all_coalitions_give_shapley_values(count, seed):
    shown, weights, every = coalitions(count, 2**count, 0)
    assert every
    assert len({tuple(one) for one in shown.tolist()}) == len(shown) == 2**count
    levels = np.random.default_rng(seed).normal(size=(len(shown), 2))
    phi = shapley(shown, levels, weights)
    number = {tuple(one): i for i, one in enumerate(shown.tolist())}
    for unit in range(2):
        expected = by_permutations(lambda z, unit=unit: levels[number[tuple(z.tolist())], unit], count)
        np.testing.assert_allclose(phi[:, unit], expected, rtol=0, atol=1e-11)


def test_of_a_network_they_are_its_shapley_values():
    net, x = classifier(), inputs(1, "float64")
    segments = squares((13, 11), (2, 2))

    def value(shown):
        kept = shown[segments][..., None]
        return net.forward(np.where(kept, x[0], [4.0, -1.0, 2.0])[None])["x8"][0, 0, 0, 3]

    heatmap = refvis.kernel_shap(net, x, segments, fill=[4.0, -1.0, 2.0], channel=3)
    expected = by_permutations(value, 4)
    np.testing.assert_allclose(heatmap.map, expected[segments], rtol=0, atol=1e-10 * np.abs(expected).max())
    assert heatmap.record.parameters["coalitions"] == "all"
    everything = np.ones(4, bool)
    np.testing.assert_allclose(heatmap.measures["image"], value(everything), rtol=1e-12)
    np.testing.assert_allclose(heatmap.measures["replaced"], value(~everything), rtol=1e-12)


@pytest.mark.parametrize("samples", [70, 300])
@pytest.mark.parametrize("output", ["score", "probability"])
def test_estimates_add_up(samples, output):
    net, x = classifier(), inputs(2, "float64")
    segments = squares((13, 11), (5, 4))
    heatmap = refvis.kernel_shap(net, x, segments, samples, fill="random", output=output, channel=(1, 6))
    each = np.array([heatmap.values[:, segments == one].mean(axis=(1, 2)) for one in range(20)])
    gap = heatmap.measures["image"] - heatmap.measures["replaced"]
    np.testing.assert_allclose(each.sum(axis=0), gap, rtol=0, atol=1e-10 * np.abs(each).max())
    assert heatmap.record.parameters["coalitions"] == f"{samples + 2} drawn"


def test_of_a_linear_network_any_coalitions_give_what_segments_add():
    net, x = linear(), inputs(1, "float64")
    segments = squares((13, 11), (5, 4))
    added = refvis.gradient_times_input(net, x, channel=2).map
    expected = np.array([added[segments == one].sum() for one in range(20)])
    for samples in (60, 200):
        heatmap = refvis.kernel_shap(net, x, segments, samples, channel=2)
        np.testing.assert_allclose(heatmap.map, expected[segments], rtol=0, atol=1e-9 * np.abs(expected).max())


def test_estimates_come_near_the_exact_values():
    net, x = classifier(), inputs(1, "float64")
    segments = squares((13, 11), (4, 3))
    exact = refvis.kernel_shap(net, x, segments, 2**12, channel=3)
    assert exact.record.parameters["coalitions"] == "all"
    errors = []
    for samples in (40, 1000):
        near = refvis.kernel_shap(net, x, segments, samples, channel=3)
        errors.append(np.linalg.norm(near.map - exact.map) / np.linalg.norm(exact.map))
    assert errors[1] < 0.1 < errors[0]


def test_sizes_are_drawn_by_the_kernel():
    shown, weights, every = coalitions(12, 2000, 0)
    assert not every
    np.testing.assert_array_equal(weights, [0, 0] + [1] * 2000)
    np.testing.assert_array_equal(shown[2:1002], ~shown[1002:])
    sizes = np.arange(1, 12)
    chances = 1 / (sizes * (12 - sizes))
    drawn = np.bincount(shown[2:].sum(axis=1), minlength=12)[1:] / 2000
    np.testing.assert_allclose(drawn, chances / chances.sum(), atol=0.03)
    np.testing.assert_allclose(shown[2:].mean(axis=0), 0.5, atol=1e-12)


def test_the_same_seed_gives_the_same_map_in_any_batches():
    net, x = classifier(), inputs(1, "float64")
    first, second = (refvis.kernel_shap(net, x, None, 200, seed=4) for _ in range(2))
    assert_same(first.values, second.values)
    third = refvis.kernel_shap(net, x, None, 200, seed=4, batch=7)
    np.testing.assert_allclose(third.values, first.values, rtol=0, atol=1e-9 * np.abs(first.values).max())
    assert np.abs(first.values - refvis.kernel_shap(net, x, None, 200, seed=5).values).max() > 0
    assert refvis.kernel_shap(net.astype("float32"), x.astype("float32"), None, 200).values.dtype == "float32"


def test_a_single_segment_has_it_all():
    heatmap = refvis.kernel_shap(classifier(), inputs(1, "float64"), np.zeros((13, 11), int), channel=3)
    np.testing.assert_allclose(heatmap.map, (heatmap.measures["image"] - heatmap.measures["replaced"])[0], rtol=1e-12)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"samples": 1}, "samples is 1, expected 2 or more: a coalition and its complement"),
        ({"samples": 20}, "20 samples determine 1[0-9] of 63 coefficients: give more samples, or fewer segments"),
        ({"segments": "watershed"}, "segments is 'watershed', expected None, 'slic', or an array of whole numbers"),
        ({"output": "logit"}, "output is 'logit'"),
    ],
)
def test_wrong_choices_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        refvis.kernel_shap(classifier(), inputs(), **options)
