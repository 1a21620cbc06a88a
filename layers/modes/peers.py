"""Modes by the names that other libraries give them: "captum:EpsilonRule", "zennit:EpsilonPlusFlat".

A name is the library's, a colon, and that of its rule, composite or analyzer, with options in brackets as they are
written there: "zennit:Gamma(gamma=0.4)". captum 0.9.0 and zennit 0.5.1 were run against these tables (`tests/peers`);
of innvestigate the source was read. Which layers a rule serves is stated with it:

    "all"    layers with weights
    "first"  the first layers with weights; the others have the epsilon rule
    "norm"   batch normalisation; the others have the epsilon rule
    "mode"   it is a whole table
"""

import ast
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import partial
from typing import Any

from refvis.layers import batch_norm, lrp, relu
from refvis.layers.batch_norm import BatchNorm
from refvis.layers.bilinear_sampler import BilinearSampler
from refvis.layers.conv import Conv
from refvis.layers.lrp import Stabiliser
from refvis.layers.modes.composites import (
    EPSILON_ALPHA2_BETA1,
    EPSILON_ALPHA2_BETA1_FLAT,
    EPSILON_GAMMA_BOX,
    EPSILON_PLUS,
    EPSILON_PLUS_FLAT,
    First,
    bound_boxes,
    relevance,
)
from refvis.layers.operators import Rule
from refvis.layers.pool import Pool
from refvis.layers.relu import ReLU
from refvis.layers.roi_pool import ROIPool
from refvis.layers.scale import Scale
from refvis.layers.sum import Sum

_tiny = partial(lrp.epsilon, eps=1e-9)
CAPTUM_BASE: dict[Any, Rule] = {
    Pool: partial(lrp.pool, average=_tiny, largest=partial(lrp.tangent, eps=1e-9)),
    BatchNorm: _tiny,
    Sum: _tiny,
}
"""What captum's EpsilonRule, its default, does at layers other than convolutions and fully connected ones."""
ZENNIT_BASE: dict[Any, Rule] = {BatchNorm: lrp.passes}
"""Where `layer_map_base` of zennit differs from this project's composites."""

Table = dict[Any, Rule]


@dataclass(frozen=True)
class Peer:
    """A rule or mode of another library.

    make  gives the rule, or for "mode" the table; its options have the names that they have there
    at    the layers that it serves: "all", "first", "norm" or "mode"
    """

    make: Callable[..., Any]
    at: str = "all"


def _captum_gamma(gamma: float = 0.25, set_bias_to_zero: bool = False) -> Rule:
    return partial(lrp.gamma, gamma=gamma, split="weights", eps=1e-9, **_captum_bias(set_bias_to_zero))


def _captum_z_plus(set_bias_to_zero: bool = False) -> Rule:
    return partial(lrp.z_plus, split="weights", eps=1e-9, **_captum_bias(set_bias_to_zero))


def _captum_bias(set_bias_to_zero: bool) -> dict[str, Any]:
    return {"bias": "absent"} if set_bias_to_zero else {"modify_bias": False}


def _zennit_bias(zero_params: str | None) -> dict[str, Any]:
    if zero_params not in (None, "bias"):
        raise ValueError(f"zero_params is {zero_params!r}, expected None or 'bias'")
    return {} if zero_params is None else {"bias": "absent"}


def _zennit(rule: Callable[..., Any], **renamed: str) -> Callable[..., Rule]:
    """Return the maker of a rule of zennit whose options are those here, but for a few names: theirs -> ours."""

    def make(*first: Any, zero_params: str | None = None, **options: Any) -> Rule:
        named = dict(zip(renamed, first, strict=False)) | options
        ours = {renamed.get(name, name): value for name, value in named.items()}
        return partial(rule, **ours, **_zennit_bias(zero_params))

    return make


def _zennit_w_square(stabilizer: float = 1e-6, zero_params: str | None = None) -> Rule:
    _zennit_bias(zero_params)
    return partial(lrp.w_square, eps=stabilizer, bias="booked" if zero_params is None else "absent")


