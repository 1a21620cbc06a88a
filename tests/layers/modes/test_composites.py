"""How a table chooses: First, full or local convolutions, bounds of boxes, and how it prints."""

from functools import partial
from typing import Any

import numpy as np
import pytest

from refvis import layers
from refvis.layers import Node, lrp, modes, relu
from refvis.layers.modes import composites, deeplift
from refvis.layers.modes.composites import First


def conv(*shape: int) -> layers.Conv:
    return layers.Conv(np.arange(1.0, 1 + np.prod(shape)).reshape(shape))


MARKED = modes.GRADIENT | {First(kind): lrp.flat for kind in composites.FILTERED}


def first(*nodes: Node) -> set[str]:
    """Return the nodes to which a table gives the rule of `First`."""
    return {name for name, rule in modes.resolved(MARKED, nodes).items() if rule is lrp.flat}


def test_first_of_a_chain() -> None:
    chained = {"pool": layers.Pool(2), "relu": layers.ReLU(), "a": conv(3, 1, 1, 2), "b": conv(4, 1, 1, 3)}
    np.testing.assert_equal(first(*layers.chain(chained | {"c": layers.FullyConnected(np.ones((1, 4)))})), {"a"})


def test_first_in_branches_at_the_input() -> None:
    nodes = [
        Node("left", conv(3, 1, 1, 2), "x", "l"),
        Node("right", conv(3, 1, 1, 2), "x", "r"),
        Node("sum", layers.Sum(), ("l", "r"), "s"),
        Node("after", conv(4, 1, 1, 3), "s", "a"),
        Node("late", conv(3, 1, 1, 2), "x", "z"),
    ]
    np.testing.assert_equal(first(*nodes), {"left", "right", "late"})


def test_first_of_two_inputs() -> None:
    nodes = [
        Node("deep", conv(3, 1, 1, 2), "x", "d"),
        Node("beside", layers.ReLU(), "y", "b"),
        Node("shallow", layers.ConvTranspose(np.ones((2, 1, 1, 3))), "b", "s"),
        Node("both", layers.Concat(), ("d", "b"), "c"),
        Node("mixed", conv(4, 1, 1, 5), "c", "m"),
    ]
    np.testing.assert_equal(first(*nodes), {"deep", "shallow"})


def test_no_key_no_first() -> None:
    """A type without a key `First` neither has the rule nor keeps others from being first."""
    nodes = layers.chain({"a": conv(3, 1, 1, 2), "b": layers.FullyConnected(np.ones((1, 3)))})
    mode = modes.GRADIENT | {First(layers.FullyConnected): lrp.flat}
    np.testing.assert_equal([name for name, rule in modes.resolved(mode, nodes).items() if rule is lrp.flat], ["b"])


def test_a_name_wins_over_first_and_first_over_a_type() -> None:
    nodes = layers.chain({"a": conv(3, 1, 1, 2), "b": conv(4, 1, 1, 3)})
    mode = {layers.Conv: lrp.epsilon, First(layers.Conv): lrp.flat}
    np.testing.assert_equal(list(modes.resolved(mode, nodes).values()), [lrp.flat, lrp.epsilon])
    np.testing.assert_equal(list(modes.resolved(mode | {"a": lrp.gamma}, nodes).values()), [lrp.gamma, lrp.epsilon])
    np.testing.assert_equal(modes.rule_for(mode, "a", conv(3, 1, 1, 2), first=True), lrp.flat)
    np.testing.assert_equal(modes.resolved({layers.ReLU: relu.guided}, nodes), {})


def test_first_applies_in_a_backward_pass() -> None:
    graph = layers.Graph(layers.chain({"a": conv(3, 1, 1, 2), "b": conv(4, 1, 1, 3)}))
    trace = graph.forward(np.array([1.0, -5.0]).reshape(1, 1, 1, 2))
    found = graph.backward(trace, {"x2": np.ones((1, 1, 1, 4))}, "epsilon_plus_flat")
    np.testing.assert_allclose(found["x0"].ravel(), [found["x1"].sum() / 2] * 2)


