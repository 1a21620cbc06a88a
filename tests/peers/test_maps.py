"""The same networks in torch.autograd, captum, zennit and here, in float64: equal value by value, to rounding.

Each pair of `support.peers.pairs` says what one writes there and what one writes here. Inputs are signed, with zeros.
"""

from functools import partial

import numpy as np
import pytest
from support.peers import MISSING, nets

if MISSING:
    pytest.skip(f"{', '.join(MISSING)} not installed: CONTRIBUTING.md says how", allow_module_level=True)

from support.peers import maps, pairs
from support.peers.compared import assert_close

ROUNDING = 1e-12
"""Largest difference, relative to the largest value; quotients near zero magnify the rounding of sums."""
CHANNEL = 2
BIASED = pytest.mark.parametrize("biases", [True, False], ids=["biases", "no biases"])
NETS = pytest.mark.parametrize("net", nets.NETS)

CASES = [(net, pair) for net in nets.NETS for pair in pairs.PAIRS if pair.at != "norm" or net == "normalised"]
WALKS = {
    "PyTorch autograd": (maps.autograd, "gradient"),
    "captum Saliency": (partial(maps.captum_walk, walk=maps.attr.Saliency, abs=False), "gradient"),
    "captum GuidedBackprop": (partial(maps.captum_walk, walk=maps.attr.GuidedBackprop), "guided"),
    "captum Deconvolution": (partial(maps.captum_walk, walk=maps.attr.Deconvolution), "deconvnet"),
    "zennit GuidedBackprop": (partial(maps.zennit_map, composite="GuidedBackprop()", seed="one"), "guided"),
    "zennit DeconvNet": (partial(maps.zennit_map, composite="DeconvNet()", seed="one"), "deconvnet"),
}


def assert_equal(library: str, found: np.ndarray, expected: np.ndarray) -> None:
    np.testing.assert_equal(bool(np.abs(expected).max() > 0), True)
    assert_close(library, found, expected, ROUNDING * np.abs(expected).max())


@BIASED
@NETS
def test_scores_are_the_same(net: str, biases: bool) -> None:
    graph, x = nets.NETS[net](0, biases), nets.signed(0)
    assert_equal("PyTorch", graph.forward(x).output.reshape(len(x), -1), maps.scores(graph, x))


@BIASED
@NETS
@pytest.mark.parametrize("walk", WALKS)
def test_walks_back(net: str, biases: bool, walk: str) -> None:
    theirs, mode = WALKS[walk]
    graph, x = nets.NETS[net](0, biases), nets.signed(0)
    library, found = walk.split(maxsplit=1)[0], pairs.our_map(graph, x, CHANNEL, mode, seed="one")
    assert_equal(library, found, theirs(graph, x, CHANNEL))


@BIASED
@pytest.mark.parametrize(("net", "pair"), CASES, ids=lambda one: one if isinstance(one, str) else one.theirs)
def test_relevance(net: str, biases: bool, pair: pairs.Pair) -> None:
    graph, x = nets.NETS[net](0, biases), nets.signed(0)
    assert_equal(pair.library, pairs.our_map(graph, x, CHANNEL, pair.mode), pair.their_map(graph, x, CHANNEL))
