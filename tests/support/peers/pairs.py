"""What one writes in captum or zennit, and what one writes here for the same map: texts, and what they mean.

Tests run both, and the table in docs/disagree.md prints both: it cannot say anything that is not tested.
"""

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from support.peers import maps

from refvis import modes
from refvis.layers import BatchNorm, Conv, Graph, ReLU, Sum, lrp
from refvis.layers.lrp import Stabiliser
from refvis.layers.modes.peers import CAPTUM_BASE, ZENNIT_BASE

NAMES: dict[str, Any] = {
    "modes": modes,
    "lrp": lrp,
    "partial": partial,
    "Stabiliser": Stabiliser,
    "First": modes.First,
    "BatchNorm": BatchNorm,
    "Conv": Conv,
    "GRADIENT": modes.GRADIENT,
    "ReLU": ReLU,
}


@dataclass(frozen=True)
class Pair:
    """`theirs` and `ours` are expressions; `at`: the layers meant ("all" with weights, the "first", "norm", "mode")."""

    library: str
    theirs: str
    ours: str
    at: str = "all"

    @property
    def mode(self) -> modes.Mode:
        """The whole table of rules that gives their map."""
        found = eval(self.ours, dict(NAMES))
        if self.at == "mode":
            return found
        base = CAPTUM_BASE if self.library == "captum" else ZENNIT_BASE
        if self.at == "norm":
            return modes.relevance(CAPTUM_BASE[Sum]) | base | {BatchNorm: found}
        return (modes.relevance(lrp.epsilon, first=found) if self.at == "first" else modes.relevance(found)) | base

    def their_map(self, graph: Graph, x: np.ndarray, channel: int) -> np.ndarray:
        """Return the map that the other library makes, N x H x W x C."""
        if self.library == "captum":
            on = torch.nn.BatchNorm2d if self.at == "norm" else maps.FILTERED
            return maps.captum_lrp(graph, x, channel, self.theirs, on)
        return maps.zennit_map(graph, x, channel, self.theirs, self.at)


def our_map(graph: Graph, x: np.ndarray, channel: int, mode: Any, seed: str = "activation") -> np.ndarray:
    """Return the signal at the input, from each image's score or from 1, N x H x W x C."""
    trace = graph.forward(x)
    end = graph.outputs[0]
    start = np.zeros_like(trace[end])
    start[..., channel] = trace[end][..., channel] if seed == "activation" else 1
    return graph.backward(trace, {end: start}, mode)[graph.inputs[0]]


_WEIGHTS = 'split="weights", eps=1e-9'
CAPTUM = [
    Pair("captum", "EpsilonRule()", "partial(lrp.epsilon, eps=1e-9)"),
    Pair("captum", "EpsilonRule(epsilon=0.25)", "partial(lrp.epsilon, eps=0.25)"),
    Pair("captum", "Alpha1_Beta0_Rule()", f"partial(lrp.z_plus, {_WEIGHTS}, modify_bias=False)"),
    Pair("captum", "Alpha1_Beta0_Rule(set_bias_to_zero=True)", f'partial(lrp.z_plus, {_WEIGHTS}, bias="absent")'),
    Pair("captum", "GammaRule(gamma=0.4)", f"partial(lrp.gamma, gamma=0.4, {_WEIGHTS}, modify_bias=False)"),
    Pair(
        "captum",
        "GammaRule(gamma=0.4, set_bias_to_zero=True)",
        f'partial(lrp.gamma, gamma=0.4, {_WEIGHTS}, bias="absent")',
    ),
    Pair("captum", "IdentityRule()", "lrp.passes", "norm"),
]
_FLAT = "{First(Conv): partial(lrp.flat, eps=1e-6), BatchNorm: lrp.passes}"
ZENNIT = [
    Pair("zennit", "Epsilon()", "lrp.epsilon"),
    Pair("zennit", "Epsilon(epsilon=0.25)", "partial(lrp.epsilon, eps=0.25)"),
    Pair("zennit", "Epsilon(zero_params='bias')", 'partial(lrp.epsilon, bias="absent")'),
    Pair("zennit", "Epsilon(Stabilizer(0.25, clip=True))", 'partial(lrp.epsilon, eps=Stabiliser(0.25, "clipped"))'),
    Pair(
        "zennit",
        "Epsilon(Stabilizer(0.25, norm_scale=True))",
        "partial(lrp.epsilon, eps=Stabiliser(0.25, relative=True))",
    ),
    Pair("zennit", "ZPlus()", "lrp.z_plus"),
    Pair("zennit", "ZPlus(zero_params='bias')", 'partial(lrp.z_plus, bias="absent")'),
    Pair("zennit", "Gamma(gamma=0.4)", "partial(lrp.gamma, gamma=0.4)"),
    Pair("zennit", "AlphaBeta(alpha=2, beta=1)", "partial(lrp.alpha_beta, alpha=2, beta=1)"),
    Pair("zennit", "AlphaBeta(alpha=1.5, beta=0.5)", "partial(lrp.alpha_beta, alpha=1.5, beta=0.5)"),
    Pair("zennit", "WSquare()", 'partial(lrp.w_square, bias="booked", eps=1e-6)', "first"),
    Pair("zennit", "WSquare(zero_params='bias')", "partial(lrp.w_square, eps=1e-6)", "first"),
    Pair("zennit", "Flat()", "partial(lrp.flat, eps=1e-6)", "first"),
    Pair("zennit", "ZBox(low=-5.0, high=6.0)", "partial(lrp.box, low=-5, high=6)", "first"),
    Pair("zennit", "EpsilonPlus()", "modes.EPSILON_PLUS | {BatchNorm: lrp.passes}", "mode"),
    Pair("zennit", "EpsilonPlusFlat()", f"modes.EPSILON_PLUS_FLAT | {_FLAT}", "mode"),
    Pair(
        "zennit",
        "EpsilonGammaBox(low=-5.0, high=6.0)",
        "modes.with_box(modes.EPSILON_GAMMA_BOX, -5, 6) | {BatchNorm: lrp.passes}",
        "mode",
    ),
    Pair("zennit", "EpsilonAlpha2Beta1()", "modes.EPSILON_ALPHA2_BETA1 | {BatchNorm: lrp.passes}", "mode"),
    Pair("zennit", "EpsilonAlpha2Beta1Flat()", f"modes.EPSILON_ALPHA2_BETA1_FLAT | {_FLAT}", "mode"),
    Pair(
        "zennit",
        "ExcitationBackprop()",
        "modes.relevance(lrp.z_plus) | {kind: GRADIENT[kind] for kind in (ReLU, BatchNorm)}",
        "mode",
    ),
]
PAIRS = CAPTUM + ZENNIT