def local(layer: Any, signal: np.ndarray, output: np.ndarray, x: np.ndarray) -> tuple[np.ndarray]:
    return (np.full_like(x, 1),)


def full(layer: Any, signal: np.ndarray, output: np.ndarray, x: np.ndarray) -> tuple[np.ndarray]:
    return (np.full_like(x, 2),)


@pytest.mark.parametrize(
    ("layer", "shape", "whole"),
    [
        (conv(4, 5, 6, 3), (2, 5, 6, 3), True),
        (conv(4, 1, 1, 3), (2, 1, 1, 3), True),
        (conv(4, 5, 6, 3), (2, 5, 7, 3), False),
        (conv(4, 5, 5, 3), (2, 5, 6, 3), False),
        (conv(4, 1, 1, 3), (2, 5, 6, 3), False),
        (conv(4, 5, 6, 3), (2, 5, 6, 6), False),
        (layers.Conv(None), (2, 1, 1, 3), False),
        (layers.Conv(np.ones((4, 2, 2, 3)), stride=3), (2, 4, 4, 3), False),
        (layers.Conv(np.ones((4, 2, 2, 3)), pad=1), (2, 2, 2, 3), False),
    ],
    ids=["whole", "1 x 1 of 1 x 1", "wider", "narrower", "1 x 1", "groups", "no filters", "one window", "padded"],
)
def test_a_convolution_as_big_as_its_input_is_fully_connected(layer: Any, shape: tuple[int, ...], whole: bool) -> None:
    x = np.ones(shape)
    y = layers.forward(layer, x)
    found = layers.backward(layer, y, y, x, rule=partial(lrp.conv, local=local, full=full))[0]
    np.testing.assert_array_equal(found, np.full(shape, 2 if whole else 1))


def test_with_box_reaches_every_box_without_bounds() -> None:
    mode = {
        First(layers.Conv): lrp.box,
        layers.Conv: partial(lrp.conv, local=partial(lrp.box, eps=0.5), full=lrp.epsilon),
        layers.FullyConnected: partial(lrp.box, low=-7.0, bias="booked"),
        layers.ReLU: lrp.passes,
    }
    found = modes.with_box(mode, -1.0, 2.0)
    np.testing.assert_equal(list(found), list(mode))
    np.testing.assert_equal(found[First(layers.Conv)].keywords, {"low": -1.0, "high": 2.0})
    np.testing.assert_equal(found[layers.Conv].keywords["local"].keywords, {"low": -1.0, "high": 2.0, "eps": 0.5})
    np.testing.assert_equal(found[layers.Conv].keywords["full"], lrp.epsilon)
    np.testing.assert_equal(found[layers.FullyConnected].keywords, {"low": -7.0, "high": 2.0, "bias": "booked"})
    np.testing.assert_equal(found[layers.ReLU], lrp.passes)


def test_with_box_finds_names_and_refuses_tables_without_an_open_box() -> None:
    found, given = (modes.with_box(mode, 0.0, 3.0) for mode in ("deep_taylor_box", modes.DEEP_TAYLOR_BOX))
    np.testing.assert_equal(modes.table(found), modes.table(given))
    np.testing.assert_equal(found[First(layers.Conv)].keywords, {"low": 0.0, "high": 3.0})
    for mode in ("deep_taylor", modes.GRADIENT, found, {"a": partial(lrp.box, low=0.0, high=1.0)}):
        with pytest.raises(
            ValueError, match=r"no box rule without bounds, expected one such as epsilon_gamma_box, deep_taylor_box"
        ):
            modes.with_box(mode, 0.0, 3.0)


