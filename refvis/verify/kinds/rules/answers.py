"""The answers of a rule of relevance: every product of its options, and mistakes."""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from refvis.layers import lrp
from refvis.layers.lrp import Stabiliser
from refvis.layers.operators import Rule
from refvis.verify.kind import Answer, backward_is
from refvis.verify.kinds.rules.mistakes import COMMON, OTHERS, whole_rules
from refvis.verify.kinds.rules.options import FORMULA, LIBRARIES, Named, Unguarded, changes, same

PAGE = "rules/choices.html"
TEXTS: Mapping[str, Mapping[Any, str]] = {
    "bias": {
        "booked": "its bias keeps its share",
        "absent": "its bias does not take part",
        "spread": "its bias' share goes to the inputs in equal parts",
    },
    "modify_bias": {True: "its bias is clamped as the weights are", False: "its bias is kept whole"},
    "split": {
        "both": "contributions are positive by the sign of w x",
        "weights": "contributions are positive by the sign of w",
    },
    "sign_of": {
        "denominator": "the denominator's sign chooses what is favoured",
        "output": "the output's sign chooses what is favoured",
    },
    "signed": {
        "clamp": "negative inputs count as 0",
        "shift": "the smallest input is subtracted",
        "keep": "negative inputs stay",
    },
}


def answers(own: Named, weighted: bool, linear: bool) -> tuple[Answer, ...]:
    """Return the answers of a rule at a layer; `weighted`: whether it has weights and biases, `linear`: is linear."""
    others = _other_rules(own, weighted) if linear else ()
    return (*_choices(own, weighted), *_of_formula(own), *_mistakes(own, weighted), *others)


def _choices(own: Named, biased: bool) -> Iterator[Answer]:
    for changed in changes(own, biased):
        yield backward_is(
            ",".join(f"{name}={_short(value)}" for name, value in changed.items()),
            "; ".join(_text(name, value, own.options[name]) for name, value in changed.items()),
            own.with_options(**changed).rule,
            result="acceptable",
            flag="NUMERICS" if set(changed) == {"eps"} else "CONVENTION",
            seen=_who(changed),
            page=PAGE,
        )


def _who(changed: Mapping[str, Any]) -> tuple[str, ...]:
    """Return who makes a choice; of several choices, who makes them all."""
    each = [LIBRARIES.get((name, value), ()) for name, value in changed.items() if not isinstance(value, Stabiliser)]
    if len(each) < len(changed) or not each:
        return ()
    return tuple(one for one in each[0] if all(one in others for others in each[1:]))


def _text(name: str, value: Any, own: Any) -> str:
    if name != "eps":
        return TEXTS[name][value]
    if not isinstance(value, Stabiliser):
        return f"its stabiliser is {_short(value)}, not {_short(own)}"
    if isinstance(value, Unguarded):
        return "it has no stabiliser, and divides by zero"
    form = {"positive": "unsigned: it is added whatever the sign of the output", "clipped": "a lower bound"}
    kind = "relative to the output's root mean square" if value.relative else form[value.form]
    return f"its stabiliser is {value.eps:g}, {kind}"


def _short(value: Any) -> str:
    if isinstance(value, Unguarded):
        return "none"
    if isinstance(value, Stabiliser):
        words = [value.form] if value.form != "signed" else []
        return "_".join([f"{value.eps:g}", *words, *(["relative"] if value.relative else [])])
    return f"{value:g}" if isinstance(value, float) else str(value)


def _of_formula(own: Named) -> Iterator[Answer]:
    for chosen in FORMULA.get(own.function, ()):
        if not all(same(own.options.get(name, _default(own, name)), value) for name, value in chosen.items()):
            values = ", ".join(f"{name} {value:g}" for name, value in chosen.items())
            yield backward_is(
                ",".join(f"{name}={value:g}" for name, value in chosen.items()),
                f"it has {values}",
                own.with_options(**chosen).rule,
                flag="CONVENTION",
            )


def _default(own: Named, name: str) -> Any:
    return own.function.__kwdefaults__[name]


def _mistakes(own: Named, weighted: bool) -> Iterator[Answer]:
    for name, text, change in COMMON:
        if own.function is not lrp.passes or name not in ("absolute_relevance", "positive_relevance"):
            yield backward_is(name, text, change(own.rule))
    for name, text, rule in whole_rules(own.function, _with_formula(own), weighted):
        yield backward_is(name, text, rule)


def _with_formula(own: Named) -> dict[str, Any]:
    """Return all options with those of the formula in full."""
    names = FORMULA.get(own.function, ({},))[0]
    return {name: _default(own, name) for name in names} | dict(own.options)


def _other_rules(own: Named, weighted: bool) -> Iterator[Answer]:
    """Yield the other rules, with this one's stabiliser. Where all weights are equal, only two of them differ."""
    for name, function in OTHERS:
        same_rule = function is own.function or (name == "z_plus" and own.function is lrp.alpha_beta)
        if not same_rule and (weighted or name in ("epsilon", "z_plus")):
            yield backward_is(f"is_{name}", f"it is the rule {name}", _like(function, own), flag="CONVENTION")


def _like(function: Any, own: Named) -> Rule:
    eps = own.options.get("eps")
    stabilised = eps is not None and function not in (lrp.w_square, lrp.flat)
    return partial(function, eps=eps) if stabilised else function
