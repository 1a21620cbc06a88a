"""Occlusion of feature maps agrees with slow replicas that set channels and recompute the layers above."""

import numpy as np
import pytest
from support.same import assert_same
from support.small_nets import classifier, inputs

import refvis
from refvis.input_modification.feature_occlusion import feature_occlusion
from refvis.layers import Conv, FullyConnected, Node, ReLU, Sum


def above(net, trace, variable, values, end):
    """The value of `end` after `variable` is set to `values`."""
    known = {name: array for name, array in trace.items() if name == variable}
    known[variable] = values
    for node in net.nodes:
        if any(name in known for name in node.inputs):
            known[node.output] = refvis.layers.forward(node.layer, *(known.get(n, trace[n]) for n in node.inputs))
    return known[end]


def replica(net, x, variable, groups, region, value, end, channel):
    trace = net.forward(x)
    (top, bottom), (left, right) = region
    effects = []
    for group in groups:
        values = trace[variable].copy()
        for k in group:
            values[0, top:bottom, left:right, k] = value
        after = above(net, trace, variable, values, end)
        effects.append((trace[end] - after)[0, :, :, channel].mean())
    return np.array(effects)


@pytest.mark.parametrize("incremental", [True, False])
@pytest.mark.parametrize(
    ("layer", "variable", "channels", "region", "value", "at", "end", "channel"),
    [
        ("relu1", "x2", None, None, 0.0, None, "x8", 5),
        ("pool1", "x4", [(0, 3), 2, (5, 1, 7)], None, 1.5, "prob", "x9", 2),
        ("conv1", "x1", [7, 0, 7], ((2, 9), (3, 4)), -2.0, "conv2", "x5", 6),
        ("x0", "x0", None, ((0, 13), (5, 11)), 0.0, None, "x8", 1),
        ("x6", "x6", [(0, 1, 2, 3, 4, 5, 6, 7, 8, 9)], None, 0.0, None, "x8", 3),
    ],
)
def test_it_is_the_slow_replica(layer, variable, channels, region, value, at, end, channel, incremental):
    net, x = classifier(), inputs(dtype="float64")
    options = {"region": region, "value": value, "at": at, "channel": channel, "incremental": incremental}
    effects = feature_occlusion(net, x, layer, channels, batch=3, **options)
    values = net.forward(x)[variable]
    groups = [(k,) for k in range(values.shape[3])] if channels is None else [tuple(np.atleast_1d(c)) for c in channels]
    everywhere = ((0, values.shape[1]), (0, values.shape[2]))
    expected = replica(net, x, variable, groups, region or everywhere, value, end, channel)
    assert effects.channels == tuple(groups)
    assert np.abs(expected).max() > 1e-6
    np.testing.assert_allclose(effects.values, expected[None], rtol=0, atol=1e-11 * np.abs(expected).max())


def test_a_linear_layer_loses_what_the_channel_gave():
    """y = w x: setting channel k to v takes w_k (x_k - v) away, so the ranking is known."""
    weights = np.array([[2.0, -1.0, 0.0, 3.0], [1.0, 1.0, 1.0, 1.0]])
    net = refvis.chain({"relu": ReLU(), "fc": FullyConnected(weights)})
    x = np.array([1.0, 4.0, 9.0, 0.5]).reshape(1, 1, 1, 4)
    effects = feature_occlusion(net, x, "relu", channel=(0, 1))
    assert_same(effects.values, np.array([[2.0, -4.0, 0.0, 1.5], [1.0, 4.0, 9.0, 0.5]]))
    assert effects.ranked() == [((0,), 2.0), ((3,), 1.5), ((2,), 0.0), ((1,), -4.0)]
    assert effects.ranked(1) == [((0,), 2.0)]
    assert feature_occlusion(net, x, "relu", channel=0, measure="absolute").order.tolist() == [1, 0, 3, 2]
    assert repr(effects).startswith("FeatureEffects(x1, 4 groups; strongest 0: 2, 3: 1.5, 2: 0")
    raised = feature_occlusion(net, x, "relu", [(0, 1)], value=10.0, channel=0)
    assert_same(raised.values, np.array([[2 * (1 - 10) - (4 - 10.0)]]))


