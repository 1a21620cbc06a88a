"""A kind: what is verified. Its definition, how its cases are drawn, and the other answers that people give.

An answer is what an implementation gives that made another choice, or a known mistake. The answer that agrees with an
implementation on every case is the reason why that implementation differs.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from refvis.layers import Array
from refvis.layers.operators import Layer, Rule, operator
from refvis.verify.case import Case, Values, filled
from refvis.verify.choosing import Chooser, Seeded

Part = Literal["forward", "backward", "parameter_gradients"]
"""What of a layer is compared."""

PARTS: tuple[Part, ...] = ("forward", "backward", "parameter_gradients")
BOTH: tuple[Part, ...] = ("forward", "backward")

Result = Literal["valid", "acceptable", "invalid"]
"""The definition; another published convention; what a known mistake gives."""

Compute = Callable[["Kind", Case], Values]
"""Gives the arrays of a part for a case, by name."""

FLAGS = {
    "BASIC": "The worked numbers of the documentation. If they fail, suspect the adapter first.",
    "EDGE_CASE": "Sizes or values at a border: windows over the edge, exact zeros, one pixel.",
    "CONVENTION": "Several published conventions give different answers here.",
    "KNOWN_BUG": "A mistake that was made in public.",
    "MISSING_STEP": "A step of the definition is left out.",
    "NUMERICS": "The same formula, computed with a loss of digits.",
    "LAYOUT": "The right numbers at other places: axes, channels or groups in another order.",
    "UNSUPPORTED": "An option that many implementations do not have.",
}
"""What an answer or a test is about: name -> explanation."""


@dataclass(frozen=True, eq=False)
class Answer:
    """What an implementation gives that is not the definition.

    name    short, with underscores; unique within its kind
    text    what it does, as the end of the sentence "It differs because ..."
    parts   part -> the function that computes it
    result  "acceptable" or "invalid"
    flag    one of FLAGS
    seen    who does so, with version or year
    page    the page of the documentation, with the place
    """

    name: str
    text: str
    parts: Mapping[Part, Compute]
    result: Result = "invalid"
    flag: str = "MISSING_STEP"
    seen: tuple[str, ...] = ()
    page: str = ""
    change: Callable[[Case], Case] | None = None


def no_terms(case: Case) -> int:
    """Return 1: each value follows from single values."""
    return 1


@dataclass(frozen=True, eq=False)
class Kind:
    """One thing to verify: an operator, a rule of a mode at an operator, or the formula of a method.

    name        as the user writes it: "conv", "guided at relu"
    draw        ``(choose, simple)``: a case without signal; a simple one uses no option that is often missing
    terms       ``(case)``: how many products or values add up to one value of the result
    answers     what others give
    features    name -> whether a case has this property: "more than one group"
    rule        the rule of the backward pass; None: the exact gradient
    formula     the definition of a kind that is no layer: ``(layer, *inputs)``. Default: the operator's
    exact       parts whose result is exact where all values are small integers
    selects     whether the backward pass moves values and decides by comparisons: then only the signal is rounded
    fixed       inputs without derivative, which rounding never changes: labels, regions, an input that gives a shape
    page        the page of the documentation
    options     what `find` was given beside the name
    """

    name: str
    draw: Callable[[Chooser, bool], Case]
    terms: Callable[[Case], int] = no_terms
    answers: tuple[Answer, ...] = ()
    features: Mapping[str, Callable[[Case], bool]] = field(default_factory=dict)
    rule: Rule | None = None
    formula: Callable[..., Array] | None = None
    exact: frozenset[Part] = frozenset()
    selects: bool = False
    fixed: frozenset[str] = frozenset()
    page: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)

    def forward(self, layer: Layer, *inputs: Array) -> Array:
        """Return the layer's output by its definition."""
        return self.formula(layer, *inputs) if self.formula else operator(layer).forward(layer, *inputs)

    def results(self, part: Part, case: Case) -> Values:
        """Return what the definition gives for a part: {"output": y}, {"signal": dx, ...}, or {field: gradient}."""
        y = self.forward(case.layer, *case.inputs)
        if part == "forward":
            return {"output": y}
        if part == "backward":
            rule = self.rule or operator(case.layer).gradient
            return self.named(rule(case.layer, case.signal, y, *case.inputs))
        gradients = operator(case.layer).parameter_gradients
        return gradients(case.layer, case.signal, y, *case.inputs) if gradients else {}

    @property
    def parts(self) -> tuple[Part, ...]:
        """The parts that this kind has a definition of."""
        if self.formula:
            return ("forward",)
        return PARTS if operator(self.draw(Seeded(0), True).layer).parameter_gradients else BOTH

    def named(self, signals: tuple[Array, ...]) -> Values:
        """Return the signals for a layer's inputs by name: "signal", or "signal of x0", ... but those of fixed ones."""
        if len(signals) == 1:
            return {"signal": signals[0]}
        return {f"signal of x{i}": one for i, one in enumerate(signals) if f"x{i}" not in self.fixed}


