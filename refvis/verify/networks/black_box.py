"""An implementation that runs networks and gives only their result: bisection over prefixes finds the layer.

A prefix is the network up to a layer. Its output, or the signal that a fixed signal at its output gives at the input,
agrees as long as the layers in it do. The first prefix that disagrees ends in the layer that differs.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from refvis.layers import Array, Graph, modes
from refvis.verify.foreign import as_numpy
from refvis.verify.layouts import to_layout
from refvis.verify.networks.explained import explained
from refvis.verify.networks.facts import Seed, facts_of
from refvis.verify.networks.recording import SIGNALS, Recording, recorded
from refvis.verify.networks.report import NetworkReport
from refvis.verify.networks.rows import APART, Row, allowance, difference, misfit_row
from refvis.verify.reason import Reason
from refvis.verify.smallest import Clock

FORM = ("raises", "shape")
"""Reasons that need no search: the function fails, or its result has another shape."""

AGREE = ("equal", "rounding", "mistrusted")


@dataclass(frozen=True)
class BlackBox:
    """A function that runs networks.

    net     the whole network
    x       its input, N x H x W x C, float64
    run     ``(net, x) -> output``, or ``(net, x, seed) -> signal at the input``; or a mapping of arrays
    mode    of the backward pass; None: the output is compared
    layout  the order of its axes
    dtype   what it gets
    clock   when to stop
    """

    net: Graph
    x: Array
    run: Callable[..., Any]
    mode: str | modes.Mode | None
    layout: str
    dtype: str
    clock: Clock

    def report(self, seed: Seed) -> NetworkReport:
        """Return the report on the whole network; `seed` is the signal at its last layer."""
        trace = self.net.forward(self.x)
        names = [node.name for node in self.net.nodes if node.output in trace]
        starts = self._starts(names, trace, seed)
        name = first_prefix(names, lambda one: self._compared(one, starts).verdict in AGREE)
        return self._compared(names[-1], starts) if name is None else self._at(name, starts)

    def _starts(self, names: list[str], trace: Mapping[str, Array], seed: Seed) -> dict[str, Array]:
        """Return a fixed signal at the output of every prefix: small integers, or the one given for a layer."""
        random = np.random.default_rng(0)
        starts = {name: random.integers(-3, 4, trace[name].shape).astype("float64") for name in names}
        if isinstance(seed, Mapping):
            return starts | {self.net.node(name).name: np.asarray(s, "float64") for name, s in seed.items()}
        return starts if seed is None else starts | {names[-1]: np.asarray(seed, "float64")}

    def _given(self, part: Graph, start: Array) -> Recording:
        inputs = to_layout(self.x.astype(self.dtype), self.layout)
        arguments = (inputs,) if self.mode is None else (inputs, to_layout(start.astype(self.dtype), self.layout))
        returned = self.run(part, *arguments)
        if not isinstance(returned, Mapping):
            name = part.nodes[-1].output if self.mode is None else f"{SIGNALS}{part.inputs[0]}"
            returned = {name: as_numpy(returned)}
        return recorded(returned, part)

    def _compared(self, name: str, starts: Mapping[str, Array], search: bool = False) -> NetworkReport:
        """Return the report on a prefix, with the reason if it is to be searched; a function that raises differs."""
        part = self.net.upto(name)
        try:
            found = self._given(part, starts[name])
        except Exception as error:
            return _raised(part, name, error)
        facts = facts_of(part, self.x, found, {name: starts[name]}, self.mode, self.layout)
        return explained(facts, self.clock) if search else NetworkReport(_name(self.net), facts.rows)

    def _at(self, name: str, starts: Mapping[str, Array]) -> NetworkReport:
        """Return the report on the first prefix that disagrees: its last layer differs."""
        part = self.net.upto(name)
        report = self._compared(name, starts, search=True)
        if report.first_row is not None and report.because is not None and report.because.name not in FORM:
            report = self._forward(part, starts) if self.mode is None else self._backward(report, part, name, starts)
        note = f"found by bisection: the network agrees up to the layer before {name!r}"
        return replace(report, name=_name(self.net), notes=(*report.notes, note))

    def _forward(self, part: Graph, starts: Mapping[str, Array]) -> NetworkReport:
        """Return the report in which the variables before the last layer, which agree, are ours."""
        last, trace = part.nodes[-1], part.forward(self.x)
        found = self._given(part, starts[last.name])
        own = {one: to_layout(values, self.layout) for one, values in trace.items() if one != last.output}
        merged = Recording({**own, last.output: found.variables[last.output]})
        return explained(facts_of(part, self.x, merged, None, None, self.layout), self.clock)

    def _backward(self, report: NetworkReport, part: Graph, name: str, starts: Mapping[str, Array]) -> NetworkReport:
        """Return the report with the layer `name`, and the mode whose rule there explains their signal at the input."""
        row = report.first_row
        if row is None:
            return report
        rows = tuple(replace(one, name=name) if one is row else one for one in report.rows)
        because = self._mode_at(part, name, starts[name], report.theirs[row.variable], row)
        return replace(report, rows=rows, because=because, layer=part.node(name).layer)

    def _mode_at(self, part: Graph, name: str, start: Array, theirs: Array, row: Row) -> Reason:
        """Return the mode whose rule at one layer gives their signal; "unknown" if none does."""
        node, trace = part.node(name), part.forward(self.x)
        for other, table in modes.MODES.items():
            rule = modes.resolved(table, (node,)).get(name)
            if rule is None or self.clock.over:
                continue
            try:
                table = {**modes.find(self.mode or "gradient"), name: rule}
                values = part.backward(trace, {name: start}, table)[row.variable]
            except (ValueError, TypeError):
                continue
            off, allowed = difference(theirs, values), allowance(values, None, float(np.finfo(self.dtype).eps))
            if float(np.sqrt((off * off).sum())) <= APART * max(allowed.root, row.rounding * allowed.root):
                text = f"its backward pass here is that of the mode {other!r}"
                return Reason(f"mode_{other}", text, "invalid", "CONVENTION", page="modes/index.html")
        return Reason("unknown", "no rule of a known mode at this layer gives their signal")


def first_prefix(names: list[str], agrees: Callable[[str], bool]) -> str | None:
    """Return the name of the first layer whose prefix disagrees; None if the whole network agrees.

    About log2 of the number of layers are asked. It is taken for granted that what disagrees once does so from there
    on; the prefix before the one that is returned did agree.
    """
    if agrees(names[-1]):
        return None
    low, high = -1, len(names) - 1
    while high - low > 1:
        middle = (low + high) // 2
        if agrees(names[middle]):
            low = middle
        else:
            high = middle
    return names[high]


def _raised(part: Graph, name: str, error: Exception) -> NetworkReport:
    """Return the report on a function that raised."""
    text = f"it raises {type(error).__name__}: {' '.join(str(error).split())}"[:300]
    variable = part.nodes[-1].output
    row = misfit_row("forward", name, variable, ())
    return NetworkReport(_name(part), (row,), Reason("raises", text, "invalid", "UNSUPPORTED"))


def _name(net: Graph) -> str:
    return str(getattr(net, "name", "network"))
