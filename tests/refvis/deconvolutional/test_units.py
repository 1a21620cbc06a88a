"""Several units in one backward pass equal the units one by one; positions, differences and whole layers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import cases
from support.numeric import central, inner
from support.same import assert_same
from support.small_nets import classifier, inputs

import refvis
from refvis.layers import BatchNorm, Dropout, Graph, NormalizeLp, ReLU, modes, relu
from refvis.layers.operators import is_per_image
from refvis.targets import target
from refvis.units import Selection

MODES = ("gradient", "deconvnet", "guided", "epsilon")
CHANNELS = (4, 0, 6, 4)


def close(actual, expected, relative=1e-11):
    assert actual.shape == expected.shape
    np.testing.assert_allclose(actual, expected, rtol=0, atol=relative * np.abs(expected).max())


def network(graph):
    return refvis.Network(graph.nodes)


@pytest.mark.parametrize("at", [None, "conv2", "pool1"])
@pytest.mark.parametrize("mode", list(modes.MODES))
def test_several_units_are_the_units_one_by_one(mode, at):
    net, x = classifier(), inputs(3, "float64")
    together = refvis.deconvolution(net, x, mode, at, CHANNELS)
    assert together.values.shape == (3 * len(CHANNELS), *x.shape[1:])
    for m, channel in enumerate(CHANNELS):
        alone = refvis.deconvolution(net, x, mode, at, channel)
        close(together.values[m :: len(CHANNELS)], alone.values)
        close(together.maps[m :: len(CHANNELS)], alone.maps)
    assert together.record.parameters["channel"] == list(CHANNELS)
    assert_same(together.map, together.maps[0])


@given(cases.chains(end=False) | cases.meetings(), st.data())
def test_several_units_of_any_network(net, data):
    """Among the networks are some whose layers mix images, or hold values for each of them."""
    graph, (x,) = network(net.graph), net.given.values()
    end = graph.outputs[0]
    count = graph.forward(x)[end].shape[3]
    channels = data.draw(st.lists(st.integers(0, count - 1), min_size=2, max_size=4))
    together = refvis.deconvolution(graph, x, "gradient", end, channels).values
    for m, channel in enumerate(channels):
        alone = refvis.deconvolution(graph, x, "gradient", end, channel).values
        np.testing.assert_allclose(together[m :: len(channels)], alone, rtol=1e-7, atol=1e-9 * np.abs(alone).max())


@pytest.mark.parametrize("layer", [BatchNorm(np.arange(1.0, 4), np.ones(3)), NormalizeLp(dimensions=(4, 3))])
def test_units_do_not_meet_where_images_do(layer):
    """Were units repeated as images are, the moments would be taken over units as well."""
    net, x = refvis.chain({"mix": layer}), inputs(1, "float64")
    together = refvis.deconvolution(net, x, "gradient", "mix", (0, 2), position=(1, 2)).values
    for m, channel in enumerate((0, 2)):
        alone = refvis.deconvolution(net, x, "gradient", "mix", channel, position=(1, 2)).values
        close(together[m : m + 1], alone)


def test_layers_that_treat_images_apart():
    assert not is_per_image(Dropout(mask=np.ones((2, 1, 1, 3))))
    assert is_per_image(Dropout(mask=np.ones((1, 1, 1, 3))))
    assert is_per_image(BatchNorm(np.ones(3), np.ones(3), np.ones((3, 2))))
    assert not is_per_image(object()), "of a type without a row it is not known"


def test_units_are_computed_together_as_far_as_they_fit_into_the_memory(monkeypatch):
    net, x = classifier(), inputs(2, "float64")
    whole = refvis.deconvolution(net, x, channel=CHANNELS).values
    sizes = []
    backward = Graph.backward
    monkeypatch.setattr(Graph, "backward", lambda net, t, s, m: sizes.append(len(s["x8"])) or backward(net, t, s, m))
    refvis.deconvolution(net, x, channel=CHANNELS)
    assert sizes == [4, 4], "one backward pass for each image"
    each = sum(values[:1].nbytes for values in net.upto("fc3").forward(x).values())
    monkeypatch.setattr("refvis.layers.base.limits.MEMORY", 3 * each)
    close(refvis.deconvolution(net, x, channel=CHANNELS).values, whole)
    assert sizes[2:] == [3, 1, 3, 1]


def test_the_trace_is_left_as_it_was():
    net, x = classifier(), inputs(1)
    before = x.copy()
    for mode in MODES:
        refvis.deconvolution(net, x, mode, channel=(0, 1))
    assert_same(x, before)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("start", ["one", "activation"])
def test_seeds_of_positions_differences_and_whole_layers(mode, start):
    net, x = classifier(), inputs(2, "float64")
    trace = net.forward(x)
    values = trace["x5"]
    seeds = {name: np.zeros_like(values) for name in ("position", "against", "both", "all")}
    seeds["position"][:, 2, 1, 3] = 1
    seeds["against"][..., 3], seeds["against"][..., 8] = 1, -1
    seeds["both"][:, 2, 1, 3], seeds["both"][:, 2, 1, 8] = 1, -1
    seeds["all"][...] = 1
    options = {
        "position": {"channel": 3, "position": (2, 1)},
        "against": {"channel": 3, "against": 8},
        "both": {"channel": [3], "position": [2, 1], "against": [8]},
        "all": {"channel": "all"},
    }
    for name, seed in seeds.items():
        seed = seed * values if start == "activation" else seed
        heatmap = refvis.deconvolution(net, x, mode, "conv2", seed=start, **options[name])
        assert_same(heatmap.values, net.backward(trace, {"x5": seed}, mode)["x0"])
        assert np.abs(heatmap.values).max() > 0
    assert refvis.deconvolution(net, x, mode, "conv2", **options["both"]).record.parameters == {
        "mode": mode,
        "at": "x5",
        "channel": 3,
        "position": (2, 1),
        "against": 8,
        "seed": "activation" if mode == "epsilon" else "one",
    }


@pytest.mark.parametrize(
    "options",
    [
        {"channel": 3},
        {"channel": 3, "position": (0, 2)},
        {"channel": 3, "against": 8},
        {"channel": (9, 2), "against": (2, 5), "position": (3, 0)},
        {"channel": "all"},
        {"channel": "all", "position": (3, 2)},
        {"channel": None, "position": (1, 1)},
    ],
)
def test_gradient_is_the_derivative_of_the_targets_score(options):
    net, x = classifier(), inputs(dtype="float64")
    gradient = refvis.deconvolution(net, x, "gradient", "conv2", **options).values
    goal, trace = target(net, x, Selection("conv2", **options))
    direction = inputs(dtype="float64", seed=9) / 40
    slopes = central(lambda moved: goal.maps(net.forward(moved)["x5"]).sum(axis=(1, 2)), x, direction)
    for row, slope in zip(gradient, slopes, strict=True):
        np.testing.assert_allclose(inner(row, direction[0]), slope, rtol=1e-5)
    np.testing.assert_allclose(
        (goal.weights(trace["x5"]) * trace["x5"]).sum(axis=(1, 2, 3)),
        goal.maps(trace["x5"]).sum(axis=(1, 2)),
        rtol=1e-12,
    )


def test_none_is_the_strongest_at_the_position():
    net, x = classifier(), inputs(4)
    goal, trace = target(net, x, Selection("conv2", position=(3, 1)))
    assert goal.channels == tuple(trace["x5"][:, 3, 1].argmax(axis=1))
    assert goal.channels != target(net, x, Selection("conv2"))[0].channels


def test_the_signal_at_a_layer_on_the_way():
    net, x = classifier(), inputs(2)
    trace = net.forward(x)
    seed = np.zeros_like(trace["x8"])
    seed[..., 2] = 1
    signals = net.backward(trace, {"x8": seed}, "guided")
    for name, variable in (("relu1", "x2"), ("x2", "x2"), ("x0", "x0"), ("fc3", "x8")):
        heatmap = refvis.deconvolution(net, x, "guided", channel=2, to=name)
        assert_same(heatmap.values, signals[variable])
        assert heatmap.record.parameters["to"] == variable
        assert (heatmap.picture is None) == (variable == "x8")
    assert refvis.deconvolution(net, x, "guided", to="pool1").picture is None
    with pytest.raises(ValueError, match=r"from conv2 \(x5\) does not pass 'relu2': did you mean 'relu1'\?"):
        refvis.deconvolution(net, x, at="conv2", to="relu2")
    order = r"x0, conv1 \(x1\), relu1 \(x2\), norm1 \(x3\), pool1 \(x4\), conv2 \(x5\), relu2 \(x6\), drop2 \(x7\), fc3"
    with pytest.raises(ValueError, match=rf"fc3 \(x8\) does not pass 'nowhere': it passes {order} \(x8\)$"):
        refvis.deconvolution(net, x, to="nowhere")


def test_given_seeds_with_a_row_for_each_map():
    net, x = classifier(), inputs(2)
    trace, seed = net.forward(x), inputs(6, size=(4, 3, 10))
    for channel in (None, (1, 2, 3)):
        values = refvis.deconvolution(net, x, "gradient", "conv2", channel, seed).values
        for m in range(3):
            close(values[m::3], net.backward(trace, {"x5": seed[m::3]})["x0"], 1e-5)
    for rows, channel in ((1, None), (5, None), (6, (1, 2)), (2, (1, 2, 3)), (6, (3,))):
        with pytest.raises(refvis.ShapeError, match=f"the seed has {rows} rows, expected"):
            refvis.deconvolution(net, x, "gradient", "conv2", channel, seed[:rows])
    for options in ({"position": (0, 0)}, {"against": 3}):
        with pytest.raises(ValueError, match="leave position and against out"):
            refvis.deconvolution(net, x, "gradient", "conv2", None, seed, **options)
    with pytest.raises(TypeError, match="expected a NumPy or CuPy array, found list"):
        refvis.deconvolution(net, x, "gradient", "conv2", None, seed.tolist())
    for channel in (2, "all", "dog"):
        with pytest.raises(ValueError, match=r"leave channel out|no named channel"):
            refvis.deconvolution(net, x, "gradient", "conv2", channel, seed)


def test_the_probability_is_a_named_choice():
    net, x = classifier(), inputs(dtype="float64") / 40
    before, after = (refvis.deconvolution(net, x, "gradient", at, 2) for at in (None, "prob"))
    assert (before.record.parameters["at"], after.record.parameters["at"]) == ("x8", "x9")
    p = net.forward(x)["x9"].ravel()
    jacobian = refvis.deconvolution(net, x, "gradient", channel=range(7)).values
    close(after.values[0], p[2] * (jacobian[2] - np.tensordot(p, jacobian, 1)))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"channel": "3"}, "there is no class '3': give the channel's number"),
        ({"channel": True}, "channel is True, expected a whole number"),
        ({"channel": 2.0}, r"channel is 2\.0, expected a whole number"),
        ({"channel": ()}, r"channel is \(\), expected at least one of 0 \.\.\. 6"),
        ({"channel": (1, 7)}, r"channel 7 of 'fc3 \(x8\)': expected 0 \.\.\. 6"),
        ({"channel": np.array([[1, 2]])}, "expected a whole number"),
        ({"channel": "all", "against": 1}, "no channel left to compare with"),
        ({"channel": (1, 2), "against": (3, 4, 5)}, "against has 3 channels, expected 1 or 2"),
        ({"channel": (1, 2), "against": 2}, "channel 2 is set against itself in image 0"),
        ({"against": -1}, r"channel -1 of 'fc3 \(x8\)'"),
        ({"position": (0, 1)}, r"position \(0, 1\) of 'fc3 \(x8\)': expected \(0, 0\) \.\.\. \(0, 0\)"),
        ({"position": (-1, 0)}, r"position \(-1, 0\)"),
        ({"position": 3}, r"position is 3, expected two whole numbers \(y, x\)"),
        ({"position": (0, 0, 0)}, "expected two whole numbers"),
        ({"position": (0.0, 0)}, "expected two whole numbers"),
    ],
)
def test_wrong_choices_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        refvis.deconvolution(classifier(), inputs(), **options)


def test_a_loss_is_not_computed_from_an_image_alone():
    net = refvis.chain({"relu": ReLU(), "loss": refvis.layers.Loss("softmaxlog")})
    with pytest.raises(ValueError, match=r"loss \(x2\) cannot be computed from an image alone"):
        refvis.deconvolution(net, inputs(), at="loss")


def test_a_rule_for_one_layer_serves_every_unit():
    net, x = classifier(), inputs(1, "float64")
    mode = modes.GRADIENT | {"relu2": relu.deconvnet}
    together = refvis.deconvolution(net, x, mode, channel=(1, 5)).values
    close(together[1:], refvis.deconvolution(net, x, mode, channel=5).values)
