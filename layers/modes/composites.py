"""Composites: tables of relevance rules, one line per idea. They mix with ``|`` like every mode.

`relevance(rule)` fills a table. `rule` serves layers that look at windows. `full` serves fully connected layers, and
convolutions as big as their input, which is what MatConvNet's fully connected layers are. `first` serves the layers
that read the network's input. `affine` serves averages, sums, batch normalisation and scaling (`affine` in the
operator's row). All tables agree on the other layers: relevance passes unchanged through activations, normalisations
(`one_to_one` in the row) and dropout; max pooling gives it to the winner; concatenations and crops (`copies` in the
row) give it to the values that they copied. Losses, distances, norm-dependent offsets and grids have no rule.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from refvis.layers import lrp
from refvis.layers.base.arrays import Array
from refvis.layers.bilinear_sampler import BilinearSampler
from refvis.layers.conv import Conv
from refvis.layers.conv_transpose import ConvTranspose
from refvis.layers.dropout import Dropout
from refvis.layers.exported.resize import Resize
from refvis.layers.foreign.global_pool import GlobalPool
from refvis.layers.foreign.noise_level import NoiseLevel
from refvis.layers.fully_connected import FullyConnected
from refvis.layers.operators import OPERATORS, Operator, Rule
from refvis.layers.pool import Pool
from refvis.layers.roi_pool import ROIPool
from refvis.layers.sum import Sum

FILTERED = (Conv, ConvTranspose, FullyConnected)
"""Layers with weights of their own, to which the rules of a composite apply."""


REGISTERED: dict[type, Rule] = {}
"""Rules of relevance of the layers that users registered with one, which every table has."""


@dataclass(frozen=True)
class First:
    """Key of a mode: the first layers of a type, with no layer of any `First` type between them and the input.

    >>> from refvis import layers, modes
    >>> mode = modes.EPSILON | {modes.First(layers.Conv): layers.lrp.flat}
    >>> modes.rule_for(mode, "conv1", layers.Conv(None), first=True).__name__
    'flat'
    >>> modes.rule_for(mode, "conv2", layers.Conv(None)).__name__
    'epsilon'
    """

    kind: type

    @property
    def __name__(self) -> str:
        """The key's name in a printed table."""
        return f"first {self.kind.__name__}"


def relevance(
    rule: Rule, full: Rule | None = None, first: Rule | None = None, affine: Rule = lrp.epsilon
) -> dict[Any, Rule]:
    """Return a table of relevance rules, layer type -> rule, for all layers that have one.

        rule     for layers with filters that look at windows
        full     for fully connected layers, and convolutions whose filters cover the whole input. Default: `rule`
        first    for the first layers with filters, those that read the network's input. Default: none of their own
        affine   for the other linear layers: averages, sums, batch normalisation, scaling, and those that users
                 registered with `affine`. Default: `lrp.epsilon`

    >>> from refvis import layers, modes
    >>> composite = modes.relevance(layers.lrp.z_plus, full=layers.lrp.epsilon, first=layers.lrp.w_square)
    >>> composite[layers.FullyConnected].__name__, composite[modes.First(layers.Conv)].__name__
    ('epsilon', 'w_square')
    """
    pooling = lrp.pool if affine is lrp.epsilon else partial(lrp.pool, average=affine)
    own: dict[Any, Rule] = {
        Conv: rule if full is None else partial(lrp.conv, local=rule, full=full),
        ConvTranspose: rule,
        FullyConnected: rule if full is None else full,
        Pool: pooling,
        ROIPool: pooling,
        GlobalPool: pooling,
        Dropout: lrp.passes,
        NoiseLevel: lrp.noise_level,
        **REGISTERED,
    }
    rules = {kind: own.get(kind) or default_rule(row, affine) for kind, row in OPERATORS.items()}
    table: dict[Any, Rule] = {kind: found for kind, found in rules.items() if found is not None}
    return table if first is None else table | {First(kind): first for kind in FILTERED}


def default_rule(row: Operator, affine: Rule) -> Rule | None:
    """Return the rule that follows from an operator's row, None if none does; `affine` is the rule of affine layers."""
    if row.one_to_one:
        return lrp.passes
    if row.copies:
        return row.gradient
    return None if row.affine is None else affine


def affine_rule(table: Mapping[Any, Rule]) -> Rule:
    """Return the rule of affine layers in a table that `relevance` filled: that of sums, the plainest of them."""
    return table[Sum]


ALPHA2_BETA1 = partial(lrp.alpha_beta, alpha=2.0, beta=1.0)
_zero = partial(lrp.epsilon, eps=0.0)

EPSILON = relevance(lrp.epsilon)
LRP_0 = relevance(_zero, affine=_zero)
Z_PLUS = relevance(lrp.z_plus)
EPSILON_PLUS = relevance(lrp.z_plus, full=lrp.epsilon)
EPSILON_PLUS_FLAT = relevance(lrp.z_plus, full=lrp.epsilon, first=lrp.flat)
EPSILON_GAMMA_BOX = relevance(lrp.gamma, full=lrp.epsilon, first=lrp.box)
EPSILON_ALPHA2_BETA1 = relevance(ALPHA2_BETA1, full=lrp.epsilon)
EPSILON_ALPHA2_BETA1_FLAT = relevance(ALPHA2_BETA1, full=lrp.epsilon, first=lrp.flat)
DEEP_TAYLOR = relevance(partial(lrp.z_plus, bias="absent"), first=lrp.w_square)
DEEP_TAYLOR_BOX = relevance(partial(lrp.z_plus, bias="absent"), first=lrp.box)
EXCITATION = relevance(lrp.excitation, affine=lrp.excitation) | dict.fromkeys((BilinearSampler, Resize), lrp.epsilon)
"""No field holds the weights of a sampler. None is negative, so that both rules agree where no response is."""


def bound_boxes(table: Mapping[Any, Rule], low: float | Array, high: float | Array) -> dict[Any, Rule]:
    """Return the table with the bounds `low` and `high` for every rule `lrp.box` in it that has none yet."""
    return {key: _bound_boxes(rule, {"low": low, "high": high}) for key, rule in table.items()}


def is_open_box(rule: Any) -> bool:
    """Return whether the rule is `lrp.box` without one of its bounds, or chooses it among others (`lrp.conv`)."""
    if not isinstance(rule, partial):
        return rule is lrp.box
    if rule.func is lrp.box:
        return not {"low", "high"} <= rule.keywords.keys()
    return any(map(is_open_box, rule.keywords.values()))


def _bound_boxes(rule: Any, bounds: dict[str, Any]) -> Any:
    """Return the rule with bounds if it is `lrp.box`; in a rule that chooses among others (`lrp.conv`), bound those."""
    if rule is lrp.box:
        return partial(rule, **bounds)
    if not isinstance(rule, partial):
        return rule
    own = {key: _bound_boxes(value, bounds) for key, value in rule.keywords.items()}
    return partial(rule.func, *rule.args, **(bounds | own if rule.func is lrp.box else own))