def changed(
    name: str, text: str, change: Callable[[Case], Case], parts: tuple[Part, ...] = PARTS, **about: Any
) -> Answer:
    """Return the answer of an implementation that does the right thing to another layer: `change` tells to which."""

    def compute(part: Part) -> Compute:
        return lambda kind, case: kind.results(part, change(case))

    return Answer(name, text, {part: compute(part) for part in parts}, change=change, **about)


def forward_is(name: str, text: str, function: Callable[..., Array], **about: Any) -> Answer:
    """Return the answer of an implementation whose forward pass is `function`, ``(layer, *inputs) -> output``."""

    def compute(kind: Kind, case: Case) -> Values:
        return {"output": function(case.layer, *case.inputs)}

    return Answer(name, text, {"forward": compute}, **about)


def backward_is(name: str, text: str, rule: Rule, **about: Any) -> Answer:
    """Return the answer of an implementation whose backward pass is `rule`."""

    def compute(kind: Kind, case: Case) -> Values:
        y = kind.forward(case.layer, *case.inputs)
        return kind.named(rule(case.layer, case.signal, y, *case.inputs))

    return Answer(name, text, {"backward": compute}, **about)


def both(name: str, text: str, function: Callable[..., Array], rule: Rule, **about: Any) -> Answer:
    """Return the answer of an implementation whose forward pass is `function` and whose backward pass is `rule`."""
    parts = {**forward_is(name, text, function).parts, **backward_is(name, text, rule).parts}
    return Answer(name, text, parts, **about)


def joined(answers: Sequence[Answer]) -> Answer:
    """Return the answer of an implementation that does all of this: changes of the case first, then at most one more.

    Raises ValueError for two answers that are no changes of the case and concern the same part.
    """
    changes = [one for one in answers if one.change is not None]
    others = [one for one in answers if one.change is None]
    if len(answers) == 1:
        return answers[0]
    parts: dict[Part, Compute] = {}
    for part in PARTS:
        own = [one for one in others if part in one.parts]
        if len(own) > 1:
            raise ValueError(f"{own[0].name!r} and {own[1].name!r} exclude each other, expected one of them")
        fitting = [one.change for one in changes if part in one.parts and one.change is not None]
        if own or fitting:
            parts[part] = _after(fitting, own[0].parts[part] if own else None, part)
    names, texts = " + ".join(one.name for one in answers), ", and ".join(one.text for one in answers)
    result: Result = "acceptable" if all(one.result == "acceptable" for one in answers) else "invalid"
    seen = set(answers[0].seen).intersection(*(one.seen for one in answers))
    return Answer(names, texts, parts, result, answers[0].flag, tuple(sorted(seen)), answers[0].page)


def _after(changes: Sequence[Callable[[Case], Case]], compute: Compute | None, part: Part) -> Compute:
    def result(kind: "Kind", case: Case) -> Values:
        for change in changes:
            case = change(case)
        return kind.results(part, case) if compute is None else compute(kind, case)

    return result


def parameters_are(name: str, text: str, function: Callable[..., Values], **about: Any) -> Answer:
    """Return the answer of an implementation whose gradients of parameters are ``function(layer, signal, *inputs)``."""

    def compute(kind: Kind, case: Case) -> Values:
        return function(case.layer, case.signal, *case.inputs)

    return Answer(name, text, {"parameter_gradients": compute}, **about)


def with_signal(kind: Kind, case: Case, choose: Chooser) -> Case:
    """Return the case with a signal of its output's shape."""
    output = kind.forward(case.layer, *case.inputs)
    return replace(case, signal=filled(choose, output.shape))
