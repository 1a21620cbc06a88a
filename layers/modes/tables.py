"""Modes as tables: each type of layer has a rule that passes the signal back.

A mode is a dict from a layer type, `First(type)`, or the name of one layer, to a rule ``(layer, signal, output,
*inputs) -> signal for each input``. A name wins over `First`, which wins over a type. Tables mix with ``|``:

    GUIDED = GRADIENT | {ReLU: relu.guided, PReLU: prelu.guided}
    EPSILON_PLUS | {"fc6": functools.partial(lrp.epsilon, eps=0.25)}

Tables of relevance stand in `composites.py`. `lookup.py` finds the rule of each node, and `text.py` prints tables.
Deconvnet and guided backpropagation keep the pooling switches (the gradient of max pooling) and LRN's gradient;
`desalinet` makes each of these choices a parameter.
"""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, TypeAlias

from refvis.layers import lrp, pool, relu
from refvis.layers.base.arrays import Array
from refvis.layers.batch_norm import BatchNorm
from refvis.layers.exported import clip, hard_swish
from refvis.layers.exported.clip import Clip
from refvis.layers.exported.hard_swish import HardSwish
from refvis.layers.foreign import prelu
from refvis.layers.foreign.axpy import Axpy
from refvis.layers.foreign.global_pool import GlobalPool
from refvis.layers.foreign.prelu import PReLU
from refvis.layers.lrn import LRN
from refvis.layers.modes import deeplift, peers
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
    bound_boxes,
    is_open_box,
)
from refvis.layers.operators import OPERATORS, Rule
from refvis.layers.pool import Pool
from refvis.layers.relu import ReLU
from refvis.layers.roi_pool import ROIPool
from refvis.layers.scale import Scale

Mode: TypeAlias = Mapping[Any, Rule]
"""Layer type, First(type) or layer name -> rule."""

GRADIENT: dict[Any, Rule] = {kind: operator.gradient for kind, operator in OPERATORS.items()}
DECONVNET = GRADIENT | {
    ReLU: relu.deconvnet,
    PReLU: prelu.deconvnet,
    Clip: clip.deconvnet,
    HardSwish: hard_swish.deconvnet,
}
GUIDED = GRADIENT | {ReLU: relu.guided, PReLU: prelu.guided, Clip: clip.guided, HardSwish: hard_swish.guided}
RECTIFIERS = (ReLU, PReLU, Clip, HardSwish)
"""Layers that deconvnet and guided backpropagation gate."""

DEEPLIFT: dict[Any, Rule] = {
    **GRADIENT,
    BatchNorm: deeplift.batch_norm,
    Pool: deeplift.pool,
    ROIPool: deeplift.pool,
    GlobalPool: deeplift.pool,
    Scale: deeplift.midpoint,
    Axpy: deeplift.midpoint,
    **{kind: deeplift.rescale for kind, operator in OPERATORS.items() if operator.one_to_one},
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
    """Return the table with these four switches (Mahendran & Vedaldi 2016, section 2). All are on by default.

        relu_mask         the signal passes a ReLU where the input was positive
        backward_relu     the signal passes a ReLU where the signal is positive
        pooling_switches  max pooling sends the signal to the winner; off: to the centre of the window
        lrn_gradient      LRN passes the signal on by its gradient; off: unchanged

    The first two are (True, False) for the paper's SaliNet, (False, True) for its DeconvNet and (True, True) for its
    DeSaliNet: with the other switches on, these are the modes gradient, deconvnet and guided. In the authors' code, LRN
    passes the signal of the last two unchanged.

    >>> from refvis import layers, modes
    >>> table = modes.desalinet(relu_mask=False, pooling_switches=False)
    >>> modes.rule_name(table[layers.ReLU]), modes.rule_name(table[layers.Pool])
    ('relu.deconvnet', 'pool.centred')
    """
    tables = {(True, True): GUIDED, (True, False): GRADIENT, (False, True): DECONVNET}
    rectifiers = tables.get((relu_mask, backward_relu), dict.fromkeys(RECTIFIERS, lrp.passes))
    return (
        GRADIENT
        | {kind: rectifiers[kind] for kind in RECTIFIERS}
        | ({} if pooling_switches else {Pool: pool.centred})
        | ({} if lrn_gradient else {LRN: lrp.passes})
    )


def with_box(mode: str | Mode, low: float | Array, high: float | Array) -> dict[Any, Rule]:
    """Return the table with the bounds `low` and `high` for every rule `lrp.box` in it that has none yet.

        mode   a name, or a table
        low    the least value that a pixel of the network's input can have: a number, or an array that broadcasts
               against the input of the first layer, N x H x W x C
        high   the largest value, given likewise

    Raises ValueError for a table without such a rule.

    >>> from refvis import layers, modes
    >>> table = modes.with_box("epsilon_gamma_box", -1.0, 1.0)
    >>> modes.rule_name(table[modes.First(layers.Conv)])
    'lrp.box(low=-1.0, high=1.0)'
    """
    rules = find(mode)
    if not any(map(is_open_box, rules.values())):
        names = ", ".join(name for name, one in MODES.items() if any(map(is_open_box, one.values())))
        raise ValueError(f"the mode has no box rule without bounds, expected one such as {names}")
    return bound_boxes(rules, low, high)


def find(mode: str | Mode) -> Mode:
    """Return the mode of that name, or the table itself if it is one; raise ValueError listing the names.

    A name may also be another library's, of those in `peers.py`: "zennit:EpsilonPlus", "captum:GammaRule(gamma=0.4)".

    >>> from refvis import modes
    >>> modes.find("guided") is modes.GUIDED
    True
    """
    if isinstance(mode, Mapping):
        return mode
    if isinstance(mode, str) and peers.is_peer(mode):
        return peers.table_of(mode)
    if mode not in MODES:
        near = get_close_matches(str(mode), list(MODES), 1, 0.5)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise ValueError(f"unknown mode {mode!r}, expected one of {', '.join(MODES)}, or a table of rules{hint}")
    return MODES[mode]
