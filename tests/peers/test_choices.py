"""Where captum, zennit and torch part, and by which choice: what docs/disagree.md says, over ten random networks."""

import importlib
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.peers import MISSING, nets

from refvis import layers
from refvis.layers import lrp, modes

if MISSING:
    pytest.skip(f"{', '.join(MISSING)} not installed: CONTRIBUTING.md says how", allow_module_level=True)

from support.peers import agreement as agree
from support.peers import maps, pairs
from support.peers.compared import assert_close

SEEDS = range(10)
STABILISERS = 1e-3
"""Their stabilisers, 1e-9 and 1e-6, alone make maps differ by up to about this, relative to their length."""


def agreements(rule: str, **situation: bool) -> list[Any]:
    return [agree.agreement(rule, seed, **situation) for seed in SEEDS]


@pytest.mark.parametrize("rule", agree.RULES)
def test_rules_agree_for_responses_without_biases(rule: str) -> None:
    for found in agreements(rule, biases=False, signed=False):
        np.testing.assert_array_less(found.difference, STABILISERS)


@pytest.mark.parametrize("rule", ["z+", "gamma"])
def test_rules_part_for_signed_inputs_and_sums_do_not_tell(rule: str) -> None:
    for found in agreements(rule, biases=False, signed=True):
        np.testing.assert_array_less(0.1, found.difference)
        np.testing.assert_allclose(found.sums, 1, rtol=0, atol=1e-4)


def test_z_plus_of_signed_inputs_is_another_map() -> None:
    found = [one.correlation for one in agreements("z+", biases=False, signed=True)]
    np.testing.assert_array_less(found, 0.6)


@pytest.mark.parametrize("rule", ["z+", "gamma"])
def test_biases_part_the_rules(rule: str) -> None:
    for found in agreements(rule, biases=True, signed=False):
        np.testing.assert_array_less(0.01, found.difference)


def test_gamma_of_negative_scores_favours_opposite_signs() -> None:
    for found in agreements("gamma", biases=False, signed=False, positive=False):
        np.testing.assert_array_less(0.1, found.difference)


@pytest.mark.parametrize("pair", [p for p in pairs.PAIRS if 'split="weights"' in p.ours], ids=lambda p: p.theirs)
def test_the_other_split_is_not_theirs(pair: Any) -> None:
    graph, x = nets.plain(0, biases=True), nets.signed(0)
    other = pairs.Pair(pair.library, pair.theirs, pair.ours.replace('"weights"', '"both"'))
    theirs, found = pair.their_map(graph, x, 2), pairs.our_map(graph, x, 2, other.mode)
    np.testing.assert_array_less(0.1, np.abs(found - theirs).max() / np.abs(theirs).max())


def test_excitation_is_z_plus_without_biases() -> None:
    for seed in SEEDS:
        graph, x = nets.plain(seed, biases=False), np.abs(nets.signed(seed))
        theirs = maps.zennit_map(graph, x, 2, "ExcitationBackprop()")
        found = pairs.our_map(graph, x, 2, modes.EXCITATION)
        assert_close("zennit", found, theirs, 1e-12 * np.abs(theirs).max())


def test_ties_go_to_the_first_of_the_column_here_and_of_the_row_in_torch() -> None:
    x = np.array([[1.0, 2.0], [2.0, 0.0]]).reshape(1, 2, 2, 1)
    graph = layers.Graph(layers.chain({"pool": layers.Pool(2), "fc": layers.FullyConnected(np.ones((1, 1)))}))
    np.testing.assert_array_equal(pairs.our_map(graph, x, 0, "gradient", "one").ravel(), [0, 0, 1, 0])
    np.testing.assert_array_equal(maps.autograd(graph, x, 0).ravel(), [0, 1, 0, 0])


def test_captum_stabilises_maxima_too() -> None:
    graph, x = nets.plain(0, biases=False), nets.signed(0)
    theirs = pairs.Pair("captum", "EpsilonRule()", "").their_map(graph, x, 2)
    winner_takes_all = modes.relevance(partial(lrp.epsilon, eps=1e-9))
    difference = np.abs(pairs.our_map(graph, x, 2, winner_takes_all) - theirs).max() / np.abs(theirs).max()
    np.testing.assert_array_less(1e-10, difference)


def test_the_page_prints_the_pairs_that_are_tested(monkeypatch: pytest.MonkeyPatch) -> None:
    folder = Path(__file__).resolve().parents[2] / "docs" / "disagree"
    monkeypatch.syspath_prepend(folder)
    tables = importlib.import_module("tables")
    assert (folder / "rules.inc").read_text(encoding="utf-8") == tables.rules(), "run: python docs/disagree"