def _zennit_excitation() -> Table:
    return relevance(lrp.z_plus) | {ReLU: relu.gradient, BatchNorm: batch_norm.gradient}


_FLAT = {First(Conv): partial(lrp.flat, eps=1e-6)}


def _table(mode: Mapping[Any, Rule], more: Mapping[Any, Rule] | None = None) -> Callable[[], Table]:
    return lambda: dict(mode) | ZENNIT_BASE | dict(more or {})


def _box(low: float, high: float) -> Table:
    return bound_boxes(EPSILON_GAMMA_BOX, low, high) | ZENNIT_BASE


def _preset(conv: Rule, first: Rule | None = None) -> Callable[..., Table]:
    """Return the maker of a preset of innvestigate. It merges batch normalisation into filters: it has no rule here."""

    def make(epsilon: float = 0.1) -> Table:
        table = relevance(conv, full=partial(lrp.epsilon, eps=epsilon), first=first) | _INNVESTIGATE_BASE
        del table[BatchNorm]
        return table

    return make


def _innvestigate(rule: Rule) -> Callable[[], Table]:
    """Return the maker of an analyzer that has one rule for all layers with weights, and batch normalisation."""
    return lambda: relevance(rule) | _INNVESTIGATE_BASE | {BatchNorm: rule}


def _innvestigate_epsilon(epsilon: float = 1e-7, bias: bool = True) -> Table:
    return _innvestigate(partial(lrp.epsilon, eps=epsilon, bias="booked" if bias else "absent"))()


_zero = partial(lrp.epsilon, eps=0.0)
_INNVESTIGATE_BASE: Table = {
    **dict.fromkeys((BilinearSampler, Sum, Scale), _zero),
    **dict.fromkeys((Pool, ROIPool), partial(lrp.pool, average=_zero)),
}
_ALPHA1 = partial(lrp.z_plus, eps=0.0, modify_bias=False)
_ALPHA2 = partial(lrp.alpha_beta, alpha=2.0, beta=1.0, eps=0.0, modify_bias=False)

PEERS: dict[str, Peer] = {
    "captum:EpsilonRule": Peer(lambda epsilon=1e-9: partial(lrp.epsilon, eps=epsilon)),
    "captum:Alpha1_Beta0_Rule": Peer(_captum_z_plus),
    "captum:GammaRule": Peer(_captum_gamma),
    "captum:IdentityRule": Peer(lambda: lrp.passes, "norm"),
    "zennit:Epsilon": Peer(_zennit(lrp.epsilon, epsilon="eps")),
    "zennit:ZPlus": Peer(_zennit(lrp.z_plus, stabilizer="eps")),
    "zennit:Gamma": Peer(_zennit(lrp.gamma, stabilizer="eps")),
    "zennit:AlphaBeta": Peer(_zennit(lrp.alpha_beta, stabilizer="eps")),
    "zennit:WSquare": Peer(_zennit_w_square, "first"),
    "zennit:Flat": Peer(lambda stabilizer=1e-6: partial(lrp.flat, eps=stabilizer), "first"),
    "zennit:ZBox": Peer(lambda low, high: partial(lrp.box, low=low, high=high), "first"),
    "zennit:EpsilonPlus": Peer(_table(EPSILON_PLUS), "mode"),
    "zennit:EpsilonPlusFlat": Peer(_table(EPSILON_PLUS_FLAT, _FLAT), "mode"),
    "zennit:EpsilonGammaBox": Peer(_box, "mode"),
    "zennit:EpsilonAlpha2Beta1": Peer(_table(EPSILON_ALPHA2_BETA1), "mode"),
    "zennit:EpsilonAlpha2Beta1Flat": Peer(_table(EPSILON_ALPHA2_BETA1_FLAT, _FLAT), "mode"),
    "zennit:ExcitationBackprop": Peer(_zennit_excitation, "mode"),
    "innvestigate:lrp.z": Peer(_innvestigate(_zero), "mode"),
    "innvestigate:lrp.epsilon": Peer(_innvestigate_epsilon, "mode"),
    "innvestigate:lrp.w_square": Peer(_innvestigate(lrp.w_square), "mode"),
    "innvestigate:lrp.flat": Peer(_innvestigate(lrp.flat), "mode"),
    "innvestigate:lrp.alpha_1_beta_0": Peer(_innvestigate(_ALPHA1), "mode"),
    "innvestigate:lrp.alpha_1_beta_0_IB": Peer(_innvestigate(partial(lrp.z_plus, eps=0.0, bias="absent")), "mode"),
    "innvestigate:lrp.alpha_2_beta_1": Peer(_innvestigate(_ALPHA2), "mode"),
    "innvestigate:lrp.z_plus": Peer(_innvestigate(partial(lrp.z_plus, eps=0.0, bias="absent")), "mode"),
    "innvestigate:lrp.sequential_preset_a": Peer(_preset(_ALPHA1), "mode"),
    "innvestigate:lrp.sequential_preset_a_flat": Peer(_preset(_ALPHA1, lrp.flat), "mode"),
    "innvestigate:lrp.sequential_preset_b": Peer(_preset(_ALPHA2), "mode"),
    "innvestigate:lrp.sequential_preset_b_flat": Peer(_preset(_ALPHA2, lrp.flat), "mode"),
}
"""Name in another library -> how its rule or table is made here."""


