"""Measures of occlusion agree with a slow replica; several boxes and several draws are averaged."""

from functools import partial

import numpy as np
import pytest
from support.same import assert_same
from support.small_nets import classifier, inputs

import refvis
from refvis.input_modification.boxes import fills, measures
from refvis.input_modification.boxes.grid import boxes
from refvis.layers import Conv

SIZE, STRIDE = (4, 3), (3, 4)
TARGETS = [
    {},
    {"channel": 4},
    {"at": "prob", "channel": 2},
    {"at": "conv2", "channel": 3},
    {"at": "conv2", "channel": 3, "against": 7},
    {"at": "pool1", "channel": 1, "position": (2, 1)},
    {"at": "pool1", "channel": "all"},
    {"at": "relu1", "channel": (2, 0, 5)},
]


def maps(net, x, at=None, channel=None, position=None, against=None):
    """The map of each unit, H x W x K, by hand."""
    values = net.forward(x)[net.scores if at is None else net.variable(at)][0]
    values = values if position is None else values[position][None, None]
    if channel == "all":
        return [values]
    chosen = [values[..., k : k + 1] for k in ((channel,) if isinstance(channel, int) else channel)]
    return chosen if against is None else [one - values[..., against : against + 1] for one in chosen]


def effect(name, before, after):
    """One number, from two maps."""
    fall = (before - after).sum() / (before.shape[0] * before.shape[1])
    if name == "spectral":
        change = (after - before)[..., 0] if before.shape[2] == 1 else (after - before).reshape(-1, before.shape[2])
        return np.linalg.norm(change, 2)
    return {"difference": fall, "absolute": abs(fall), "euclidean": np.sqrt(((before - after) ** 2).sum())}[name]


def replica(net, x, name, goal):
    """One pass for each box of zeros; the mean over the boxes that covered a pixel."""
    goal = {"channel": int(net.forward(x)["x8"].argmax())} | goal
    known = maps(net, x, **goal)
    total, count = np.zeros((len(known), 13, 11)), np.zeros((13, 11))
    for (top, bottom), (left, right) in boxes((13, 11), SIZE, STRIDE):
        covered = x.copy()
        covered[0, top:bottom, left:right] = 0
        for unit, (before, after) in enumerate(zip(known, maps(net, covered, **goal), strict=True)):
            total[unit, top:bottom, left:right] += effect(name, before, after)
        count[top:bottom, left:right] += 1
    return total / np.maximum(count, 1)


@pytest.mark.parametrize("goal", TARGETS)
@pytest.mark.parametrize("measure", list(measures.MEASURES))
def test_every_measure_of_every_target(measure, goal):
    net, x = classifier(), inputs(dtype="float64")
    heatmap = refvis.occlusion(net, x, SIZE, STRIDE, measure=measure, **goal)
    expected = replica(net, x, measure, goal)
    assert heatmap.values.shape == (len(expected), 13, 11, 1)
    assert heatmap.signed == (measure == "difference")
    assert np.abs(expected).max() > 1e-9
    np.testing.assert_allclose(heatmap.values[..., 0], expected, rtol=0, atol=1e-10 * np.abs(expected).max())


def test_at_one_position_all_measures_are_one():
    """The map is one number, so its norms are its absolute value, box by box."""
    net, x = classifier(), inputs(dtype="float64")
    known, changed = np.zeros((1, 1, 1)), np.array([-3.0, 0.0, 2.5]).reshape(3, 1, 1, 1)
    assert measures.difference(known, changed).tolist() == [3.0, 0.0, -2.5]
    for measure in (measures.absolute, measures.euclidean, measures.spectral):
        assert measure(known, changed).tolist() == [3.0, 0.0, 2.5]
    heat = refvis.occlusion(net, x, 2, 2, at="conv2", channel=3, position=(1, 0)).map
    assert heat.min() < 0 < heat.max()


