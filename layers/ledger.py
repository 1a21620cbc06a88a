"""The ledger: an account of relevance, node by node. Its sums balance, or it names the node where they do not.

At every node,  received = passed + bias + stabiliser + zero + rest:  the relevance from above; that of the inputs; the
share of the biases; that of the stabiliser; what arrived at denominators that are zero; and the rest, which the rule
itself takes or makes (the gradient of a layer that is not linear, a gate, a contrastive rule). A rest beyond rounding
is marked with its node and rule.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from refvis.layers import modes
from refvis.layers.base.arrays import Array
from refvis.layers.base.node import Node
from refvis.layers.graph.network import Graph
from refvis.layers.graph.returned import require_signals
from refvis.layers.graph.trace import Trace
from refvis.layers.lrp.booking import Booking, total, with_book
from refvis.layers.operators import Rule, title

TOLERANCE = {"float64": 1e-12, "float32": 1e-5}
"""The largest rest that counts as rounding, relative to the sum of absolute values at its node."""

AMOUNTS = ("received", "passed", "bias", "stabiliser", "zero", "rest")


@dataclass(frozen=True)
class Entry:
    """One node's line: sums of relevance over all values of the batch, in float64.

        node, layer, rule   the node's name, its type of layer and the rule's name
        received            what arrived at the output
        passed              what the inputs received
        bias                the share of the biases
        stabiliser          the share of the stabilisers
        zero                what arrived at denominators that are zero
        scale               the sum of absolute values that were received and passed
        tolerance           the largest rest that counts as rounding, relative to `scale`

    >>> from refvis.layers.ledger import Entry
    >>> entry = Entry("fc1", "FullyConnected", "lrp.epsilon", 8.0, 6.0, 2.0, 0.0, 0.0, scale=14.0, tolerance=1e-12)
    >>> entry.rest, entry.balanced
    (0.0, True)
    """

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
        """Relevance that the rule itself took (or made, where negative), and rounding."""
        return self.received - self.passed - self.bias - self.stabiliser - self.zero

    @property
    def balanced(self) -> bool:
        """Whether the rest is rounding; a rest that is NaN is not."""
        return abs(self.rest) <= self.tolerance * self.scale


@dataclass(frozen=True)
class Ledger:
    """The account of a whole backward pass.

        entries   a line for each node, from the seed down
        seeds     the sum of each seed, by variable
        inputs    the sum that arrived at each input of the network, by variable
        signals   the signals of the backward pass itself

    >>> from refvis.layers.ledger import Entry, Ledger
    >>> entry = Entry("fc1", "FullyConnected", "lrp.epsilon", 8.0, 6.0, 2.0, 0.0, 0.0, scale=14.0, tolerance=1e-12)
    >>> ledger = Ledger((entry,), {"x1": 8.0}, {"x0": 6.0}, {})
    >>> ledger.sum("bias"), ledger.unbalanced
    (2.0, ())
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
    """Return the ledger of a backward pass by `mode`; arguments and errors are those of ``Graph.backward``.

    >>> import numpy as np
    >>> from refvis import layers
    >>> fc = layers.FullyConnected(np.array([[1.0]]), np.array([1.0]))
    >>> net = layers.Graph(layers.chain({"fc1": fc}))
    >>> trace = net.forward(np.full((1, 1, 1, 1), 3.0))  # y = 3 + 1
    >>> ledger = layers.ledger.keep(net, trace, {"fc1": np.full((1, 1, 1, 1), 8.0)}, "epsilon")
    >>> round(ledger.inputs["x0"], 3), round(ledger.sum("bias"), 3)
    (6.0, 2.0)
    """
    entries: list[Entry] = []
    resolved = {name: rule for name, rule in modes.resolved(mode, graph.nodes).items() if callable(rule)}
    recording = {name: partial(_apply_and_record, entries, graph.node(name), rule) for name, rule in resolved.items()}
    signals = graph.backward(trace, seeds, {**modes.find(mode), **recording})
    ends = {name: total(signals[name]) for name in graph.inputs if name in signals}
    return Ledger(tuple(entries), {name: total(seed) for name, seed in seeds.items()}, ends, signals)


def _apply_and_record(
    entries: list[Entry], node: Node, rule: Rule, layer: Any, signal: Array, output: Array, *inputs: Array
) -> tuple[Array, ...]:
    """Apply the rule, and add a line for it to the entries."""
    book = Booking()
    passed = require_signals(with_book(rule, book)(layer, signal, output, *inputs), inputs, rule, node)
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
