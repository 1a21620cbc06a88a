"""The ledger of a backward pass: the relevance that each layer receives, passes and absorbs, so that it adds up."""

from dataclasses import dataclass
from functools import partial
from typing import Any

from refvis.backpropagation.backward_pass import choose_seed, seed_signal
from refvis.backpropagation.rules import bounded_rules, mode_text
from refvis.deconvolutional.accounts import balance
from refvis.deconvolutional.accounts.ledger_text import ledger_table
from refvis.layers import Array, Node, Trace, lrp, modes
from refvis.layers import ledger as books
from refvis.layers.base.arrays import require_float
from refvis.layers.operators import Rule
from refvis.network import Network, require_network
from refvis.results import Record, record
from refvis.targets import target
from refvis.units import Against, Channel, Selection


@dataclass(frozen=True, eq=False, repr=False)
class Ledger(books.Ledger):
    """The ledger of `refvis.layers.ledger.Ledger`, with the record of how it was made; prints as a table.

    Fields:

        entries  a line for each layer, from the top down: the amounts received, passed on and absorbed
        seeds    variable -> sum of the relevance that starts there
        inputs   variable -> sum of the relevance that arrives there
        signals  variable -> the relevance of the backward pass itself
        record   the method, its parameters, the model and the versions

    >>> import refvis
    >>> net = refvis.load("scenes")
    >>> x = net.preprocess(refvis.scenes.scene(7).image)
    >>> account = refvis.ledger(net, x, "epsilon")
    >>> account.entries[0].node, account.unbalanced, account.error < 1e-12
    ('fc8', (), True)
    """

    record: Record

    @property
    def error(self) -> float:
        """The size of seed - (inputs + biases + stabilisers + zeros + rest), relative to the sum of their sizes."""
        return balance.error(self)

    def __str__(self) -> str:
        """Return the table, the sum below it, and a sentence on the layers that do not balance."""
        return ledger_table(self, self.record)

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

        received = passed + bias + stabiliser + zero + rest

    Parameters:

        net       the network
        x         images as its input, N x H x W x C: see `Network.preprocess`
        mode      the rules of the backward pass, by name or as a table. Default: "epsilon_plus_flat"
        at        the layer or variable explained. Default: the scores before softmax
        channel   its channel, by number or class name; or "all". Default: the strongest of each image
        seed      "one", "activation", or an array with a row for each image, as in `deconvolution`
        position  one position (y, x) of the channel's map. Default: all positions
        against   a channel whose map is subtracted. Default: nothing is subtracted
        dtype     "float64" or "float32", in which all is computed, whatever the dtypes of `net` and `x`. Sums agree to
                  about 1e-15 and 1e-6. Default: "float64"

    The ledger prints as a table. Amounts are sums over the batch. `ledger.error` is the error of the whole sum,
    `ledger.unbalanced` has the layers that do not balance.
    Raises ValueError for several channels; and ValueError and ShapeError as `deconvolution` does.

    >>> import refvis
    >>> net = refvis.load("scenes")
    >>> x = net.preprocess(refvis.scenes.scene(7).image)
    >>> refvis.ledger(net, x)
    Ledger(22 layers, 0 unbalanced; print it to see the table)
    """
    require_network(net)
    require_float(x, "the input")
    x = x.astype(dtype, copy=False)
    goal, trace = target(net.astype(dtype), x, Selection(at, channel, position, against))
    rules, bounds = bounded_rules(net, goal.net, x, mode)
    goal, start, choices = choose_seed(seed, rules, goal, len(x), channel)
    if len(goal.channels) != len(x):
        raise ValueError(f"a ledger explains one channel, found {len(goal.channels) // len(x)}: make a ledger for each")
    signal = seed_signal(goal, trace[goal.variable], start)
    applied = {
        name: _applied_rule(rule, goal.net.node(name), trace)
        for name, rule in modes.resolved(rules, goal.net.nodes).items()
    }
    kept = books.keep(goal.net, trace, {goal.variable: signal}, {**rules, **applied})
    provenance = record("ledger", net, x, mode=mode_text(mode, goal.net), **choices, **bounds, dtype=dtype)
    return Ledger(**vars(kept), record=provenance)


def _applied_rule(rule: Any, node: Node, trace: Trace) -> Rule:
    """Return the one of its two rules that `lrp.conv` applies to this layer, so that the ledger shows its name."""
    if not (isinstance(rule, partial) and rule.func is lrp.conv):
        return rule  # type: ignore[no-any-return]
    options = {"full": lrp.epsilon} | rule.keywords
    both = {name: _constant(options.pop(name)) for name in ("local", "full")}
    chosen: Any = lrp.conv(node.layer, None, trace[node.output], trace[node.inputs[0]], **both)
    return partial(chosen, **options) if options else chosen


def _constant(rule: Rule) -> Any:
    return lambda *arguments: rule
