"""Modes: what each type of layer does with the signal on its way back, as tables.

A mode is a dict from a layer type, `First(type)`, or the name of one layer, to a rule ``(layer, signal, output,
*inputs) -> signal for each input``. A name wins over `First`, which wins over a type. Tables mix with ``|``:

    GUIDED = GRADIENT | {ReLU: relu.guided}
    EPSILON_PLUS | {"fc6": functools.partial(lrp.epsilon, eps=0.25)}

Tables of relevance stand in `composites.py`. Deconvnet and guided backpropagation keep the pooling switches (the
gradient of max pooling) and LRN's gradient; `desalinet` names these choices one by one.
"""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from functools import partial
from typing import Any, TypeAlias

from refvis.layers import lrp, pool, relu
from refvis.layers.base.arrays import Array, shortly
from refvis.layers.batch_norm import BatchNorm
from refvis.layers.graph.nodes import Node
from refvis.layers.lrn import LRN
from refvis.layers.modes import deeplift
from refvis.layers.modes.composites import (
    DEEP_TAYLOR,
    DEEP_TAYLOR_BOX,
    EPSILON,
    EPSILON_ALPHA2_BETA1,
    EPSILON_ALPHA2_BETA1_FLAT,
    EPSILON_GAMMA_BOX,
    EPSILON_PLUS,
    EPSILON_PLUS_FLAT,
    EXCITATION,
    LRP_0,
    Z_PLUS,
    First,
    boxed,
    is_open_box,
    relevance,
)
from refvis.layers.normalize_lp import NormalizeLp
from refvis.layers.operators import OPERATORS, Rule, title
from refvis.layers.pool import Pool
from refvis.layers.relu import ReLU
from refvis.layers.roi_pool import ROIPool
from refvis.layers.sigmoid import Sigmoid
from refvis.layers.softmax import Softmax
from refvis.layers.spatial_norm import SpatialNorm

__all__ = [
    "DECONVNET",
    "DEEPLIFT",
    "DEEP_TAYLOR",
    "DEEP_TAYLOR_BOX",
    "EPSILON",
    "EPSILON_ALPHA2_BETA1",
    "EPSILON_ALPHA2_BETA1_FLAT",
    "EPSILON_GAMMA_BOX",
    "EPSILON_PLUS",
    "EPSILON_PLUS_FLAT",
    "EXCITATION",
    "GRADIENT",
    "GUIDED",
    "LRP_0",
    "MODES",
    "Z_PLUS",
    "First",
    "Mode",
    "applied",
    "desalinet",
    "find",
    "is_relevance",
    "relevance",
    "resolved",
    "rule_name",
    "table",
    "with_box",
]

Mode: TypeAlias = Mapping[Any, Rule]
"""Layer type, First(type) or layer name -> rule."""

GRADIENT: dict[Any, Rule] = {kind: found.gradient for kind, found in OPERATORS.items()}
DECONVNET = GRADIENT | {ReLU: relu.deconvnet}
GUIDED = GRADIENT | {ReLU: relu.guided}
DEEPLIFT: dict[Any, Rule] = {
    **GRADIENT,
    BatchNorm: deeplift.batch_norm,
    Pool: deeplift.pool,
    ROIPool: deeplift.pool,
    **dict.fromkeys((ReLU, Sigmoid, Softmax, LRN, NormalizeLp, SpatialNorm), deeplift.rescale),
}
"""Multipliers; the batch holds inputs and references (`refvis.deeplift` sees to it)."""

MODES: dict[str, dict[Any, Rule]] = {
    "gradient": GRADIENT,
    "deconvnet": DECONVNET,
    "guided": GUIDED,
    "epsilon": EPSILON,
    "lrp_0": LRP_0,
    "z_plus": Z_PLUS,
    "epsilon_plus": EPSILON_PLUS,
    "epsilon_plus_flat": EPSILON_PLUS_FLAT,
    "epsilon_gamma_box": EPSILON_GAMMA_BOX,
    "epsilon_alpha2_beta1": EPSILON_ALPHA2_BETA1,
    "epsilon_alpha2_beta1_flat": EPSILON_ALPHA2_BETA1_FLAT,
    "deep_taylor": DEEP_TAYLOR,
    "deep_taylor_box": DEEP_TAYLOR_BOX,
    "excitation": EXCITATION,
}


def desalinet(
    relu_mask: bool = True, backward_relu: bool = True, pooling_switches: bool = True, lrn_gradient: bool = True
) -> dict[Any, Rule]:
    """Return the table with these switches (Mahendran & Vedaldi 2016, section 2).

    `relu_mask`: the signal passes where the input was positive; `backward_relu`: where it is positive itself;
    `pooling_switches`: max pooling sends it to the winner, else to the centre of the window; `lrn_gradient`: LRN goes
    back by its gradient, else unchanged. The first two are (True, False) for the paper's SaliNet, (False, True) for its
    DeconvNet, (True, True) for its DeSaliNet: with all else at its default gradient, deconvnet and guided here. In the
    authors' code LRN passes the signal of the last two unchanged.
    """
    rules = {(True, True): relu.guided, (True, False): relu.gradient, (False, True): relu.deconvnet}
    return (
        GRADIENT
        | {ReLU: rules.get((relu_mask, backward_relu), lrp.passes)}
        | ({} if pooling_switches else {Pool: pool.centred})
        | ({} if lrn_gradient else {LRN: lrp.passes})
    )