def test_what_goes_around_the_layer_stays():
    random = np.random.default_rng(1)
    nodes = [
        Node("a", Conv(random.normal(size=(3, 1, 1, 3))), "x", "a"),
        Node("b", Conv(random.normal(size=(3, 3, 3, 3)), pad=1), "a", "b"),
        Node("sum", Sum(), ("a", "b"), "y"),
    ]
    net, x = refvis.Network(nodes), random.normal(size=(1, 5, 4, 3))
    effects = feature_occlusion(net, x, "b", at="sum", channel="all", measure="euclidean")
    b = net.forward(x)["b"]
    np.testing.assert_allclose(effects.values[0], np.sqrt((b**2).sum(axis=(0, 1, 2))), rtol=1e-12)
    assert not effects.signed


def test_float32_stays(tmp_path):
    effects = feature_occlusion(classifier(), inputs(), "pool1", [0, (1, 2)])
    assert effects.values.dtype == "float32"
    effects.save(tmp_path / "effects.h5")
    import h5py

    with h5py.File(tmp_path / "effects.h5") as file:
        assert_same(file["values"][()], effects.values)
        assert file["channels"][()].tolist() == [[0, -1], [1, 2]]
        assert file.attrs["method"] == "feature_occlusion"
        assert file.attrs["parameter layer"] == "x4"
    with pytest.raises(ValueError, match=r"expected a name that ends in \.h5"):
        effects.save(tmp_path / "effects.png")


def test_an_interruption_leaves_nan_for_what_is_not_done():
    net, x, calls = classifier(), inputs(), []

    def until_the_third(reference, changed):
        calls.append(len(changed))
        if len(calls) == 3:
            raise KeyboardInterrupt
        return (reference - changed).sum(axis=(1, 2, 3))

    with pytest.warns(UserWarning, match="interrupted: this feature occlusion is of 6 of 8 groups"):
        effects = feature_occlusion(net, x, "pool1", measure=until_the_third, batch=3)
    assert np.isnan(effects.values[0]).tolist() == [False] * 6 + [True] * 2
    assert effects.order[-2:].tolist() == [6, 7]
    assert effects.record.parameters["partial"] == "6 of 8 groups"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"layer": "conv9"}, "no layer or variable 'conv9'"),
        ({"layer": "fc3"}, "'fc3' does not lie below the target, 'x8': name a layer that does"),
        ({"layer": "conv2", "at": "conv1"}, "'conv2' does not lie below the target, 'x1'"),
        ({"channels": 3}, "channels is 3, expected a sequence"),
        ({"channels": []}, "channels is empty, expected at least one"),
        ({"channels": [8]}, r"channel 8 of '.*': expected 0 \.\.\. 7"),
        ({"region": (1, 2)}, r"region is \(1, 2\), expected \(\(top, bottom\), \(left, right\)\)"),
        ({"region": ((0, 7), (0, 5))}, r"region \(\(0, 7\), \(0, 5\)\) of 'x4': expected rows in 0 \.\.\. 6"),
        ({"region": ((2, 2), (0, 5))}, "expected rows in"),
        ({"measure": "max"}, "measure is 'max'"),
        ({"x": inputs(2)}, r"takes one image, found 2: give x\[i:i\+1\]"),
    ],
)
def test_what_does_not_fit_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        feature_occlusion(classifier(), **({"x": inputs(), "layer": "pool1"} | options))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), np.float32("-inf")])
def test_values_that_are_not_finite_are_refused(value):
    with pytest.raises(ValueError, match=r"value is .*expected a finite number"):
        refvis.feature_occlusion(classifier(), inputs()[:1], "conv1", value=value)
