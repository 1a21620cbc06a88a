"""View of the ledger on the page: the sum, and a line with a bar for each layer that kept some of the relevance."""

from typing import Any

from refvis.deconvolutional import Ledger
from refvis.deconvolutional.accounts.balance import ABSORBED, reasons
from refvis.layers.ledger import Entry
from refvis.report.texts import LEDGER_OTHERS, LEDGER_READING
from refvis.text.number_format import NumberFormat, common_format

DIGITS = 6
"""Digits of the largest amount on the page; the .h5 file has all digits."""

STOPS = dict(zip(ABSORBED, ("at biases", "at stabilisers", "at zero denominators", "unexplained"), strict=True))
"""Column of the ledger -> where that amount stayed, as the page names it."""


def ledger_view(ledger: Ledger) -> dict[str, Any]:
    """Return the values of the template: terms of the sum, lines with bars, and sentences."""
    seed = sum(ledger.seeds.values())
    form = common_format([seed, sum(ledger.inputs.values()), *(entry.received for entry in ledger.entries)], DIGITS)
    kept = [entry for entry in ledger.entries if _keeps(entry, form)]
    most = max((abs(_kept(entry)) for entry in kept), default=0.0)
    others = len(ledger.entries) - len(kept)
    return {
        "mode": ledger.record.parameters["mode"],
        "seed": form.text(seed),
        "terms": _terms(ledger, form),
        "unit": f"All amounts are times 1e{form.exponent}." if form.exponent else "",
        "elsewhere": any(form.shows(_elsewhere(entry)) for entry in kept),
        "lines": [_line(entry, form, most) for entry in kept],
        "reading": LEDGER_READING + (LEDGER_OTHERS.format(others) if others else ""),
        "reasons": [f"{', '.join(nodes)}: {reason}" for reason, nodes in reasons(ledger).items()],
    }


def _terms(ledger: Ledger, form: NumberFormat) -> list[tuple[str, str, str]]:
    """Return the terms that the seed splits into, as (sign, amount, name), without terms that round to zero."""
    terms = [("=", form.text(sum(ledger.inputs.values())), "at the input")]
    for amount, name in STOPS.items():
        value = ledger.sum(amount)
        if form.shows(value):
            terms.append(("+" if value > 0 else "−", form.text(abs(value)), name))
    return terms


def _line(entry: Entry, form: NumberFormat, most: float) -> dict[str, Any]:
    """Return a layer's line. The bar's start and width are in percent; it starts or ends at the middle, 50 %."""
    kept = _kept(entry)
    half = 50 * abs(kept) / most if most else 0.0
    return {
        "node": entry.node,
        "rule": entry.rule.removeprefix("lrp."),
        "received": form.text(entry.received),
        "bias": form.text(entry.bias),
        "other": form.text(_elsewhere(entry)),
        "gave": kept < 0,
        "start": 50 - half if kept < 0 else 50.0,
        "width": half,
    }


def _keeps(entry: Entry, form: NumberFormat) -> bool:
    """Return whether the layer kept or gave an amount that the digits show."""
    return form.shows(entry.bias) or form.shows(_elsewhere(entry)) or not entry.balanced


def _kept(entry: Entry) -> float:
    return entry.received - entry.passed


def _elsewhere(entry: Entry) -> float:
    """Return the amount that stayed at the layer, without biases and rounding."""
    return entry.stabiliser + entry.zero + (0.0 if entry.balanced else entry.rest)
