"""Lookup of rules: by the name of a layer, as a first layer, or by its type."""

from collections.abc import Iterable
from functools import partial
from typing import Any

from refvis.layers import lrp
from refvis.layers.base.node import Node
from refvis.layers.modes.composites import First
from refvis.layers.modes.tables import Mode, find
from refvis.layers.operators import Rule, title


def rule_for(mode: Mode, name: str, layer: Any, first: bool = False, called: str = "mode") -> Rule:
    """Return the rule of that mode for the layer of that name, or raise ValueError naming layer and type.

        mode    a table
        name    the layer's name
        layer   the layer
        first   whether the layer is one of those that a key `First` stands for. Default False
        called  what an error calls the table, in Python. Default: "mode"

    >>> from refvis import layers, modes
    >>> modes.rule_for(modes.GUIDED, "relu1", layers.ReLU()).__name__
    'guided'
    """
    rule = _choose(mode, name, layer, first)
    if rule is None:
        raise ValueError(
            f"the mode has no rule for layer {name!r} ({title(layer)}): add one, {called} | {{{name!r}: rule}}"
        )
    if not callable(rule):
        raise ValueError(f"the mode's rule for layer {name!r} ({title(layer)}) is {rule!r}, expected a function")
    return rule


def _choose(mode: Mode, name: str, layer: Any, first: bool) -> Rule | None:
    return mode.get(name) or (mode.get(First(type(layer))) if first else None) or mode.get(type(layer))


def firsts(mode: Mode, nodes: Iterable[Node]) -> set[str]:
    """Return the names of the nodes that a key `First` stands for.

    No other node of a type with such a key lies between them and the input.

    >>> from refvis import layers, modes
    >>> net = layers.chain({"relu1": layers.ReLU(), "pool1": layers.Pool((2, 2)), "relu2": layers.ReLU()})
    >>> modes.firsts({modes.First(layers.ReLU): layers.lrp.flat}, net)
    {'relu1'}
    """
    kinds = {key.kind for key in mode if isinstance(key, First)}
    above: set[str] = set()
    names: set[str] = set()
    for node in nodes:
        filtered, later = type(node.layer) in kinds, not above.isdisjoint(node.inputs)
        if filtered and not later:
            names.add(node.name)
        if filtered or later:
            above.add(node.output)
    return names


def resolved(mode: str | Mode, nodes: tuple[Node, ...]) -> dict[str, Rule]:
    """Return the rule of every node, by its name. Nodes without a rule in the mode are missing.

    >>> from refvis import layers, modes
    >>> rules = modes.resolved("guided", layers.chain({"relu1": layers.ReLU(), "prob": layers.Softmax()}))
    >>> {name: rule.__name__ for name, rule in rules.items()}
    {'relu1': 'guided', 'prob': 'gradient'}
    """
    rules = find(mode)
    first = firsts(rules, nodes)
    chosen = ((node.name, _choose(rules, node.name, node.layer, node.name in first)) for node in nodes)
    return {name: rule for name, rule in chosen if rule is not None}


def is_relevance(mode: str | Mode) -> bool:
    """Return whether the mode, a name or a table, propagates relevance: it has a rule of `lrp` other than `passes`.

    >>> from refvis import modes
    >>> modes.is_relevance("epsilon"), modes.is_relevance("guided")
    (True, False)
    """
    rules = (_innermost(rule) for rule in find(mode).values())
    return any(is_lrp(rule) and rule is not lrp.passes for rule in rules)


def is_lrp(rule: Any) -> bool:
    """Return whether a rule stands in `refvis.layers.lrp`."""
    return str(getattr(rule, "__module__", "")).startswith(lrp.__name__)


def _innermost(rule: Any) -> Any:
    return _innermost(rule.func) if isinstance(rule, partial) else rule
