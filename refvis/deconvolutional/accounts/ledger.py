"""The ledger of a walk back: where what was sent down went, layer by layer, so that it adds up."""

from dataclasses import dataclass
from functools import partial
from typing import Any

from refvis.backpropagation.backward_pass import choose_seed, seed_signal
from refvis.backpropagation.rules import bounded_rules, mode_text
from refvis.deconvolutional.accounts import balance
from refvis.deconvolutional.accounts.ledger_text import described
from refvis.layers import Array, Node, Trace, lrp, modes
from refvis.layers import ledger as books
from refvis.layers.base.arrays import require_float
from refvis.layers.operators import Rule
from refvis.network import Network
from refvis.results import Record, record
from refvis.targets import target
from refvis.units import Against, Channel, Selection


@dataclass(frozen=True, eq=False, repr=False)
class Ledger(books.Ledger):
    """The lines and ends of `refvis.layers.ledger.Ledger`, and the record of how they came about; prints as a table."""

    record: Record

    @property
    def error(self) -> float:
        """By how much the seed differs from inputs + biases + stabilisers + zeros + rest, relative to all of these."""
        return balance.error(self)

    def __str__(self) -> str:
        """Return the table, the sum below it, and a sentence on the layers that do not balance."""
        return described(self, self.record)

    def __repr__(self) -> str:
        """Return one line."""
        return f"Ledger({len(self.entries)} layers, {len(self.unbalanced)} unbalanced; print it to see the table)"


def ledger(
    net: Network,
    x: Array,
    mode: str | modes.Mode = "epsilon_plus_flat",
    at: str | None = None,
    channel: Channel = None,
    seed: str | Array | None = None,
    *,
    position: tuple[int, int] | None = None,
    against: Against = None,
    dtype: str = "float64",
) -> Ledger:
    """Return where a channel's relevance goes on its way back to the input: a line per layer, which add up.

    What is explained, and by which `mode`, is said as for `deconvolution`: N x H x W x C, one channel of each image, or
    "all"; amounts are sums over the batch. All is computed in `dtype`, whatever that of `net` and `x`: in float64 sums
    agree to about 1e-15, in float32 to 1e-6. Raises ValueError for several channels, and what `deconvolution` raises.
    """
    require_float(x, "the input")
    x = x.astype(dtype, copy=False)
    goal, trace = target(net.astype(dtype), x, Selection(at, channel, position, against))
    rules, bounds = bounded_rules(net, goal.net, x, mode)
    goal, start, choices = choose_seed(seed, rules, goal, len(x), channel)
    if len(goal.channels) != len(x):
        raise ValueError(f"a ledger is of one channel, found {len(goal.channels) // len(x)}: make one for each")
    signal = seed_signal(goal, trace[goal.variable], start)
    applied = {
        name: _applied(rule, goal.net.node(name), trace) for name, rule in modes.resolved(rules, goal.net.nodes).items()
    }
    kept = books.keep(goal.net, trace, {goal.variable: signal}, {**rules, **applied})
    made = record("ledger", net, x, mode=mode_text(mode, goal.net), **choices, **bounds, dtype=dtype)
    return Ledger(**vars(kept), record=made)


def _applied(rule: Any, node: Node, trace: Trace) -> Rule:
    """Return the one of its two rules that `lrp.conv` applies to this layer, so that its line names it."""
    if not (isinstance(rule, partial) and rule.func is lrp.conv):
        return rule  # type: ignore[no-any-return]
    options = {"full": lrp.epsilon} | rule.keywords
    two = {name: _always(options.pop(name)) for name in ("local", "full")}
    chosen: Any = lrp.conv(node.layer, None, trace[node.output], trace[node.inputs[0]], **two)
    return partial(chosen, **options) if options else chosen


def _always(rule: Rule) -> Any:
    return lambda *arguments: rule
