"""Backward modes as tables of rules: each type of layer has a rule that passes the signal back."""

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
    relevance,
)
from refvis.layers.modes.lookup import firsts, is_relevance, resolved, rule_for
from refvis.layers.modes.peers import PEERS
from refvis.layers.modes.tables import (
    DECONVNET,
    DEEPLIFT,
    GRADIENT,
    GUIDED,
    MODES,
    Mode,
    desalinet,
    find,
    with_box,
)
from refvis.layers.modes.text import applied, rule_name, table

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
    "PEERS",
    "Z_PLUS",
    "First",
    "Mode",
    "applied",
    "desalinet",
    "find",
    "firsts",
    "is_relevance",
    "relevance",
    "resolved",
    "rule_for",
    "rule_name",
    "table",
    "with_box",
]
