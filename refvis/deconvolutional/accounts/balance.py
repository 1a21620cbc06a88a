"""Whether a ledger adds up, and why a layer's line may not balance: what its rule does instead of sharing out."""

from math import isfinite

from refvis.layers.ledger import Entry, Ledger

STAYED = ("bias", "stabiliser", "zero", "rest")
"""The amounts that no input received."""

EXPECTED = {
    "lrp.contrastive": "what excites the opposite is subtracted, so that about nothing is left",
    "lrp.tangent": "a first-order expansion leaves a remainder",
    "deeplift.": "multipliers are handed on: times differences of inputs they add up, by themselves they do not",
    "gradient": "a gradient does not share out, it differentiates",
    "relu.": "a gate stops signals by their sign, and they go nowhere",
}
"""Part of a rule's name -> why a layer with that rule does not balance. The first that fits counts."""
NOT_FINITE = "values are NaN or infinite, and nothing adds up with them"
DEFECT = "this rule should share out, or book, all that it receives"
SILENT = "a rule of another package or file, which books nothing"


def error(ledger: Ledger) -> float:
    """Return |seeds - inputs - what stayed|, relative to the sum of these terms' absolute values; 0 if all are 0."""
    ends = [sum(ledger.seeds.values()), *(-value for value in ledger.inputs.values())]
    ends += [-ledger.sum(amount) for amount in STAYED]
    scale = sum(map(abs, ends))
    return abs(sum(ends)) / scale if scale else 0.0


def reasons(ledger: Ledger) -> dict[str, list[str]]:
    """Return why lines do not balance, and the layers of which that is true; {} if all balance."""
    found: dict[str, list[str]] = {}
    for entry in ledger.unbalanced:
        found.setdefault(_reason(entry), []).append(entry.node)
    return found


def _reason(entry: Entry) -> str:
    if not isfinite(entry.rest):
        return f"not expected: {NOT_FINITE}"
    for part, reason in EXPECTED.items():
        if part in entry.rule:
            return f"expected: {reason}"
    return f"not expected: {DEFECT}" if entry.rule.startswith("lrp.") else f"unknown: {SILENT}"
