"""Modes by the names that other libraries give them: the table of docs/disagree.md, and what may be written."""

from functools import partial
from pathlib import Path

import numpy as np
import pytest

from refvis import chain, deconvolution, layers, modes
from refvis.layers import lrp
from refvis.layers.lrp import Stabiliser
from refvis.layers.modes import peers

TABLE = Path(__file__).resolve().parents[3] / "docs" / "disagree" / "rules.inc"
NAMES = {
    "modes": modes,
    "lrp": lrp,
    "partial": partial,
    "Stabiliser": Stabiliser,
    "First": modes.First,
    "BatchNorm": layers.BatchNorm,
    "Conv": layers.Conv,
    "GRADIENT": modes.GRADIENT,
    "ReLU": layers.ReLU,
}


def rows():
    """Name there, layers, expression here: the rows of the table, each of which is tested against the library."""
    for line in TABLE.read_text().splitlines()[2:]:
        cells = line.replace("\\|", "\0").split("|")[1:-1]
        library, theirs, at, ours = (cell.strip().strip("`").replace("\0", "|") for cell in cells)
        yield f"{library}:{theirs}", at, ours


@pytest.fixture(scope="module")
def net():
    random = np.random.default_rng(3)
    return chain(
        {
            "conv": layers.Conv(random.normal(size=(3, 2, 2, 2)), random.normal(size=3)),
            "relu": layers.ReLU(),
            "pool": layers.Pool((2, 2), method="avg"),
            "fc": layers.FullyConnected(random.normal(size=(4, 6)), random.normal(size=4)),
        }
    )


@pytest.fixture(scope="module")
def x():
    return np.random.default_rng(4).normal(size=(1, 4, 3, 2))


@pytest.mark.parametrize(("name", "at", "ours"), list(rows()))
def test_names_mean_what_the_table_says(name, at, ours, net, x):
    found, own = peers.made(name)
    expected = eval(ours, dict(NAMES))
    assert own == {"table": "mode", "BatchNorm": "norm"}.get(at, at)
    if own == "mode":
        assert found.keys() == expected.keys()
        np.testing.assert_array_equal(deconvolution(net, x, name).values, deconvolution(net, x, expected).values)
    else:
        conv = net.nodes[0].layer
        y = layers.forward(conv, x)
        ones, others = (layers.backward(conv, y**2 - 1, y, x, rule=rule)[0] for rule in (found, expected))
        np.testing.assert_array_equal(ones, others)


@pytest.mark.parametrize("name", [name for name in modes.PEERS if "Box" not in name])
def test_every_name_gives_a_map(name, net, x):
    assert np.isfinite(deconvolution(net, x, name).values).all()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("captum:Epsilon", "did you mean 'captum:EpsilonRule'"),
        ("captum:GammaRule(delta=1)", "has options that captum:GammaRule here does not have"),
        ("captum:GammaRule(gamma=", "cannot be read"),
        ("zennit:ZBox", "low"),
        ("zennit:Epsilon(zero_params='weight')", "expected None or 'bias'"),
    ],
)
def test_what_cannot_be_is_refused(name, message):
    with pytest.raises(ValueError, match=message):
        modes.find(name)


def test_options_change_the_rule():
    assert modes.rule_name(modes.find("zennit:Epsilon(0.25)")[layers.FullyConnected]) == "lrp.epsilon(eps=0.25)"
    assert "innvestigate:lrp.sequential_preset_a" in modes.PEERS
    preset = modes.find("innvestigate:lrp.sequential_preset_a(epsilon=0.5)")
    assert modes.rule_name(preset[layers.FullyConnected]) == "lrp.epsilon(eps=0.5)"
    with pytest.raises(ValueError, match="no rule for layer 'bn'"):
        modes.rule_for(preset, "bn", layers.BatchNorm(np.ones(1), np.ones(1)))
