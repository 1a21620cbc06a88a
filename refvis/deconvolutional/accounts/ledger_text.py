"""A ledger as a table that a person can read and add up."""

from math import ceil, isfinite, log10
from textwrap import wrap
from typing import Any

from refvis.deconvolutional.accounts.balance import STAYED, error, reasons
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
"""Power of ten below which differences are not told apart: they are rounding in double."""


def described(ledger: Ledger, made: Record) -> str:
    """Return the ledger as text: what is explained, a line per layer from the top down, the sum, what is unbalanced.

    `made` is how it came about. An amount that is exactly zero is a dash.
    """
    form = common_format([*_amounts(ledger), *ledger.seeds.values(), *ledger.inputs.values()])
    parts = [*_heading(made, form), ""], [*_lines(ledger, form), ""], _sum(ledger, form), _balance(ledger)
    return "\n".join(line for part in parts for line in part)


def _amounts(ledger: Ledger) -> list[float]:
    totals = [ledger.sum(amount) for amount in STAYED]
    return [getattr(entry, amount) for entry in ledger.entries for amount in AMOUNTS] + totals


def _heading(made: Record, form: NumberFormat) -> list[str]:
    parameters: dict[str, Any] = made.parameters
    mode = parameters["mode"] if "\n" not in parameters["mode"] else "a table of rules"
    unit = [f"all amounts are times 1e{form.exponent}"] if form.exponent else []
    start = f"{mode}: from {escape_controls(made.explained)}, down to the input"
    box = [f"box: {parameters['box']}"] if "box" in parameters else []
    return [f"{start}; seed: {parameters['seed']}; {parameters['dtype']}", *box, *unit]


def _lines(ledger: Ledger, form: NumberFormat) -> list[str]:
    header = ("layer", "type", "rule", *TITLES.values())
    return underline_header(align_columns([header, *(_row(entry, form) for entry in ledger.entries)], 3))


def _row(entry: Entry, form: NumberFormat) -> tuple[str, ...]:
    amounts = (_text(name, getattr(entry, name), form, entry.balanced) for name in AMOUNTS)
    return *map(escape_controls, (entry.node, entry.layer, entry.rule)), *amounts


def _text(name: str, value: float, form: NumberFormat, balanced: bool) -> str:
    """Return an amount as text. A rest that is rounding, and does not show, is none."""
    return form.text(value if name != "rest" or not balanced or form.shows(value) else 0.0)


def _sum(ledger: Ledger, form: NumberFormat) -> list[str]:
    """Return the sum: the seed, and below it what became of it."""
    seeds = [("seed", name, form.text(value)) for name, value in ledger.seeds.items()]
    became = [("inputs", name, form.text(value)) for name, value in ledger.inputs.items()]
    totals = {amount: ledger.sum(amount) for amount in STAYED}
    became += [(TITLES[name], "", _text(name, value, form, not ledger.unbalanced)) for name, value in totals.items()]
    signs = "=" + "+" * (len(became) - 1)
    rows = [*seeds, *((f"{sign} {what}", name, value) for sign, (what, name, value) in zip(signs, became, strict=True))]
    lines = align_columns([tuple(map(escape_controls, row)) for row in rows], 2)
    return [*lines, _agreement(error(ledger))]


def _agreement(error: float) -> str:
    if not isfinite(error):
        return "the two sides cannot be compared: there are values that are NaN or infinite"
    return f"the two sides agree to 1e{max(LEAST, ceil(log10(error))) if error else LEAST} of their terms"


def _balance(ledger: Ledger) -> list[str]:
    """Return whether all layers balance, or else a sentence for each reason why not, with the layers below it."""
    found = reasons(ledger)
    if not found:
        return ["every layer balances"]
    lines = [f"{len(ledger.unbalanced)} of {len(ledger.entries)} layers do not balance"]
    for reason, nodes in found.items():
        lines += [
            reason,
            *wrap(", ".join(map(escape_controls, nodes)), WIDTH, initial_indent="  ", subsequent_indent="  "),
        ]
    return lines
