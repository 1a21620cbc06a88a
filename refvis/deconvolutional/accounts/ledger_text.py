"""Ledgers as tables to read and to add up."""

from math import ceil, isfinite, log10
from textwrap import wrap
from typing import Any

from refvis.deconvolutional.accounts.balance import ABSORBED, error, reasons
from refvis.layers.ledger import AMOUNTS, Entry, Ledger
from refvis.results.record import Record
from refvis.text.number_format import NumberFormat, common_format
from refvis.text.terminal import align_columns, escape_controls, underline_header

TITLES = {
    "received": "received",
    "passed": "passed",
    "bias": "to biases",
    "stabiliser": "to stabilisers",
    "zero": "at zeros",
    "rest": "unexplained",
}
"""Amount -> what its column is called."""

WIDTH = 100
"""Characters of a line of names."""

LEAST = -15
"""The smallest power of ten in which agreement is stated: below are rounding errors of float64."""


def ledger_table(ledger: Ledger, provenance: Record) -> str:
    """Return the ledger as text: the unit explained, a line per layer from the top down, the sum, unbalanced layers.

    An amount that is exactly zero is printed as a dash.
    """
    form = common_format([*_amounts(ledger), *ledger.seeds.values(), *ledger.inputs.values()])
    parts = [*_heading(provenance, form), ""], [*_lines(ledger, form), ""], _sum(ledger, form), _balance(ledger)
    return "\n".join(line for part in parts for line in part)


def _amounts(ledger: Ledger) -> list[float]:
    totals = [ledger.sum(amount) for amount in ABSORBED]
    return [getattr(entry, amount) for entry in ledger.entries for amount in AMOUNTS] + totals


def _heading(provenance: Record, form: NumberFormat) -> list[str]:
    parameters: dict[str, Any] = provenance.parameters
    mode = parameters["mode"] if "\n" not in parameters["mode"] else "a table of rules"
    unit = [f"all amounts are times 1e{form.exponent}"] if form.exponent else []
    start = f"{mode}: from {escape_controls(provenance.explained)}, down to the input"
    box = [f"box: {parameters['box']}"] if "box" in parameters else []
    return [f"{start}; seed: {parameters['seed']}; {parameters['dtype']}", *box, *unit]


def _lines(ledger: Ledger, form: NumberFormat) -> list[str]:
    header = ("layer", "type", "rule", *TITLES.values())
    return underline_header(align_columns([header, *(_row(entry, form) for entry in ledger.entries)], 3))


def _row(entry: Entry, form: NumberFormat) -> tuple[str, ...]:
    amounts = (_amount_text(name, getattr(entry, name), form, entry.balanced) for name in AMOUNTS)
    return *map(escape_controls, (entry.node, entry.layer, entry.rule)), *amounts


def _amount_text(name: str, value: float, form: NumberFormat, balanced: bool) -> str:
    """Return an amount as text. A rest that is rounding, and too small to show, counts as zero."""
    return form.text(value if name != "rest" or not balanced or form.shows(value) else 0.0)


def _sum(ledger: Ledger, form: NumberFormat) -> list[str]:
    """Return the sum: the seed, and below it the amounts that it was distributed to."""
    seeds = [("seed", name, form.text(value)) for name, value in ledger.seeds.items()]
    terms = [("inputs", name, form.text(value)) for name, value in ledger.inputs.items()]
    totals = {amount: ledger.sum(amount) for amount in ABSORBED}
    terms += [
        (TITLES[name], "", _amount_text(name, value, form, not ledger.unbalanced)) for name, value in totals.items()
    ]
    signs = "=" + "+" * (len(terms) - 1)
    rows = [
        *seeds,
        *((f"{sign} {title}", name, value) for sign, (title, name, value) in zip(signs, terms, strict=True)),
    ]
    lines = align_columns([tuple(map(escape_controls, row)) for row in rows], 2)
    return [*lines, _agreement(error(ledger))]


def _agreement(error: float) -> str:
    if not isfinite(error):
        return "the two sides cannot be compared: some values are NaN or infinite"
    return f"the two sides agree to 1e{max(LEAST, ceil(log10(error))) if error else LEAST} of their terms"


def _balance(ledger: Ledger) -> list[str]:
    """Return the line that all layers balance, or each reason why some do not, with those layers below it."""
    unbalanced = reasons(ledger)
    if not unbalanced:
        return ["every layer balances"]
    lines = [f"{len(ledger.unbalanced)} of {len(ledger.entries)} layers do not balance"]
    for reason, nodes in unbalanced.items():
        lines += [
            reason,
            *wrap(", ".join(map(escape_controls, nodes)), WIDTH, initial_indent="  ", subsequent_indent="  "),
        ]
    return lines
