"""Rules and modes at operators: what is verified by "epsilon at fully_connected" or "zennit:EpsilonPlus at conv"."""

from refvis.verify.kinds.rules.named import rule_kind, rule_names

__all__ = ["rule_kind", "rule_names"]