def test_a_function_measures():
    """The function returns the largest fall at any position, of all channels."""
    net, x = classifier(), inputs(dtype="float64")

    def worst(reference, changed):
        assert reference.shape == (6, 5, 8)
        return (reference - changed).max(axis=(1, 2, 3))

    heatmap = refvis.occlusion(net, x, SIZE, STRIDE, at="pool1", channel="all", measure=worst)
    assert heatmap.signed
    assert heatmap.record.parameters["measure"] == "worst"
    total, count = np.zeros((13, 11)), np.zeros((13, 11))
    for (top, bottom), (left, right) in boxes((13, 11), SIZE, STRIDE):
        covered = x.copy()
        covered[0, top:bottom, left:right] = 0
        total[top:bottom, left:right] += (net.forward(x)["x4"] - net.forward(covered)["x4"]).max()
        count[top:bottom, left:right] += 1
    np.testing.assert_allclose(heatmap.map, total / np.maximum(count, 1), rtol=0, atol=1e-10 * total.max())


def test_several_boxes_are_the_mean_of_their_maps():
    net, x = classifier(), inputs(dtype="float64")
    specs = [((4, 3), (3, 4)), (2, 2), ((2, 5), 6)]
    each = [refvis.occlusion(net, x, size, stride, 20.0).values for size, stride in specs]
    heatmap = refvis.occlusion(net, x, fill=20.0, specs=specs)
    np.testing.assert_allclose(heatmap.values, sum(each) / 3, rtol=0, atol=1e-12 * np.abs(each).max())
    assert heatmap.record.parameters["size"] == "(4, 3), (2, 2), (2, 5)"
    assert heatmap.record.parameters["stride"] == "(3, 4), (2, 2), (6, 6)"
    assert_same(refvis.occlusion(net, x, specs=specs[:1]).values, refvis.occlusion(net, x, *specs[0]).values)


def test_the_usual_box():
    x = np.random.default_rng(4).normal(size=(1, 41, 52, 3))
    net = refvis.chain({"sum": Conv(x[:, ::-1])})
    usual = refvis.occlusion(net, x)
    assert_same(usual.values, refvis.occlusion(net, x, 32, 16).values)
    assert_same(refvis.occlusion(net, x, 20).values, refvis.occlusion(net, x, 20, 16).values)
    assert (usual.record.parameters["size"], usual.record.parameters["stride"]) == ("(32, 32)", "(16, 16)")


def test_draws_are_averaged():
    """Each draw has its own generator; the first draw is the same as with draws=1."""
    net, x = classifier(), inputs(dtype="float64")
    noise = partial(fills.uniform, low=-50.0, high=70.0)
    heatmap = refvis.occlusion(net, x, SIZE, STRIDE, noise, draws=3, seed=9, channel=2)
    places = boxes((13, 11), SIZE, STRIDE)
    total, count = np.zeros((13, 11)), np.zeros((13, 11))
    before = net.forward(x)["x8"][0, 0, 0, 2]
    for number, ((top, bottom), (left, right)) in enumerate(places):
        levels = []
        for draw in range(3):
            covered, rng = x.copy(), np.random.default_rng([9, number, draw])
            covered[0, top:bottom, left:right] = rng.uniform(-50, 70, (bottom - top, right - left, 3))
            levels.append(net.forward(covered)["x8"][0, 0, 0, 2])
        total[top:bottom, left:right] += before - np.mean(levels)
        count[top:bottom, left:right] += 1
    np.testing.assert_allclose(heatmap.map, total / np.maximum(count, 1), rtol=0, atol=1e-10 * np.abs(total).max())
    assert heatmap.record.parameters["fill"] == "uniform(low=-50.0, high=70.0)"


def test_units_are_the_units_one_by_one():
    net, x = classifier(), inputs(dtype="float64")
    together = refvis.occlusion(net, x, SIZE, STRIDE, "random", channel=(5, 0, 5), seed=2).values
    for row, channel in zip(together, (5, 0, 5), strict=True):
        assert_same(row[None], refvis.occlusion(net, x, SIZE, STRIDE, "random", channel=channel, seed=2).values)
