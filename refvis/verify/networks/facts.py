"""The facts when a network is held to a recording: theirs and ours, variable by variable and signal by signal."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from refvis.endings import scores_of
from refvis.layers import Array, Graph, modes
from refvis.layers.operators import Rule
from refvis.verify.networks.axes import find_layout, ours
from refvis.verify.networks.recording import SIGNALS, Recording
from refvis.verify.networks.rows import Row, RowPart, backward_rows, forward_rows, misfit_row
from refvis.verify.tolerance import roundings

Seed = Array | Mapping[str, Array] | None


@dataclass
class Facts:
    """A comparison, with all arrays in float64, N x H x W x C, by variable.

    net        the network
    trace      our variables
    variables  theirs
    signals    their signals
    values     theirs, or what our layers make of theirs where they lack one
    passed     the same for signals
    rules      the rule of each layer, by its name
    rows       the table
    notes      what was guessed or left out
    """

    net: Graph
    trace: dict[str, Array]
    variables: dict[str, Array]
    signals: dict[str, Array]
    rules: Mapping[str, Rule]
    values: dict[str, Array] = field(default_factory=dict)
    passed: dict[str, Array] = field(default_factory=dict)
    rows: tuple[Row, ...] = ()
    misfits: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def facts_of(
    net: Graph, x: Array, found: Recording, seed: Seed, mode: str | modes.Mode | None, layout: str | None
) -> Facts:
    """Return the comparison of a recording with the network's own variables, and signals if it has some.

    Raises ValueError where the sizes do not tell the layout.
    """
    trace = net.forward(x)
    shapes = {name: values.shape for name, values in trace.items()}
    order, note = find_layout({**found.variables, **found.signals}, shapes, layout)
    used: str | modes.Mode = "gradient" if mode is None else mode
    variables, wrong = _moved(found.variables, shapes, order, "")
    signals, wrong_signals = _moved(found.signals, shapes, order, SIGNALS)
    facts = Facts(net, dict(trace), variables, signals, modes.resolved(used, net.nodes))
    facts.misfits = {**wrong, **wrong_signals}
    ignored = ", ".join(found.ignored)
    facts.notes = tuple(one for one in (note, ignored and f"the network has no such names: {ignored}") if one)
    u = roundings(found.dtype)
    rows, facts.values = forward_rows(net, variables, facts.trace, u)
    if signals:
        start = seeds(net, seed, signals, facts.trace)
        right = net.backward(trace, start, used)
        back, facts.passed = backward_rows(net, facts.rules, start, facts.values, signals, right, u)
        rows += back
    facts.rows = _with_misfits(net, rows, facts.misfits, shapes)
    return facts


def _with_misfits(
    net: Graph, rows: list[Row], misfits: Mapping[str, str], shapes: Mapping[str, tuple[int, ...]]
) -> tuple[Row, ...]:
    """Return the rows with one for each variable of another shape, in the order of computation."""
    writers = {node.output: node.name for node in net.nodes}
    readers = {name: node.name for node in reversed(net.nodes) for name in node.inputs}
    for name in misfits:
        variable = name.removeprefix(SIGNALS)
        part: RowPart = "backward" if name != variable else "forward" if variable in writers else "input"
        layer = (readers if part == "backward" else writers).get(variable, variable)
        rows.append(misfit_row(part, layer, variable, shapes[variable]))
    place = {name: number for number, name in enumerate(shapes)}
    order = {"input": 0, "forward": 1, "backward": 2}
    return tuple(
        sorted(rows, key=lambda row: (order[row.part], place[row.variable] * (-1 if row.part == "backward" else 1)))
    )


def seeds(net: Graph, seed: Seed, signals: Mapping[str, Array], trace: Mapping[str, Array]) -> dict[str, Array]:
    """Return the signals from which the backward pass starts, by variable.

    They are those given; else the topmost of theirs; else one for every value of the scores.
    """
    if isinstance(seed, Mapping):
        return {net.variable(name): np.asarray(value, "float64") for name, value in seed.items()}
    if seed is not None:
        return {end_of(net): np.asarray(seed, "float64")}
    for node in reversed(net.nodes):
        if node.output in signals:
            return {node.output: signals[node.output]}
    return {end_of(net): np.ones_like(trace[end_of(net)])}


def end_of(net: Graph) -> str:
    """Return the variable of the scores, before softmax and losses; of several, the last."""
    return (scores_of(net) or net.outputs)[-1]


def _moved(
    arrays: Mapping[str, Array], shapes: Mapping[str, tuple[int, ...]], layout: str, before: str
) -> tuple[dict[str, Array], dict[str, str]]:
    """Return the arrays in this project's layout, and what is wrong with those of another shape."""
    found, misfits = {}, {}
    for name in (one for one in arrays if one in shapes):
        try:
            found[name] = ours(arrays[name], shapes[name], layout)
        except ValueError as error:
            misfits[before + name] = str(error)
    return found, misfits
