"""Networks: every mode, parameter gradients, definitions, ledgers and changed boxes, on arrays of CuPy's kind."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import cases
from support.elsewhere import there
from support.sides import assert_equal_sides, assert_same_there
from support.small_nets import classifier, inputs

import refvis
from refvis import layers
from refvis.layers import Conv, incremental, ledger, modes
from refvis.layers.incremental import full_passes as changes

TABLES = {**modes.MODES, "centred": modes.desalinet(pooling_switches=False), "deeplift": modes.DEEPLIFT}


@pytest.fixture(scope="module")
def net():
    return classifier()


@pytest.mark.parametrize("mode", TABLES)
def test_every_mode(cupy, net, mode):
    x = inputs(2)
    trace = net.forward(x)
    seeds = {net.scores: np.random.default_rng(1).normal(size=trace[net.scores].shape).astype("float32")}
    far = there(net)
    assert far.library == "cupy"
    assert far.fingerprint == net.fingerprint
    found = far.forward(there(x))
    assert_equal_sides(cupy, found.variables, trace.variables)
    assert_equal_sides(
        cupy, dict(far.backward(found, there(seeds), TABLES[mode])), dict(net.backward(trace, seeds, mode=TABLES[mode]))
    )


@settings(max_examples=15)
@given(data=st.data())
def test_random_networks(cupy, data):
    graph, given_ = data.draw(cases.chains() | cases.meetings())
    trace = graph.forward(**given_)
    end = list(trace)[-1]
    seeds = {end: cases.like(data.draw, trace[end])}
    far, found = there(graph), there(graph).forward(**there(given_))
    assert_equal_sides(cupy, found.variables, trace.variables)
    assert_equal_sides(cupy, dict(far.backward(found, there(seeds))), dict(graph.backward(trace, seeds)))
    mine = graph.parameter_gradients(trace, seeds)
    assert_equal_sides(cupy, far.parameter_gradients(found, there(seeds)), mine)


def test_by_definition(cupy, net):
    with refvis.exact():
        assert_equal_sides(cupy, there(net).forward(there(inputs())).variables, net.forward(inputs()).variables)


def test_ledger(cupy, net):
    x = inputs()
    trace, far = net.forward(x), there(net)
    seeds = {net.scores: trace[net.scores]}
    mine = ledger.keep(net, trace, seeds, "epsilon_plus_flat")
    found = ledger.keep(far, far.forward(there(x)), there(seeds), "epsilon_plus_flat")
    for part in ("entries", "seeds", "inputs"):
        assert_same_there(cupy, getattr(found, part), getattr(mine, part))
    assert_equal_sides(cupy, dict(found.signals), dict(mine.signals))


@pytest.mark.parametrize("way", [changes.forward_changes, incremental.forward_changes])
def test_changed_boxes(cupy, net, way):
    x, boxes = inputs(), [((0, 4), (2, 9)), ((5, 9), (0, 4)), ((1, 5), (3, 7))]
    content = np.full((1, 1, 3), 5, "float32")
    mine = list(way(net, net.forward(x), boxes, lambda n: content))
    far = there(net)
    found = list(way(far, far.forward(there(x)), boxes, lambda n: there(content)))
    assert [numbers for numbers, _ in found] == [numbers for numbers, _ in mine]
    assert_equal_sides(cupy, [values for _, values in found], [values for _, values in mine])


def test_surgery(cupy):
    norm = layers.BatchNorm(*(np.random.default_rng(k).random(6) + 0.5 for k in (1, 2)), np.ones((6, 2)))
    net = refvis.chain({"conv": Conv(np.random.default_rng(0).normal(size=(6, 2, 2, 3))), "norm": norm})
    mine, found = refvis.merge_batchnorm(net), refvis.merge_batchnorm(there(net))
    assert_equal_sides(cupy, found.node("conv").layer, mine.node("conv").layer)


def test_sides_are_not_mixed(net, cupy):
    with pytest.raises(TypeError, match="NumPy and CuPy arrays are mixed"):
        there(net).forward(inputs())
    with pytest.raises(TypeError, match="NumPy and CuPy arrays are mixed"):
        net.forward(there(inputs()))


def test_fields_of_numbers_may_be_arrays(cupy):
    layer = layers.ROIPool(2, transform=cupy.asarray([0.5, 2.0]))
    assert layer.transform == layers.ROIPool(2, transform=np.array([0.5, 2.0])).transform
    assert layers.Conv(None, stride=cupy.asarray([2, 3])).stride == (2, 3)
