"""The ledger: every line against the signals themselves, sums that agree, reasons for those that do not, the table."""

import re
from functools import partial
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import cases
from support.small_nets import classifier, inputs

import refvis
from refvis import layers, modes
from refvis.deconvolutional.accounts.balance import reasons
from refvis.layers import lrp, relu
from refvis.layers.modes import deeplift

RELEVANCE = [name for name, mode in modes.MODES.items() if modes.is_relevance(mode)]
ABSORBED = ("bias", "stabiliser", "zero", "rest")


def hand(biases=None, leak=0):
    """The network of the documentation of modes, with biases at the top."""
    return refvis.chain(
        {
            "fc1": layers.FullyConnected(np.array([[2.0, 0.0], [1.0, -1.0], [1.0, 1.0], [0.0, -1.0]])),
            "relu": layers.ReLU(leak),
            "fc2": layers.FullyConnected(np.array([[5.0, 4.0, -3.0, -6.0]]), biases),
        }
    )


HAND = np.array([1.0, 2.0]).reshape(1, 1, 1, 2)


def network(net: cases.Net) -> tuple[refvis.Network, np.ndarray]:
    return refvis.Network(net.graph.nodes), net.given[net.graph.inputs[0]]


@given(cases.chains() | cases.meetings(), st.sampled_from(RELEVANCE))
def test_relevance_adds_up_layer_by_layer(case: cases.Net, mode: str) -> None:
    net, x = network(case)
    account = refvis.ledger(net, x, mode)
    assert account.error <= 1e-12
    assert account.unbalanced == ()
    cut = net.upto(net.scores)
    assert [entry.node for entry in account.entries] == [node.name for node in reversed(cut.nodes)]
    for entry in account.entries:
        received = account.signals[net.node(entry.node).output].sum()
        np.testing.assert_allclose(entry.received, received, rtol=1e-12, atol=1e-12 * entry.scale)
    values = refvis.deconvolution(net, x, mode).values
    np.testing.assert_allclose(sum(account.inputs.values()), values.sum(), rtol=1e-9, atol=1e-12 * abs(values).sum())


@given(cases.chains() | cases.meetings(), st.sampled_from(["gradient", "deconvnet", "guided"]))
def test_what_gradients_lose_is_the_rest(case: cases.Net, mode: str) -> None:
    net, x = network(case)
    account = refvis.ledger(net, x, mode)
    assert account.error <= 1e-12
    assert {account.sum(name) for name in ABSORBED[:3]} == {0}
    expected = sum(account.seeds.values()) - account.signals[net.inputs[0]].sum()
    scale = sum(entry.scale for entry in account.entries)
    np.testing.assert_allclose(account.sum("rest"), expected, rtol=1e-12, atol=1e-12 * scale)
    assert all(reason.startswith("expected: ") for reason in reasons(account))


@pytest.mark.parametrize("mode", RELEVANCE)
def test_everything_is_computed_in_double(mode):
    single, double = classifier(), classifier().astype("float64")
    account = refvis.ledger(single, inputs(2), mode)
    expected = refvis.ledger(double, inputs(2).astype("float64"), mode)
    assert account.entries == expected.entries
    assert account.error <= 1e-12
    assert {signal.dtype.name for signal in account.signals.values()} == {"float64"}
    rough = refvis.ledger(single, inputs(2), mode, dtype="float32")
    assert {signal.dtype.name for signal in rough.signals.values()} == {"float32"}
    for one, two in zip(rough.entries, expected.entries, strict=True):
        assert abs(one.received - two.received) <= 1e-4 * two.scale
    assert 1e-12 < max(abs(entry.rest) / entry.scale for entry in rough.entries) < 1e-5
    assert rough.unbalanced == ()


def test_the_same_is_explained_as_by_deconvolution():
    net, x = classifier().astype("float64"), inputs(2, "float64")
    seed = np.random.default_rng(1).normal(size=(2, 4, 3, 10))
    choices = [
        {"at": "relu2", "channel": 3, "position": (2, 1), "against": 5},
        {"at": "relu2", "channel": "all"},
        {"at": "prob", "channel": 2, "seed": "one"},
        {"at": "conv2", "seed": seed},
    ]
    for chosen in choices:
        account = refvis.ledger(net, x, "epsilon", **chosen)
        expected = refvis.deconvolution(net, x, "epsilon", **chosen)
        np.testing.assert_array_equal(account.signals["x0"], expected.values)
        assert account.record.method == "ledger"
        assert account.record.fingerprint == net.fingerprint
        assert account.record.parameters == expected.record.parameters | {"dtype": "float64"}
    assert refvis.ledger(classifier(), inputs()).record.fingerprint == classifier().fingerprint


