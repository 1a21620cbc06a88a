"""Kinds of rules and modes by their names: "epsilon", "guided at max_pool", "captum:EpsilonRule at conv"."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from inspect import signature
from typing import Any

from refvis.layers import Pool, lrp, modes
from refvis.layers.modes import peers
from refvis.layers.modes.composites import First
from refvis.layers.operators import OPERATORS, Rule
from refvis.verify.choosing import Seeded
from refvis.verify.kind import Kind
from refvis.verify.kinds.rules.answers import answers
from refvis.verify.kinds.rules.drawing import drawn
from refvis.verify.kinds.rules.options import Named, named

RULES: Mapping[str, Any] = {
    name: getattr(lrp, name)
    for name in (
        "epsilon",
        "alpha_beta",
        "z_plus",
        "gamma",
        "w_square",
        "flat",
        "box",
        "excitation",
        "contrastive",
        "spread",
        "lrn_taylor",
        "tangent",
        "passes",
    )
}
AT = {
    "spread": "max_pool",
    "lrn_taylor": "lrn",
    "tangent": "lrn",
    "passes": "relu",
    "guided": "relu",
    "deconvnet": "relu",
}
"""Rules whose operator, where none is named, is not the convolution."""
WEIGHTED = ("conv", "conv_transpose", "fully_connected", "batch_norm", "scale")
"""Operators that have weights and biases."""
EQUAL = ("average_pool", "sum")
"""Linear operators whose weights are all equal."""
PAGES = {
    "alpha_beta": "rules/alpha_beta.html",
    "z_plus": "rules/z_plus.html",
    "gamma": "rules/gamma.html",
    "epsilon": "rules/epsilon.html",
    "excitation": "rules/excitation.html",
}


@dataclass(frozen=True)
class NamedConv(Named):
    """Two rules for convolutions, as `lrp.conv` has them: for windows, and for filters that cover the whole input.

    full  the rule for filters that cover the whole input
    """

    full: Named | None = None

    @property
    def rule(self) -> Any:
        """The rule that chooses among both."""
        assert self.full is not None
        return partial(lrp.conv, local=partial(self.function, **self.options), full=self.full.rule)

    def with_options(self, **changed: Any) -> "NamedConv":
        """Return the rules with other options, each with those that it has."""
        assert self.full is not None
        own = {name: value for name, value in changed.items() if name in signature(self.full.function).parameters}
        return NamedConv(self.function, {**self.options, **changed}, self.full.with_options(**own))


def rule_names() -> tuple[str, ...]:
    """Return the names of rules and modes; each may be followed by " at " and an operator's name."""
    return tuple(dict.fromkeys((*RULES, *modes.MODES)))


def rule_kind(name: str, operators: Mapping[str, Kind], options: Mapping[str, Any]) -> Kind | None:
    """Return the kind of a rule or mode at an operator; None for a name that is neither's.

    Raises ValueError for an operator or an option that there is not, and for a mode without rule for the operator.
    """
    what, _, place = _apart(name).partition(" at ")
    if what not in RULES and what not in modes.MODES and not peers.is_peer(what):
        return None
    first = place.startswith("first ")
    at = place.removeprefix("first ") or AT.get(what, "conv")
    if at not in operators:
        raise ValueError(f"there is no operator {at!r} for {what!r}, expected one of {', '.join(operators)}")
    kind = operators[at]
    rule = _specialised(_rule(what, kind, first), kind)
    return _kind(f"{what} at {'first ' if first else ''}{at}", kind, rule, options)


def _apart(name: str) -> str:
    """Return the name with " at " in the place of its last colon, unless that belongs to another library's name."""
    if " at " in name or peers.is_peer(name):
        return name
    return name.replace(":", " at ", 1)


def _rule(what: str, kind: Kind, first: bool) -> Rule:
    """Return the rule that a name stands for at an operator."""
    layer = kind.draw(Seeded(0), True).layer
    if peers.is_peer(what):
        found, at = peers.made(what)
        if at in ("all", "first"):
            return found  # type: ignore[no-any-return]
        table = peers.table_of(what)
    elif what in modes.MODES:
        table = modes.MODES[what]
    else:
        return RULES[what]  # type: ignore[no-any-return]
    rule = (table.get(First(type(layer))) if first else None) or table.get(type(layer))
    if rule is None:
        raise ValueError(f"the mode {what!r} has no rule for {kind.name!r}")
    return rule


def _specialised(rule: Any, kind: Kind) -> Any:
    """Return the rule that pooling has for averages or for maxima, in the place of the one that chooses."""
    if not isinstance(rule, partial) and rule is not lrp.pool:
        return rule
    if (rule.func if isinstance(rule, partial) else rule) is not lrp.pool:
        return rule
    own = rule.keywords if isinstance(rule, partial) else {}
    if kind.name == "average_pool":
        return own.get("average", lrp.epsilon)
    if kind.name == "max_pool":
        return own.get("largest") or OPERATORS[Pool].gradient
    return rule


def _kind(name: str, kind: Kind, rule: Any, options: Mapping[str, Any]) -> Kind:
    own = _named(rule)
    if own is None:
        if options:
            raise ValueError(f"{name!r} has no option {next(iter(options))!r}: its rule has none")
        return _plain(name, kind, rule)
    chosen = _with_options(own, options, name)
    given = answers(chosen, kind.name in WEIGHTED, kind.name in (*WEIGHTED, *EQUAL))
    return replace(
        kind,
        name=name,
        draw=drawn(kind, chosen.options, kind.name in (*WEIGHTED, *EQUAL, "max_pool")),
        rule=chosen.rule,
        answers=(*(one for one in kind.answers if set(one.parts) == {"forward"}), *given),
        exact=kind.exact & {"forward"},
        selects=False,
        page=PAGES.get(chosen.function.__name__, "rules/index.html"),
        options=dict(options),
    )


def _named(rule: Any) -> Named | None:
    if isinstance(rule, partial) and rule.func is lrp.conv:
        local, full = named(rule.keywords["local"]), named(rule.keywords.get("full", lrp.epsilon))
        return None if local is None or full is None else NamedConv(local.function, local.options, full)
    return named(rule)


def _with_options(own: Named, options: Mapping[str, Any], name: str) -> Named:
    """Return the rule with the options that were asked for. Raises ValueError for those that it does not have."""
    known = [
        one for one in signature(own.function).parameters.values() if one.kind is one.KEYWORD_ONLY or one.name == "eps"
    ]
    names = [one.name for one in known if one.name != "book"]
    for option in options:
        if option not in names:
            raise ValueError(f"{name!r} has no option {option!r}, expected {', '.join(names) or 'none'}")
    given = dict(options)
    if "alpha" in given and "beta" not in given:
        given["beta"] = given["alpha"] - 1
    return own.with_options(**given)


def _plain(name: str, kind: Kind, rule: Any) -> Kind:
    """Return the kind of a rule that is no rule of relevance: the gradient, or one of the ReLU's."""
    layer = kind.draw(Seeded(0), True).layer
    gradient = OPERATORS[type(layer)].gradient
    return replace(kind, name=name, rule=None if rule is gradient else rule)
