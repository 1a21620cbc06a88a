"""Modes: what each type of layer does with the signal on its way back, as tables.

A mode is a dict from a layer type, or the name of one layer, to a rule ``(layer, signal, output, *inputs) -> signal
for each input``. A name wins over a type. Tables mix with ``|``:

    GUIDED = GRADIENT | {ReLU: relu.guided}
    EPSILON | {"fc6": functools.partial(lrp.epsilon, eps=0.25)}

Deconvnet keeps the pooling switches (the gradient of max pooling) and LRN's gradient. Epsilon relevance goes through
ReLU, LRN, Lp and spatial normalisation, softmax, sigmoid and dropout unchanged, and follows the values through
concatenations and crops. It has no rule for losses, distances, norm-dependent offsets and grids.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any, TypeAlias

from refvis.layers import concat, crop, lrp, relu
from refvis.layers.batch_norm import BatchNorm
from refvis.layers.bilinear_sampler import BilinearSampler
from refvis.layers.concat import Concat
from refvis.layers.conv import Conv
from refvis.layers.conv_transpose import ConvTranspose
from refvis.layers.crop import Crop
from refvis.layers.dropout import Dropout
from refvis.layers.fully_connected import FullyConnected
from refvis.layers.lrn import LRN
from refvis.layers.normalize_lp import NormalizeLp
from refvis.layers.operators import OPERATORS, Rule, title
from refvis.layers.pool import Pool
from refvis.layers.relu import ReLU
from refvis.layers.roi_pool import ROIPool
from refvis.layers.scale import Scale
from refvis.layers.sigmoid import Sigmoid
from refvis.layers.softmax import Softmax
from refvis.layers.spatial_norm import SpatialNorm
from refvis.layers.sum import Sum

Mode: TypeAlias = Mapping[Any, Rule]
"""Layer type or layer name -> rule."""

GRADIENT: dict[Any, Rule] = {kind: found.gradient for kind, found in OPERATORS.items()}
DECONVNET = GRADIENT | {ReLU: relu.deconvnet}
GUIDED = GRADIENT | {ReLU: relu.guided}
EPSILON: dict[Any, Rule] = {
    Conv: lrp.epsilon,
    ConvTranspose: lrp.epsilon,
    FullyConnected: lrp.epsilon,
    Pool: lrp.pool,
    ReLU: lrp.passes,
    LRN: lrp.passes,
    Sigmoid: lrp.passes,
    Softmax: lrp.passes,
    BatchNorm: lrp.batch_norm,
    NormalizeLp: lrp.passes,
    SpatialNorm: lrp.passes,
    ROIPool: lrp.pool,
    BilinearSampler: lrp.resampled,
    Dropout: lrp.passes,
    Sum: lrp.epsilon,
    Concat: concat.gradient,
    Scale: lrp.scale,
    Crop: crop.gradient,
}

MODES: dict[str, dict[Any, Rule]] = {
    "gradient": GRADIENT,
    "deconvnet": DECONVNET,
    "guided": GUIDED,
    "epsilon": EPSILON,
}


def find(mode: str | Mode) -> Mode:
    """Return the mode of that name (or the table itself, if it is one), or raise ValueError listing the names."""
    if isinstance(mode, Mapping):
        return mode
    if mode not in MODES:
        raise ValueError(f"unknown mode {mode!r}, expected one of {', '.join(MODES)}, or a table of rules")
    return MODES[mode]


def rule_for(mode: Mode, name: str, layer: Any) -> Rule:
    """Return the rule of that mode for the layer of that name, or raise ValueError naming layer and type."""
    rule = mode.get(name) or mode.get(type(layer))
    if rule is None:
        raise ValueError(
            f"the mode has no rule for layer {name!r} ({title(layer)}): add one, mode | {{{name!r}: rule}}"
        )
    if not callable(rule):
        raise ValueError(f"the mode's rule for layer {name!r} ({title(layer)}) is {rule!r}, expected a function")
    return rule


def is_relevance(mode: str | Mode) -> bool:
    """Return whether the mode propagates relevance: whether any of its rules stands in `lrp`."""
    return any(getattr(_innermost(rule), "__module__", "") == lrp.__name__ for rule in find(mode).values())


def _innermost(rule: Any) -> Any:
    return _innermost(rule.func) if isinstance(rule, partial) else rule


def table(mode: str | Mode) -> str:
    """Return the mode as a text that a person can read, one line per layer type or name."""
    rows = [(key if isinstance(key, str) else key.__name__, _rule_name(rule)) for key, rule in find(mode).items()]
    width = max((len(key) for key, _ in rows), default=0)
    return "\n".join(f"{key:{width}}  {rule}" for key, rule in rows)


def _rule_name(rule: Any) -> str:
    if isinstance(rule, partial):
        options = ", ".join(f"{key}={value!r}" for key, value in rule.keywords.items())
        return f"{_rule_name(rule.func)}({options})"
    module = getattr(rule, "__module__", "").rpartition(".")[2]
    return f"{module}.{getattr(rule, '__name__', repr(rule))}"
