"""The balance of a ledger: the error of the whole, and the reasons why single layers do not balance."""

from math import isfinite

from refvis.layers.ledger import Entry, Ledger

ABSORBED = ("bias", "stabiliser", "zero", "rest")
"""The amounts of relevance that do not arrive at an input."""

EXPECTED = {
    "lrp.contrastive": "what excites the opposite is subtracted, so about nothing is left",
    "lrp.tangent": "a first-order expansion leaves a remainder",
    "deeplift.": "multipliers do not add up by themselves, only multiplied by the differences of the inputs",
    "gradient": "a gradient does not distribute relevance, it differentiates",
    "relu.": "a gate discards signals by their sign",
}
"""Part of a rule's name -> why a layer with that rule does not balance. The first that fits counts."""
NOT_FINITE = "values are NaN or infinite"
DEFECT = "this rule should distribute, or book, all that it receives"
SILENT = "a rule of another package or file, which books nothing"


def error(ledger: Ledger) -> float:
    """Return |seeds - inputs - absorbed|, relative to the sum of these terms' absolute values; 0 if all are 0."""
    ends = [sum(ledger.seeds.values()), *(-value for value in ledger.inputs.values())]
    ends += [-ledger.sum(amount) for amount in ABSORBED]
    scale = sum(map(abs, ends))
    return abs(sum(ends)) / scale if scale else 0.0


def reasons(ledger: Ledger) -> dict[str, list[str]]:
    """Return each reason why layers do not balance, with those layers; {} if all balance."""
    layers: dict[str, list[str]] = {}
    for entry in ledger.unbalanced:
        layers.setdefault(_reason(entry), []).append(entry.node)
    return layers


def _reason(entry: Entry) -> str:
    if not isfinite(entry.rest):
        return f"not expected: {NOT_FINITE}"
    for part, reason in EXPECTED.items():
        if part in entry.rule:
            return f"expected: {reason}"
    return f"not expected: {DEFECT}" if entry.rule.startswith("lrp.") else f"unknown: {SILENT}"