def test_bounds_change_the_relevance() -> None:
    graph = layers.Graph(layers.chain({"a": layers.Conv(np.array([1.0, -1.0]).reshape(1, 1, 1, 2))}))
    trace = graph.forward(np.array([1.0, 2.0]).reshape(1, 1, 1, 2))
    mode = modes.with_box(modes.EPSILON_GAMMA_BOX, 0.0, 3.0)
    found = graph.backward(trace, {"x1": np.ones((1, 1, 1, 1))}, mode)["x0"]
    np.testing.assert_allclose(found.ravel(), [1 / 2, 1 / 2], rtol=1e-5)  # (1 - 0) 1 and (2 - 3) -1
    tight = graph.backward(trace, {"x1": np.ones((1, 1, 1, 1))}, "epsilon_gamma_box")["x0"]
    np.testing.assert_array_equal(tight, np.zeros((1, 1, 1, 2)))  # both at the bounds that they are themselves


def test_tables_print_first_and_options() -> None:
    lines = modes.table(modes.with_box(modes.EPSILON_GAMMA_BOX, -1.0, 2.0)).splitlines()
    np.testing.assert_equal(lines[0], f"{'Conv':20}  lrp.conv(local=lrp.gamma, full=lrp.epsilon)")
    np.testing.assert_equal(lines[-3], f"{'first Conv':20}  lrp.box(low=-1.0, high=2.0)")
    named = {"fc": partial(lrp.epsilon, eps=lrp.Stabiliser(0.5, "clipped"))}
    stabiliser = "Stabiliser(eps=0.5, form='clipped')"
    np.testing.assert_equal(modes.table(named), f"fc  lrp.epsilon(eps={stabiliser})")


def test_arrays_print_by_their_shape() -> None:
    low = np.arange(6.0, dtype="float32").reshape(1, 1, 2, 3)
    mode = modes.with_box({"a": lrp.box, "b": partial(lrp.box, eps=np.float64(0.5))}, low, 4.0)
    np.testing.assert_equal(
        modes.table(mode).splitlines(),
        [
            "a  lrp.box(low=1x1x2x3 float32, high=4.0)",
            f"b  lrp.box(low=1x1x2x3 float32, high=4.0, eps={np.float64(0.5)!r})",
        ],
    )


def test_what_is_applied_is_a_line_for_each_node() -> None:
    filters = np.ones((2, 1, 1, 2))
    nodes = layers.chain({"a": layers.Conv(filters), "relu": layers.ReLU(), "b": layers.Conv(filters)})
    mode = {layers.Pool: lrp.pool, layers.Conv: lrp.z_plus, First(layers.Conv): lrp.flat, "relu": lrp.passes}
    np.testing.assert_equal(modes.applied(mode, nodes), "a     lrp.flat\nrelu  lrp.passes\nb     lrp.z_plus")
    np.testing.assert_equal(modes.applied("gradient", nodes[:1]), "a  conv.gradient")


@pytest.mark.parametrize("name", ["gradient", "deconvnet", "guided"])
def test_modes_that_are_no_relevance(name: str) -> None:
    np.testing.assert_equal(modes.is_relevance(name), False)
    np.testing.assert_equal(modes.is_relevance(modes.DEEPLIFT), False)
    np.testing.assert_equal(modes.is_relevance(modes.MODES[name] | {"a": partial(lrp.gamma, gamma=1.0)}), True)


NEITHER_AFFINE_NOR_ONE_TO_ONE = {
    layers.Dropout,  # linear, with weights in its own field; it passes relevance on unchanged
    layers.NormOffset,
    layers.AffineGrid,
    layers.UniformScalingGrid,
    layers.PairwiseDistance,
    layers.Loss,
    layers.SoftmaxLoss,
    layers.EuclideanLoss,
    layers.L2Loss,
}


@pytest.mark.parametrize("kind", layers.OPERATORS, ids=lambda kind: kind.__name__)
def test_rows_say_which_rule_passes_their_layers(kind):
    """Otherwise DeepLIFT would take the gradient of a layer that is not linear, and not add up."""
    row = layers.OPERATORS[kind]
    said = [row.affine is not None, row.one_to_one, row.copies, kind in NEITHER_AFFINE_NOR_ONE_TO_ONE]
    assert said.count(True) == 1, "the row needs affine=, one_to_one or copies, or the layer stands in the list"
    assert (modes.DEEPLIFT[kind] is deeplift.rescale) == row.one_to_one
