"""RISE: its formula and its normalisations; batches and interruptions do not change the map."""

import numpy as np
import pytest
from support.same import assert_same
from support.small_nets import classifier, inputs, linear

import refvis
from refvis.input_modification.masks.random_masks import RandomMasks
from refvis.layers import FullyConnected, Softmax, forward

FEW = {"masks": 60, "cells": (4, 3), "seed": 2}


def masks_of(x, masks=60, cells=(4, 3), keep=0.5, seed=2):
    return RandomMasks(masks, cells, keep, seed).draw(range(masks), x)


@pytest.mark.parametrize("output", ["score", "probability"])
@pytest.mark.parametrize("fill", ["mean", "random", [3.0, -2.0, 5.0]])
def test_it_is_the_mean_where_a_mask_shows(output, fill):
    net, x = classifier(), inputs(1, "float64")
    m, levels = masks_of(x), []
    for number, one in enumerate(m):
        if fill == "random":
            other = np.random.default_rng([2, number]).uniform(x.min(), x.max(), x.shape[1:])
        else:
            other = 0.0 if fill == "mean" else np.array(fill)
        scores = net.forward(one * x + (1 - one) * other)["x8"]
        levels.append((forward(Softmax(), scores) if output == "probability" else scores)[0, 0, 0, [5, 2]])
    levels = np.array(levels)
    shown = np.einsum("bu,bhw->uhw", levels, m[..., 0])
    expected = {"expected": shown / (0.5 * 60), "sampled": shown / np.maximum(m[..., 0].sum(axis=0), 1e-300)}
    expected["centred"] = expected["sampled"] - levels.mean(axis=0)[:, None, None]
    for normalise, values in expected.items():
        heatmap = refvis.rise(net, x, fill=fill, output=output, normalise=normalise, channel=(5, 2), **FEW)
        np.testing.assert_allclose(heatmap.values[..., 0], values, rtol=1e-9, atol=1e-9 * np.abs(values).max())
        np.testing.assert_allclose(heatmap.measures["mean"], levels.mean(axis=0), rtol=1e-9)
        assert heatmap.record.parameters["output"] == output


def test_masks():
    x = np.zeros((1, 13, 11, 3), "float32")
    m = masks_of(x, 400, keep=0.3)
    assert (m.shape, m.dtype) == ((400, 13, 11, 1), "float32")
    assert (m.min(), m.max()) == (0, 1)
    assert (m.reshape(400, -1).std(axis=1) > 0).mean() > 0.95
    np.testing.assert_allclose(m.mean(axis=0), 0.3, atol=5 * 0.5 / np.sqrt(400))
    assert_same(m[5:9], RandomMasks(7, (4, 3), 0.3, 2).draw(range(5, 9), x))
    assert np.abs(m[:4] - masks_of(x, 4, keep=0.3, seed=3)).max() > 0
    np.testing.assert_array_equal(masks_of(x, 3, keep=1.0), 1)
    assert masks_of(x, 2, (13, 11)).shape == (2, 13, 11, 1)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_batches_and_company_do_not_matter(dtype):
    net, x = classifier(), inputs(2, dtype)
    whole = refvis.rise(net, x, channel=(1, 2), **FEW)
    assert (whole.values.shape, whole.values.dtype) == ((4, 13, 11, 1), dtype)
    close = {"rtol": 0, "atol": (1e-6 if dtype == "float32" else 1e-13)}
    for batch in (1, 7, 100):
        heatmap = refvis.rise(net, x, channel=(1, 2), batch=batch, **FEW)
        np.testing.assert_allclose(heatmap.values, whole.values, **close)
        np.testing.assert_allclose(heatmap.measures["agreement"], whole.measures["agreement"], atol=1e-3)
    alone = refvis.rise(net, x[1:], channel=2, **FEW)
    np.testing.assert_allclose(alone.values[0], whole.values[3], **close)


