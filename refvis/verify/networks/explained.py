"""The report on a comparison: the reason is sought at the first row that differs."""

from dataclasses import replace

import numpy as np

from refvis.layers import Array, backward, forward
from refvis.verify.networks.facts import Facts
from refvis.verify.networks.reasons import Place, input_reason, reason_at
from refvis.verify.networks.recording import SIGNALS
from refvis.verify.networks.report import NetworkReport
from refvis.verify.networks.rows import Row
from refvis.verify.reason import Reason
from refvis.verify.smallest import Clock


def explained(facts: Facts, clock: Clock) -> NetworkReport:
    """Return the report, with the reason at the first row that differs."""
    report = NetworkReport(str(getattr(facts.net, "name", "network")), facts.rows, notes=facts.notes)
    row = report.first_row
    if row is None:
        return report
    misfit = facts.misfits.get(f"{SIGNALS}{row.variable}" if row.part == "backward" else row.variable)
    if misfit is not None:
        return replace(report, because=Reason("shape", misfit, "invalid", "LAYOUT"))
    if row.part == "input":
        theirs, own = facts.variables[row.variable], facts.trace[row.variable]
        because = input_reason(theirs, own, row.rounding * largest(own))
        return replace(report, because=because, expected={row.variable: own}, theirs={row.variable: theirs})
    place = _backward_place(facts, row) if row.part == "backward" else _forward_place(facts, row)
    inputs = dict(zip(place.node.inputs, place.inputs, strict=True))
    if place.signal is not None:
        inputs["signal"] = place.signal
    return replace(
        report,
        because=reason_at(place, clock),
        layer=place.node.layer,
        inputs=inputs,
        expected={row.variable: place.whole},
        theirs={row.variable: place.theirs},
    )


def _forward_place(facts: Facts, row: Row) -> Place:
    node = facts.net.node(row.name)
    inputs = tuple(facts.values[name] for name in node.inputs)
    own = forward(node.layer, *inputs)
    return Place(node, "forward", inputs, facts.variables[row.variable], own, row.rounding * largest(own))


def _backward_place(facts: Facts, row: Row) -> Place:
    node = facts.net.node(row.name)
    inputs = tuple(facts.values[name] for name in node.inputs)
    signal, index, rule = facts.passed[node.output], node.inputs.index(row.variable), facts.rules[node.name]
    own = backward(node.layer, signal, None, *inputs, rule=rule)[index]
    rest = _from_others(facts, row, own)
    allowed = row.rounding * largest(own + rest)
    return Place(node, "backward", inputs, facts.signals[row.variable], own, allowed, signal, rest, index, rule)


def _from_others(facts: Facts, row: Row, like: Array) -> Array:
    """Return what other layers than the row's add to the signal at its variable."""
    total = np.zeros_like(like)
    for node in facts.net.nodes:
        if node.name != row.name and row.variable in node.inputs and node.output in facts.passed:
            inputs = [facts.values[one] for one in node.inputs]
            each = backward(node.layer, facts.passed[node.output], None, *inputs, rule=facts.rules[node.name])
            total = total + each[node.inputs.index(row.variable)]
    return total


def largest(values: Array) -> float:
    """Return the largest size of a value, by which a row's differences are divided; 1 if all are zero."""
    return float(np.nanmax(np.abs(values), initial=0.0)) or 1.0