def is_peer(name: str) -> bool:
    """Return whether a name is that of another library's mode: a library of the table, then a colon."""
    return name.partition(":")[0] in {one.partition(":")[0] for one in PEERS} and ":" in name


def made(name: str) -> tuple[Any, str]:
    """Return the rule or table of that name, and the layers that it serves. Raises ValueError for unknown names.

    >>> from refvis.layers.modes import peers, rule_name
    >>> rule, at = peers.made("captum:GammaRule(gamma=0.4, set_bias_to_zero=True)")
    >>> rule_name(rule), at
    ("lrp.gamma(gamma=0.4, split='weights', eps=1e-09, bias='absent')", 'all')
    """
    key, bracket, _ = name.partition("(")
    if key not in PEERS:
        near = get_close_matches(key, list(PEERS), 1, 0.5)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise ValueError(f"unknown mode {name!r}, expected one of {', '.join(PEERS)}{hint}")
    peer = PEERS[key]
    positional, options = _options(name) if bracket else ([], {})
    try:
        return peer.make(*positional, **options), peer.at
    except TypeError as error:
        raise ValueError(f"mode {name!r} has options that {key} here does not have: {error}") from None


def table_of(name: str) -> Table:
    """Return the whole table of rules of that name. Raises ValueError for unknown names.

    >>> from refvis import layers, modes
    >>> modes.rule_name(modes.find("captum:EpsilonRule")[layers.FullyConnected])
    'lrp.epsilon(eps=1e-09)'
    """
    found, at = made(name)
    if at == "mode":
        return dict(found)
    captum = name.startswith("captum:")
    base = CAPTUM_BASE if captum else ZENNIT_BASE
    if at == "norm":
        return relevance(_tiny) | base | {BatchNorm: found}
    return (relevance(lrp.epsilon, first=found) if at == "first" else relevance(found)) | base


def _options(name: str) -> tuple[list[Any], dict[str, Any]]:
    """Return the options in the brackets of a name: literals, and zennit's Stabilizer."""
    try:
        call = ast.parse(name.partition(":")[2], mode="eval").body
        if not isinstance(call, ast.Call):
            raise ValueError("no brackets")
        named = {str(one.arg): _value(one.value) for one in call.keywords}
        return [_value(one) for one in call.args], named
    except (SyntaxError, ValueError):
        raise ValueError(f"mode {name!r} cannot be read, expected options such as (epsilon=0.25)") from None


def _value(node: ast.expr) -> Any:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Stabilizer":
        given = {str(one.arg): ast.literal_eval(one.value) for one in node.keywords}
        eps = ast.literal_eval(node.args[0]) if node.args else given.get("epsilon", 1e-6)
        form = "clipped" if given.get("clip") else "signed"
        return Stabiliser(eps, form, relative=bool(given.get("norm_scale")))
    return ast.literal_eval(node)