def test_the_same_seed_gives_the_same_map():
    net, x = classifier(), inputs()
    first, second = (refvis.rise(net, x, **FEW) for _ in range(2))
    assert_same((first.values, first.measures), (second.values, second.measures))
    assert np.abs(first.values - refvis.rise(net, x, **{**FEW, "seed": 3}).values).max() > 0


def test_of_a_linear_network_it_has_the_sign_of_what_pixels_add():
    """The expected map is a constant plus sums of w x near the pixel, weighted by `keep`."""
    net, x = linear(), inputs(1, "float64")
    added = refvis.gradient_times_input(net, x, channel=2).map
    heatmap = refvis.rise(net, x, 4000, (13, 11), output="score", channel=2)
    assert np.corrcoef(heatmap.map.ravel(), added.ravel())[0, 1] > 0.6
    strong = np.abs(added) > np.quantile(np.abs(added), 0.9)
    assert (np.sign(heatmap.map) == np.sign(added))[strong].mean() > 0.9
    assert heatmap.measures["agreement"][0] > 0.8


def test_a_constant_level_is_noise_unless_sums_of_masks_divide():
    weights = np.zeros((2, 13, 11, 3))
    net = refvis.chain({"fc": FullyConnected(weights.reshape(2, -1), np.array([7.0, -3.0]))})
    maps = {
        name: refvis.rise(net, inputs(1, "float64"), output="score", channel=0, normalise=name, **FEW)
        for name in ("expected", "sampled", "centred")
    }
    assert maps["expected"].map.std() > 0.1
    np.testing.assert_allclose(maps["sampled"].map, 7, rtol=1e-12)
    np.testing.assert_allclose(maps["centred"].map, 0, atol=1e-12)


def interrupted(after):
    """A fill that raises KeyboardInterrupt at mask number `after`."""
    asked = []

    def fill(image, box, rng):
        asked.append(box)
        if len(asked) > after:
            raise KeyboardInterrupt
        return 0 * image[:1, :1]

    return fill


def test_an_interruption_leaves_the_masks_that_are_done():
    net, x = classifier(), inputs()
    with pytest.warns(UserWarning, match="interrupted: this rise is of 40 of 60 masks"):
        heatmap = refvis.rise(net, x, fill=interrupted(49), batch=10, **FEW)
    assert heatmap.record.parameters["partial"] == "40 of 60 masks"
    whole = refvis.rise(net, x, batch=10, **{**FEW, "masks": 40})
    assert_same((heatmap.values, heatmap.measures), (whole.values, whole.measures))
    assert "partial" not in whole.record.parameters
    with pytest.raises(KeyboardInterrupt):
        refvis.rise(net, x, fill=interrupted(9), batch=10, **FEW)


def test_a_single_mask():
    heatmap = refvis.rise(classifier(), inputs(), 1, (4, 3))
    assert np.isfinite(heatmap.values).all()
    assert np.isnan(heatmap.measures["agreement"]).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"masks": 0}, "masks is 0, expected 1 or more"),
        ({"keep": 0}, "keep is 0, expected a probability above 0, at most 1"),
        ({"keep": 1.5}, r"keep is 1\.5"),
        ({"cells": (4, 12)}, r"cells is \(4, 12\), expected at most one for each of 13 x 11 pixels"),
        ({"normalise": "best"}, "normalise is 'best', expected one of 'centred', 'sampled', 'expected'"),
        ({"output": "logit"}, "output is 'logit', expected one of 'score', 'probability'"),
        ({"channel": "all"}, "the probabilities of all channels add up to 1"),
        ({"fill": "magic"}, "fill is 'magic'"),
        ({"batch": 0}, "batch is 0, expected 1 or more"),
        ({"at": "conv9"}, "conv9"),
    ],
)
def test_wrong_choices_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        refvis.rise(classifier(), inputs(), **options)


def test_nan_is_refused():
    x = inputs()
    x[0, 3, 4, 1] = np.nan
    with pytest.raises(ValueError, match="NaN"):
        refvis.rise(classifier(), x)