def test_by_hand():
    """y = 5*2 - 3*3 + 1 = 2, so 2/2 = 1 for each unit of contribution; the stabiliser eps = 2 halves what is left."""
    account = refvis.ledger(hand(np.array([1.0])), HAND, "lrp_0")
    assert [(one.received, one.passed, one.bias) for one in account.entries] == [(2, 1, 1), (1, 1, 0), (1, 1, 0)]
    np.testing.assert_array_equal(account.signals["x0"].ravel(), [7, -6])
    half = modes.LRP_0 | {"fc2": partial(lrp.epsilon, eps=2.0)}
    account = refvis.ledger(hand(np.array([1.0])), HAND, half)
    assert [(one.bias, one.stabiliser) for one in account.entries] == [(0.5, 1), (0, 0), (0, 0)]
    account = refvis.ledger(hand(np.array([-1.0])), HAND, "lrp_0", seed=np.full((1, 1, 1, 1), 3.0))
    assert (account.seeds, account.inputs, account.sum("zero")) == ({"x3": 3}, {"x0": 0}, 3)  # y = 5*2 - 3*3 - 1 = 0


def test_the_line_names_the_rule_that_was_applied():
    rules = {entry.node: entry.rule for entry in refvis.ledger(classifier(), inputs()).entries}
    assert rules == {
        "fc3": "lrp.epsilon",
        "drop2": "lrp.passes",
        "relu2": "lrp.passes",
        "conv2": "lrp.z_plus",
        "pool1": "lrp.pool",
        "norm1": "lrp.passes",
        "relu1": "lrp.passes",
        "conv1": "lrp.flat",
    }
    strong = {layers.Conv: partial(lrp.conv, local=lrp.gamma, bias="absent")}
    rules = {entry.node: entry.rule for entry in refvis.ledger(classifier(), inputs(), modes.EPSILON | strong).entries}
    assert (rules["fc3"], rules["conv2"]) == ("lrp.epsilon(bias='absent')", "lrp.gamma(bias='absent')")


def defective(layer, signal, output, *inputs, book=None):
    return tuple(x + 1 for x in inputs)


defective.__module__ = lrp.__name__


def own(layer, signal, output, *inputs):
    return tuple(2 * x for x in inputs)


def nothing_but_nan(layer, signal, output, *inputs):
    return tuple(x * np.nan for x in inputs)


REASONS = [
    ({"relu": relu.gradient}, "expected: a gradient does not distribute relevance, it differentiates"),
    ({"relu": relu.deconvnet}, "expected: a gate discards signals by their sign"),
    ({"fc2": lrp.contrastive}, "expected: what excites the opposite is subtracted"),
    ({"relu": deeplift.rescale}, "expected: multipliers do not add up by themselves"),
    ({"relu": defective}, "not expected: this rule should distribute"),
    ({"relu": nothing_but_nan}, "not expected: values are NaN or infinite"),
    ({"relu": own}, "unknown: a rule of another package or file"),
]


@pytest.mark.parametrize(("change", "reason"), REASONS, ids=[reason for _, reason in REASONS])
def test_reasons(change, reason):
    net, x = hand(np.array([1.0]), leak=0.5), np.concatenate([HAND, 3 - HAND])
    layers_of = reasons(refvis.ledger(net, x, modes.LRP_0 | change))
    (line,) = (line for line in layers_of if line.startswith(reason))
    assert set(change) <= set(layers_of[line])


def test_a_remainder_of_a_tangent_has_a_reason():
    layers_of = reasons(refvis.ledger(classifier(), inputs(), modes.EPSILON | {"norm1": lrp.tangent}))
    assert layers_of == {"expected: a first-order expansion leaves a remainder": ["norm1"]}


TABLE = """\
lrp_0: from fc2 (x3), channel 0, down to the input; seed: activation; float64

layer  type            rule                  received  passed  to biases  to stabilisers  at zeros  unexplained
---------------------------------------------------------------------------------------------------------------
fc2    FullyConnected  lrp.epsilon(eps=0.0)         2       1          1               -         -            -
relu   ReLU            lrp.passes                   1       1          -               -         -            -
fc1    FullyConnected  lrp.epsilon(eps=0.0)         1       1          -               -         -            -

seed              x3  2
= inputs          x0  1
+ to biases           1
+ to stabilisers      -
+ at zeros            -
+ unexplained         -
the two sides agree to 1e-15 of their terms
every layer balances"""


