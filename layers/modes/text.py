"""Modes as texts: a line for each layer type, or for each node."""

from functools import partial
from typing import Any

from refvis.layers.base.arrays import shortly
from refvis.layers.base.node import Node
from refvis.layers.modes.lookup import is_lrp, resolved
from refvis.layers.modes.tables import Mode, find
from refvis.layers.operators import Rule


def table(mode: str | Mode) -> str:
    """Return the mode (a name or a table) as a text, one line per layer type or name.

    >>> from refvis import layers, modes
    >>> print(modes.table({layers.ReLU: layers.lrp.passes, "fc6": layers.lrp.flat}))
    ReLU  lrp.passes
    fc6   lrp.flat
    """
    return _lines([(key if isinstance(key, str) else key.__name__, rule) for key, rule in find(mode).items()])


def applied(mode: str | Mode, nodes: tuple[Node, ...]) -> str:
    """Return the rules that the mode (a name or a table) applies to these nodes, as a text, one line per node.

    >>> from refvis import layers, modes
    >>> print(modes.applied("guided", layers.chain({"relu1": layers.ReLU(), "prob": layers.Softmax()})))
    relu1  relu.guided
    prob   softmax.gradient
    """
    return _lines(list(resolved(mode, nodes).items()))


def _lines(rules: list[tuple[str, Rule]]) -> str:
    rows = [(key, rule_name(rule)) for key, rule in rules]
    width = max((len(key) for key, _ in rows), default=0)
    return "\n".join(f"{key:{width}}  {rule}" for key, rule in rows)


def rule_name(rule: Any) -> str:
    """Return a rule's name for a table: its file, its name, and the options that differ from its defaults.

    >>> from functools import partial
    >>> from refvis import layers, modes
    >>> modes.rule_name(layers.lrp.epsilon), modes.rule_name(partial(layers.lrp.epsilon, bias="absent"))
    ('lrp.epsilon', "lrp.epsilon(bias='absent')")
    """
    if isinstance(rule, partial):
        options = ", ".join(f"{key}={_option(value)}" for key, value in rule.keywords.items())
        return f"{rule_name(rule.func)}({options})"
    module = "lrp" if is_lrp(rule) else (getattr(rule, "__module__", None) or "").rpartition(".")[2]
    return f"{module}.{getattr(rule, '__name__', repr(rule))}".removeprefix(".")


def _option(value: Any) -> str:
    return rule_name(value) if callable(value) and not hasattr(value, "eps") else shortly(value)
