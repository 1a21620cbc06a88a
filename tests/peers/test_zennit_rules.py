"""zennit's rules on single layers of random weights and inputs, as its own tests run them, beside those of refvis.

Its rules SIGN and ReLUBetaSmooth have no counterpart here. Layers are those of its tests with up to two spatial axes.
"""

from functools import partial
from importlib.metadata import version
from typing import Any

import numpy as np
import pytest
from support.peers import MISSING, nets

if MISSING:
    pytest.skip(f"{', '.join(MISSING)} not installed: CONTRIBUTING.md says how", allow_module_level=True)

import torch
from support.peers import maps, pairs
from support.peers.compared import assert_close
from support.peers.torch_nets import TorchNet, from_torch, to_torch
from zennit.attribution import IntegratedGradients, Occlusion, SmoothGrad, occlude_independent
from zennit.canonizers import SequentialMergeBatchNorm
from zennit.composites import EpsilonAlpha2Beta1, EpsilonPlus, EpsilonPlusFlat

import refvis
from refvis import layers, modes
from refvis.layers import lrp

ROUNDING = 1e-12
"""Largest difference, relative to the largest value; quotients near zero magnify the rounding of sums."""
BATCH, SIDE, CHANNEL = 4, 5, 2
RULES = {
    "Epsilon(epsilon=1e-6)": lrp.epsilon,
    "Epsilon(epsilon=1e-6, zero_params='bias')": partial(lrp.epsilon, bias="absent"),
    "Epsilon(epsilon=1.0)": partial(lrp.epsilon, eps=1.0),
    "Epsilon(epsilon=1.0, zero_params='bias')": partial(lrp.epsilon, eps=1.0, bias="absent"),
    "Norm()": lrp.epsilon,
    "ZPlus()": lrp.z_plus,
    "ZPlus(zero_params='bias')": partial(lrp.z_plus, bias="absent"),
    "Gamma(gamma=0.25)": partial(lrp.gamma, gamma=0.25),
    "Gamma(gamma=0.5)": partial(lrp.gamma, gamma=0.5),
    "AlphaBeta(alpha=2.0, beta=1.0)": partial(lrp.alpha_beta, alpha=2.0, beta=1.0),
    "AlphaBeta(alpha=1.0, beta=0.0, zero_params='bias')": partial(lrp.alpha_beta, alpha=1.0, beta=0.0, bias="absent"),
    "ZBox(low=-3.0, high=3.0)": partial(lrp.box, low=-3.0, high=3.0),
    "WSquare()": partial(lrp.w_square, bias="booked", eps=1e-6),
    "WSquare(zero_params='bias')": partial(lrp.w_square, eps=1e-6),
    "Flat()": partial(lrp.flat, eps=1e-6),
}


def linear(random: Any, bias: bool) -> tuple[Any, Any, tuple[int, ...]]:
    theirs = torch.nn.Linear(16, 15, bias).double()
    return theirs, layers.FullyConnected(*values(theirs)), (BATCH, 1, 1, 16)


def conv(random: Any, bias: bool) -> tuple[Any, Any, tuple[int, ...]]:
    channels, count = random.choice([1, 3], 2)
    theirs = torch.nn.Conv2d(int(channels), int(count), (2, 3), bias=bias).double()
    filters, biases = values(theirs)
    return theirs, layers.Conv(filters.transpose(0, 2, 3, 1), biases), (BATCH, SIDE, SIDE - 1, channels)


def conv_transpose(random: Any, bias: bool) -> tuple[Any, Any, tuple[int, ...]]:
    channels, count = random.choice([1, 3], 2)
    theirs = torch.nn.ConvTranspose2d(int(channels), int(count), (2, 3), bias=bias).double()
    filters, biases = values(theirs)
    return theirs, layers.ConvTranspose(filters.transpose(0, 2, 3, 1), biases), (BATCH, SIDE, SIDE - 1, channels)


def values(module: Any) -> tuple[np.ndarray, np.ndarray | None]:
    """Return weights and biases of a module."""
    return module.weight.detach().numpy(), None if module.bias is None else module.bias.detach().numpy()


MODULES = {made.__name__: made for made in (linear, conv, conv_transpose)}


