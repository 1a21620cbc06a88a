"""The ledger: where relevance went, node by node, so that it adds up, or the place where it does not has a name.

At every node,  received = passed + bias + stabiliser + zero + rest:  what came from above; what the inputs got; the
share of the biases; what the stabiliser took; what arrived at denominators that are zero; and the rest, which the rule
itself takes or makes (the gradient of a layer that is not linear, a gate, a contrastive rule). A rest beyond rounding
is marked, so that it has a name: that of the node and its rule.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from refvis.layers import modes
from refvis.layers.base.arrays import Array
from refvis.layers.base.node import Node
from refvis.layers.graph.network import Graph, require_returned
from refvis.layers.graph.trace import Trace
from refvis.layers.lrp.booking import Booking, total, with_book
from refvis.layers.operators import Rule, title

TOLERANCE = {"float64": 1e-12, "float32": 1e-5}
"""How large a rest may be, relative to the absolute sums at its node, and count as rounding."""

AMOUNTS = ("received", "passed", "bias", "stabiliser", "zero", "rest")


@dataclass(frozen=True)
class Entry:
    """One node's line: sums over all values of the batch, added up in double; `scale` is that of absolute values."""

    node: str
    layer: str
    rule: str
    received: float
    passed: float
    bias: float
    stabiliser: float
    zero: float
    scale: float
    tolerance: float

    @property
    def rest(self) -> float:
        """What the rule itself took (or made, where negative), or rounding."""
        return self.received - self.passed - self.bias - self.stabiliser - self.zero

    @property
    def balanced(self) -> bool:
        """Whether the rest is rounding; a rest that is NaN is not."""
        return abs(self.rest) <= self.tolerance * self.scale


@dataclass(frozen=True)
class Ledger:
    """All lines from the seed down, and the sums at both ends: `seeds` and `inputs` by variable.

    `signals` are those of the backward pass itself.
    """

    entries: tuple[Entry, ...]
    seeds: dict[str, float]
    inputs: dict[str, float]
    signals: dict[str, Array]

    @property
    def unbalanced(self) -> tuple[Entry, ...]:
        """The lines whose rule takes or makes relevance beyond rounding."""
        return tuple(entry for entry in self.entries if not entry.balanced)

    def sum(self, amount: str) -> float:
        """Return the sum of one amount ("bias", "stabiliser", "zero", "rest", ...) over all nodes."""
        return sum(float(getattr(entry, amount)) for entry in self.entries)


def keep(graph: Graph, trace: Trace, seeds: Mapping[str, Array], mode: str | modes.Mode) -> Ledger:
    """Return the ledger of a walk back by `mode`; arguments and errors are those of ``Graph.backward``."""
    entries: list[Entry] = []
    resolved = {name: rule for name, rule in modes.resolved(mode, graph.nodes).items() if callable(rule)}
    entered = {name: partial(_entered, entries, graph.node(name), rule) for name, rule in resolved.items()}
    signals = graph.backward(trace, seeds, {**modes.find(mode), **entered})
    ends = {name: total(signals[name]) for name in graph.inputs if name in signals}
    return Ledger(tuple(entries), {name: total(seed) for name, seed in seeds.items()}, ends, signals)


def _entered(
    entries: list[Entry], node: Node, rule: Rule, layer: Any, signal: Array, output: Array, *inputs: Array
) -> tuple[Array, ...]:
    """Apply the rule, and enter a line for it."""
    book = Booking()
    passed = require_returned(with_book(rule, book)(layer, signal, output, *inputs), inputs, rule, node)
    entries.append(
        Entry(
            node.name,
            title(layer),
            modes.rule_name(rule),
            total(signal),
            sum(total(one) for one in passed),
            book.bias,
            book.stabiliser,
            book.zero,
            scale=total(abs(signal)) + sum(total(abs(one)) for one in passed),
            tolerance=TOLERANCE[signal.dtype.name],
        )
    )
    return passed
