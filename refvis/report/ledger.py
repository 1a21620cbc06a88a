"""The ledger as the page shows it: the sum, and a line and a bar for each layer that kept some of the relevance."""

from typing import Any

from refvis.deconvolutional import Ledger
from refvis.deconvolutional.accounts.balance import STAYED, reasons
from refvis.layers.ledger import Entry
from refvis.report.texts import LEDGER_OTHERS, LEDGER_READING
from refvis.text.number_format import Form, form_for

DIGITS = 6
"""Digits of the largest amount on the page; the .h5 file has all."""

STOPS = dict(zip(STAYED, ("at biases", "at stabilisers", "at zero denominators", "unexplained"), strict=True))
"""Amount that no input received -> where it stayed."""


def ledger_view(ledger: Ledger) -> dict[str, Any]:
    """Return what the template needs: terms of the sum, lines with bars, sentences."""
    seed = sum(ledger.seeds.values())
    form = form_for([seed, sum(ledger.inputs.values()), *(entry.received for entry in ledger.entries)], DIGITS)
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


def _terms(ledger: Ledger, form: Form) -> list[tuple[str, str, str]]:
    """Return what the seed became: signs, amounts, names. What rounds to zero is left out."""
    terms = [("=", form.text(sum(ledger.inputs.values())), "at the input")]
    for amount, name in STOPS.items():
        value = ledger.sum(amount)
        if form.shows(value):
            terms.append(("+" if value > 0 else "−", form.text(abs(value)), name))
    return terms


def _line(entry: Entry, form: Form, most: float) -> dict[str, Any]:
    """Return a layer's line. Its bar has a start and width in percent of the room; at the middle nothing stayed."""
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


def _keeps(entry: Entry, form: Form) -> bool:
    """Whether something stayed at the layer, or came from it, that shows."""
    return form.shows(entry.bias) or form.shows(_elsewhere(entry)) or not entry.balanced


def _kept(entry: Entry) -> float:
    return entry.received - entry.passed


def _elsewhere(entry: Entry) -> float:
    """Return what stayed at the layer, biases and rounding aside."""
    return entry.stabiliser + entry.zero + (0.0 if entry.balanced else entry.rest)