@pytest.mark.parametrize("bias", [True, False], ids=["bias", "no bias"])
@pytest.mark.parametrize("module", MODULES)
@pytest.mark.parametrize("rule", RULES)
def test_rule(rule: str, module: str, bias: bool) -> None:
    for seed in range(8):
        torch.manual_seed(seed)
        random = np.random.default_rng(seed)
        theirs, ours, shape = MODULES[module](random, bias)
        x = random.standard_normal(shape).clip(-3, 3)  # the box rule refuses what lies outside the box
        given = to_torch(x)
        made = eval(rule, dict(maps.ZENNIT)).register(theirs)
        y = theirs(given.flatten(1) if module == "linear" else given)
        (expected,) = torch.autograd.grad(y, given, grad_outputs=y)
        made.remove()
        output = layers.forward(ours, x)
        (found,) = layers.backward(ours, output, output, x, rule=RULES[rule])
        expected = from_torch(expected)
        assert_close("zennit", found, expected, ROUNDING * np.abs(expected).max(), f"seed {seed}")


MERGED = {
    EpsilonPlus: modes.EPSILON_PLUS,
    EpsilonPlusFlat: modes.EPSILON_PLUS_FLAT | {modes.First(layers.Conv): partial(lrp.flat, eps=1e-6)},
    EpsilonAlpha2Beta1: modes.EPSILON_ALPHA2_BETA1,
}


@pytest.mark.skipif(version("zennit").startswith("0."), reason="zennit before 1.0 leaves epsilon in what it merged")
@pytest.mark.parametrize("composite", MERGED, ids=lambda one: one.__name__)
def test_batch_normalisation_merged_by_a_canonizer(composite: Any) -> None:
    graph, x = nets.normalised(0, biases=True), nets.signed(0)
    maps.ZENNIT["merged"] = composite(canonizers=[SequentialMergeBatchNorm()])
    expected = maps.zennit_map(graph, x, CHANNEL, "merged")
    found = pairs.our_map(layers.merge_batchnorm(graph), x, CHANNEL, MERGED[composite])
    assert_close("zennit", found, expected, ROUNDING * np.abs(expected).max())


def attributed(
    attributor: Any, graph: layers.Graph, x: np.ndarray, times_score: bool = False, **options: Any
) -> np.ndarray:
    """Return what one of zennit's attributors gives for a score, from 1 or from the score."""

    def started(scores: torch.Tensor) -> torch.Tensor:
        chosen = torch.nn.functional.one_hot(torch.full((len(scores),), CHANNEL), scores.shape[1]).to(scores)
        return chosen * scores if times_score else chosen

    with attributor(model=TorchNet(graph, x.shape, maps.Added), **options) as walk:
        return from_torch(walk(to_torch(x), started)[1])


@pytest.fixture(params=nets.NETS)
def net(request: pytest.FixtureRequest) -> refvis.Network:
    return refvis.Network(nets.NETS[request.param](0, biases=True).nodes)


@pytest.mark.parametrize("steps", [1, 8])
def test_integrated_gradients(net: refvis.Network, steps: int) -> None:
    x, start = nets.signed(0), nets.signed(1)[:1]
    given = to_torch(np.repeat(start, len(x), axis=0)).detach()
    expected = attributed(IntegratedGradients, net, x, n_iter=steps, baseline_fn=lambda _: given)
    found = refvis.integrated_gradients(net, x, start, steps, "right", channel=CHANNEL).values
    assert_close("zennit", found, expected, ROUNDING * np.abs(expected).max())


def test_smoothgrad_without_noise(net: refvis.Network) -> None:
    x = nets.signed(0)
    expected = attributed(SmoothGrad, net, x, noise_level=0.0, n_iter=3)
    found = refvis.smoothgrad(net, x, channel=CHANNEL, noise=0.0, samples=3).values
    assert_close("zennit", found, expected, ROUNDING * np.abs(expected).max())


@pytest.mark.parametrize("box", [(13, 1), (1, 11)], ids=["columns", "rows"])
def test_occlusion(net: refvis.Network, box: tuple[int, int]) -> None:
    """zennit's map is the score that is left, the same in all channels of the input; here, it is what was lost."""
    x = nets.signed(0)[:1]
    hidden = partial(occlude_independent, fill_fn=torch.zeros_like, invert=True)
    left = attributed(Occlusion, net, x, times_score=True, occlusion_fn=hidden, window=box, stride=box)
    expected = net.forward(x).output[0, 0, 0, CHANNEL] - left[..., :1]
    found = refvis.occlusion(net, x, box, box, 0, channel=CHANNEL).values
    assert_close("zennit", found, expected, ROUNDING * np.abs(left).max())