def test_the_table():
    account = refvis.ledger(hand(np.array([1.0])), HAND, "lrp_0")
    assert str(account) == TABLE
    assert repr(account) == "Ledger(3 layers, 0 unbalanced; print it to see the table)"
    lines = str(refvis.ledger(hand(), HAND, "gradient")).splitlines()
    assert lines[-3:] == [
        "3 of 3 layers do not balance",
        "expected: a gradient does not distribute relevance, it differentiates",
        "  fc2, relu, fc1",
    ]


def test_printed_amounts_add_up():
    text = str(refvis.ledger(classifier(), inputs(), "epsilon"))
    rows = [line.split() for line in text.splitlines()[4:12]]
    lines = [[0 if cell == "-" else float(cell) for cell in row[3:]] for row in rows]
    for received, *rest in lines:
        assert abs(received - sum(rest)) <= 3 * 10.0 ** -len(rows[0][3].partition(".")[2])
    for above, below in pairwise(lines):
        assert above[1] == below[0]


def table(account):
    """Return the lines of the layers."""
    return str(account).partition("---\n")[2].partition("\n\n")[0].splitlines()


def test_rounding_shows_only_where_its_digits_do():
    shown = []
    for mode in RELEVANCE:
        account = refvis.ledger(classifier(), inputs(), mode, dtype="float32")
        rows = [line.split() for line in table(account)]
        unit = 10.0 ** -len(rows[0][-6].partition(".")[2])
        for row, entry in zip(rows, account.entries, strict=True):
            assert (row[-1] == "-") == (abs(entry.rest) < unit / 2)
            shown += [row[-1]] if row[-1] != "-" else []
        exact = refvis.ledger(classifier(), inputs(), mode)
        double = str(exact).splitlines()
        assert {line.split()[-1] for line in table(exact)} == {"-"}
        assert re.fullmatch(r"\+ unexplained +-", double[-3])
        assert double[-2:] == ["the two sides agree to 1e-15 of their terms", "every layer balances"]
    assert shown


def test_sums_that_cannot_be_compared():
    text = str(refvis.ledger(hand(), HAND, modes.LRP_0 | {"relu": nothing_but_nan}))
    assert "the two sides cannot be compared: some values are NaN or infinite" in text
    assert re.search(r"^relu +ReLU .* 1 +nan +- +- +- +nan$", text, re.M)


def test_control_characters_are_escaped():
    evil = "fc\x1b[2J\n"
    net = refvis.chain({evil: layers.FullyConnected(np.ones((3, 2)))})
    for mode in ("epsilon", "gradient"):
        text = str(refvis.ledger(net, HAND, mode))
        assert r"fc\x1b[2J\n" in text
        assert {c for c in text if not c.isprintable()} == {"\n"}


BAD = [
    ({"mode": "epsilo"}, ValueError, "unknown mode 'epsilo'"),
    ({"mode": modes.EPSILON | {"rleu": lrp.passes}}, ValueError, "no layer or variable 'rleu'"),
    ({"mode": {}}, ValueError, "no rule for layer 'fc3'"),
    ({"at": "conv9"}, ValueError, "no layer or variable 'conv9'"),
    ({"channel": 7}, ValueError, r"channel 7 of 'fc3 \(x8\)': expected 0 \.\.\. 6"),
    ({"channel": [1, 2]}, ValueError, "a ledger explains one channel, found 2"),
    ({"seed": np.ones((2, 1, 1, 7))}, ValueError, "a ledger explains one channel, found 2"),
    ({"seed": np.ones((1, 1, 1, 6))}, layers.ShapeError, "the seed"),
    ({"seed": "score"}, ValueError, "the seed is 'score'"),
    ({"position": (0, 1)}, ValueError, "position"),
    ({"dtype": "float16"}, TypeError, "float16"),
    ({"x": inputs().astype("int64")}, TypeError, "int64"),
    ({"x": inputs() * np.float32("nan")}, ValueError, "429 values that are NaN"),
]


@pytest.mark.parametrize(("change", "error", "message"), BAD, ids=[message for *_, message in BAD])
def test_bad_input(change, error, message):
    with pytest.raises(error, match=message):
        refvis.ledger(**{"net": classifier(), "x": inputs()} | change)
