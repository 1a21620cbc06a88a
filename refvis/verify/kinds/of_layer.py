"""The kinds that know a given layer and the rule of its backward pass."""

from functools import cache, partial
from typing import Any

from refvis.layers.operators import Layer, Rule, operator
from refvis.verify.choosing import Seeded
from refvis.verify.kind import Kind


def kinds_of(layer: Layer, rule: Rule | None, kinds: tuple[Kind, ...]) -> tuple[Kind, ...]:
    """Return the kinds whose cases hold such layers, those with this rule first; a rule of None is the gradient."""
    fitting = [kind for kind in kinds if kind.formula is None and _same_form(layer, _example(kind))]
    wanted = rule or operator(layer).gradient
    return tuple(sorted(fitting, key=lambda kind: not is_same_rule(kind.rule or operator(layer).gradient, wanted)))


def is_same_rule(one: Any, other: Any) -> bool:
    """Return whether two rules are the same function with the same options."""
    if isinstance(one, partial) and isinstance(other, partial):
        return bool(one.func is other.func and one.keywords == other.keywords)
    return one is other


@cache
def _example(kind: Kind) -> Layer:
    return kind.draw(Seeded(0), True).layer


def _same_form(layer: Layer, example: Layer) -> bool:
    """Return whether two layers are of one type, and of one method if they have any."""
    return type(layer) is type(example) and getattr(layer, "method", None) == getattr(example, "method", None)