def with_box(mode: str | Mode, low: float | Array, high: float | Array) -> dict[Any, Rule]:
    """Return the table with the bounds `low` and `high` for every rule `lrp.box` in it that has none yet.

    `mode` is a name or a table; the bounds are numbers, or arrays that broadcast against the first layer's input
    (N x H x W x C). Raises ValueError for a table without such a rule.
    """
    rules = find(mode)
    if not any(map(is_open_box, rules.values())):
        names = ", ".join(name for name, one in MODES.items() if any(map(is_open_box, one.values())))
        raise ValueError(f"the mode has no box rule without bounds: give one that has, such as {names}")
    return boxed(rules, low, high)


def find(mode: str | Mode) -> Mode:
    """Return the mode of that name (or the table itself, if it is one), or raise ValueError listing the names."""
    if isinstance(mode, Mapping):
        return mode
    if mode not in MODES:
        near = get_close_matches(str(mode), list(MODES), 1, 0.5)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise ValueError(f"unknown mode {mode!r}, expected one of {', '.join(MODES)}, or a table of rules{hint}")
    return MODES[mode]


def rule_for(mode: Mode, name: str, layer: Any, first: bool = False) -> Rule:
    """Return the rule of that mode for the layer of that name, or raise ValueError naming layer and type.

    `first` says whether the layer is one of those that a key `First` stands for.
    """
    rule = _found(mode, name, layer, first)
    if rule is None:
        raise ValueError(
            f"the mode has no rule for layer {name!r} ({title(layer)}): add one, mode | {{{name!r}: rule}}"
        )
    if not callable(rule):
        raise ValueError(f"the mode's rule for layer {name!r} ({title(layer)}) is {rule!r}, expected a function")
    return rule


def _found(mode: Mode, name: str, layer: Any, first: bool) -> Rule | None:
    return mode.get(name) or (mode.get(First(type(layer))) if first else None) or mode.get(type(layer))


def firsts(mode: Mode, nodes: Iterable[Node]) -> set[str]:
    """Return the names of the nodes that a key `First` stands for: no other of such a type lies below them."""
    kinds = {key.kind for key in mode if isinstance(key, First)}
    above: set[str] = set()
    found: set[str] = set()
    for node in nodes:
        filtered, later = type(node.layer) in kinds, not above.isdisjoint(node.inputs)
        if filtered and not later:
            found.add(node.name)
        if filtered or later:
            above.add(node.output)
    return found


def resolved(mode: str | Mode, nodes: tuple[Node, ...]) -> dict[str, Rule]:
    """Return the rule of every node, by its name; nodes that the mode has none for are missing."""
    rules = find(mode)
    first = firsts(rules, nodes)
    found = ((node.name, _found(rules, node.name, node.layer, node.name in first)) for node in nodes)
    return {name: rule for name, rule in found if rule is not None}


def is_relevance(mode: str | Mode) -> bool:
    """Return whether the mode propagates relevance: whether any of its rules stands in `lrp`, `passes` aside."""
    rules = (_innermost(rule) for rule in find(mode).values())
    return any(_in_lrp(rule) and rule is not lrp.passes for rule in rules)


def _in_lrp(rule: Any) -> bool:
    return str(getattr(rule, "__module__", "")).startswith(lrp.__name__)


def _innermost(rule: Any) -> Any:
    return _innermost(rule.func) if isinstance(rule, partial) else rule


def table(mode: str | Mode) -> str:
    """Return the mode as a text that a person can read, one line per layer type or name."""
    return _lines([(key if isinstance(key, str) else key.__name__, rule) for key, rule in find(mode).items()])


def applied(mode: str | Mode, nodes: tuple[Node, ...]) -> str:
    """Return the rules that the mode applies to these nodes, as a text, one line per node."""
    return _lines(list(resolved(mode, nodes).items()))


def _lines(rules: list[tuple[str, Rule]]) -> str:
    rows = [(key, rule_name(rule)) for key, rule in rules]
    width = max((len(key) for key, _ in rows), default=0)
    return "\n".join(f"{key:{width}}  {rule}" for key, rule in rows)


def rule_name(rule: Any) -> str:
    """Return what to call a rule in a table: its file, its name, and the options that differ from its own."""
    if isinstance(rule, partial):
        options = ", ".join(f"{key}={_option(value)}" for key, value in rule.keywords.items())
        return f"{rule_name(rule.func)}({options})"
    module = "lrp" if _in_lrp(rule) else (getattr(rule, "__module__", None) or "").rpartition(".")[2]
    return f"{module}.{getattr(rule, '__name__', repr(rule))}".removeprefix(".")


def _option(value: Any) -> str:
    return rule_name(value) if callable(value) and not hasattr(value, "eps") else shortly(value)
