"""The options of the rules of relevance: what other implementations choose, and who chooses it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import Any

import numpy as np

from refvis.layers import Array, lrp
from refvis.layers.lrp import Stabiliser


class Unguarded(Stabiliser):
    """No stabiliser, and no guard: what is divided by zero is NaN."""

    def __call__(self, z: Array) -> Array:
        """Return z, NaN in the place of zeros."""
        return np.where(z == 0, z.dtype.type(np.nan), z)


SIGNED = (0.0, 1e-9, 1e-7, 1e-6, 1e-4, 1e-2, 0.25, 1.0)
_PLAIN: tuple[float | Stabiliser, ...] = (*SIGNED, *(Stabiliser(eps, relative=True) for eps in SIGNED[1:]))
_GUARDS: tuple[float | Stabiliser, ...] = (*_PLAIN, Unguarded(0.0))
_UNSIGNED = (*_GUARDS, *(Stabiliser(eps, "positive") for eps in SIGNED[1:]))
STABILISERS: tuple[float | Stabiliser, ...] = (*_UNSIGNED, *(Stabiliser(eps, "clipped") for eps in (0.25, 1.0)))
"""Stabilisers. Unsigned ones differ from signed ones only where denominators can be negative. Clipped ones matter only
where contributions cancel; smaller ones than these are none."""

LIBRARIES: Mapping[tuple[str, Any], tuple[str, ...]] = {
    ("eps", 0.0): ("innvestigate's z and alpha-beta rules", "lrp_toolbox's alpha-beta rule"),
    ("eps", 1e-9): ("captum",),
    ("eps", 1e-7): ("innvestigate's epsilon rule",),
    ("eps", 1e-6): ("zennit",),
    ("bias", "booked"): ("captum", "zennit", "lrp_toolbox"),
    ("bias", "absent"): ("zero_params='bias' of zennit", "set_bias_to_zero of captum", "IgnoreBias of innvestigate"),
    ("bias", "spread"): ("bias_factor of Arras et al. 2017",),
    ("modify_bias", False): ("captum", "innvestigate"),
    ("modify_bias", True): ("zennit", "lrp_toolbox"),
    ("split", "weights"): ("captum", "Montavon et al. 2019"),
    ("split", "both"): ("zennit", "innvestigate", "lrp_toolbox"),
    ("sign_of", "output"): ("zennit",),
    ("signed", "keep"): ("TorchRay",),
}
"""Option and value -> who chooses so (docs/disagree.md)."""

_BIAS = ("booked", "absent", "spread")
_LINEAR: Mapping[str, Sequence[Any]] = {"eps": STABILISERS, "bias": _BIAS}
_POSITIVE: Mapping[str, Sequence[Any]] = {"eps": _GUARDS, "bias": _BIAS}
_HALVES: Mapping[str, Sequence[Any]] = {"modify_bias": (True, False), "split": ("both", "weights")}
_EXCITING: Mapping[str, Sequence[Any]] = {"eps": _GUARDS, "signed": ("clamp", "shift", "keep")}

CHOICES: Mapping[Any, Mapping[str, Sequence[Any]]] = {
    lrp.epsilon: _LINEAR,
    lrp.w_square: _POSITIVE,
    lrp.flat: {"eps": _PLAIN, "bias": ("booked", "absent")},  # its bias, spread, is what it is when it is absent
    lrp.box: _POSITIVE,
    lrp.z_plus: {**_POSITIVE, **_HALVES},
    lrp.alpha_beta: {"eps": _UNSIGNED, "bias": _BIAS, **_HALVES},
    lrp.gamma: {**_LINEAR, **_HALVES, "sign_of": ("denominator", "output")},
    lrp.excitation: _EXCITING,
    lrp.contrastive: _EXCITING,
    lrp.spread: {"eps": STABILISERS},
    lrp.tangent: {"eps": STABILISERS},
    lrp.lrn_taylor: {"eps": STABILISERS},
    lrp.passes: {},
}
"""Rule -> option -> the values that implementations choose. Others, such as alpha, belong to the rule's formula."""

FORMULA: Mapping[Any, tuple[Mapping[str, Any], ...]] = {
    lrp.alpha_beta: tuple({"alpha": alpha, "beta": alpha - 1} for alpha in (2.0, 1.0, 1.5, 3.0)),
    lrp.gamma: tuple({"gamma": value} for value in (0.25, 0.0, 0.1, 0.4, 0.5, 1.0)),
}
"""Rule -> options of its formula that others have by default."""


@dataclass(frozen=True)
class Named:
    """A rule with all options that concern it: those that it is called with, and their defaults."""

    function: Any
    options: Mapping[str, Any]

    @property
    def rule(self) -> Any:
        """The rule."""
        return partial(self.function, **self.options)

    def with_options(self, **changed: Any) -> "Named":
        """Return the rule with other options."""
        return Named(self.function, {**self.options, **changed})


def named(rule: Any) -> Named | None:
    """Return the rule with its options; None for one that is no rule of `CHOICES`."""
    function = rule.func if isinstance(rule, partial) else rule
    if function not in CHOICES:
        return None
    given = dict(rule.keywords) if isinstance(rule, partial) else {}
    defaults = function.__kwdefaults__ or {}
    own = {name: defaults.get(name, lrp.EPSILON) for name in CHOICES[function]}
    return Named(function, own | given)


def changes(own: Named, biased: bool) -> Iterator[dict[str, Any]]:
    """Yield other choices of the options, those with fewest changes first; `biased`: whether the layer has a bias."""
    names = {name: values for name, values in CHOICES[own.function].items() if biased or not _of_bias(name)}
    found = []
    for values in product(*names.values()):
        chosen = dict(zip(names, values, strict=True))
        different = {name: value for name, value in chosen.items() if not same(own.options[name], value)}
        if different and not _is_idle(own, different, chosen):
            found.append(different)
    yield from sorted(found, key=len)


def _of_bias(name: str) -> bool:
    return name in ("bias", "modify_bias", "sign_of")


def _is_idle(own: Named, different: Mapping[str, Any], chosen: Mapping[str, Any]) -> bool:
    """Return whether a change has no effect: a bias that does not take part need not be modified."""
    absent = {**own.options, **chosen}.get("bias") == "absent"
    whole_part = "modify_bias" in different and absent
    sign = "sign_of" in different and (not absent or {**own.options, **chosen}.get("split") == "weights")
    return whole_part or sign


def same(one: Any, other: Any) -> bool:
    """Return whether two values of an option are the same; a number stands for the signed stabiliser of that size."""
    if isinstance(one, Stabiliser) or isinstance(other, Stabiliser):
        first, second = (value if isinstance(value, Stabiliser) else Stabiliser(value) for value in (one, other))
        return first == second
    return bool(one == other)
