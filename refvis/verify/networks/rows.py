"""The table of a network: each variable and signal, how far it is off, and how far it is off because of its own layer.

The running difference compares theirs with ours. It tells where a difference becomes visible. The local difference
compares theirs with what our layer makes of THEIR input and signal. It tells where the difference is made.

The yardstick is what float32 alone loses in that place: our fast layers in float32 against float64, scaled to the
dtype of theirs. A local difference of up to YARDSTICK times that is rounding. Differences are measured twice, by the
largest and by the root of the sum of squares: where float32 decides a maximum or a gate otherwise, single values are
far off, and the second measure, of which float32 loses much the same whatever the order, still tells a mistake.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from refvis.layers import Array, Graph, backward, forward
from refvis.layers.operators import Rule
from refvis.verify.tolerance import YARDSTICK, roundings

APART = 30.0
"""Beyond so many times what rounding may make, two results differ."""

RowPart = Literal["input", "forward", "backward"]
RowVerdict = Literal["equal", "rounding", "mistrusted", "differs"]


@dataclass(frozen=True)
class Row:
    """One variable, or the signal at one.

    part      "forward": the variable's values; "backward": the signal there; "input": the network's input
    name      the layer that is responsible: it writes the variable, or reads it in the backward pass
    variable  the variable
    shape     N x H x W x C
    running   largest difference of theirs and ours, over the largest value of ours
    local     largest difference of theirs and what our layer makes of their input, over the largest value
    rounding  what rounding may make of `local`
    place     where the local difference is largest (n, y, x, c)
    """

    part: RowPart
    name: str
    variable: str
    shape: tuple[int, ...]
    running: float
    local: float
    rounding: float
    times: float
    place: tuple[int, ...]

    @property
    def verdict(self) -> RowVerdict:
        """Whether the layer itself agrees."""
        if self.local == 0:
            return "equal"
        if not self.times <= APART:
            return "differs"
        return "rounding" if self.times <= 1 else "mistrusted"


@dataclass(frozen=True)
class Allowance:
    """What rounding may make of a difference: of the largest, and of the root of the sum of squares."""

    largest: float
    root: float


def allowance(exact: Array, single: Array | None, u: float) -> Allowance:
    """Return YARDSTICK times the loss of float32, scaled to roundings of size u, and some roundings of the result.

    exact   the values in float64
    single  the same in float32; None: nothing is lost
    """
    lost = np.zeros(1) if single is None else np.nan_to_num(exact - single)
    scale, own = YARDSTICK * u / roundings("float32"), np.nan_to_num(exact)
    return Allowance(
        scale * float(np.abs(lost).max(initial=0.0)) + 4 * u * float(np.abs(own).max(initial=0.0)),
        scale / 4 * float(np.sqrt((lost * lost).sum())) + u * float(np.sqrt((own * own).sum())),
    )


def difference(theirs: Array, ours: Array) -> Array:
    """Return the sizes of the differences; 0 where both are NaN or the same infinity, infinite where one is."""
    with np.errstate(invalid="ignore"):
        same = (np.isnan(theirs) & np.isnan(ours)) | (theirs == ours)
        return np.nan_to_num(np.where(same, 0.0, np.abs(theirs - ours)), nan=np.inf)


def compared_row(
    part: RowPart, name: str, variable: str, theirs: Array, running: Array, local: Array, allowed: Allowance
) -> Row:
    """Return the row for values of theirs, ours from the network's input, and ours from their input."""
    scale = float(np.nanmax(np.abs(local), initial=0.0)) or 1.0
    off = difference(theirs, local)
    place = tuple(map(int, np.unravel_index(int(np.argmax(off)), off.shape))) if off.size else ()
    largest, visible = float(off.max(initial=0.0)), float(difference(theirs, running).max(initial=0.0))
    times = max(_times(largest, allowed.largest), _times(float(np.sqrt((off * off).sum())), allowed.root))
    return Row(
        part, name, variable, local.shape, visible / scale, largest / scale, allowed.largest / scale, times, place
    )


def misfit_row(part: RowPart, name: str, variable: str, shape: tuple[int, ...]) -> Row:
    """Return the row of a variable that has another shape in theirs."""
    endless = float("inf")
    return Row(part, name, variable, shape, endless, endless, 0.0, endless, ())


def _times(value: float, allowed: float) -> float:
    return 0.0 if value == 0 else value / allowed if allowed else float("inf")


@dataclass
class Known:
    """Arrays by variable, in float64 and in float32: theirs, or what our layers make of theirs."""

    exact: dict[str, Array]
    single: dict[str, Array]

    def put(self, name: str, exact: Array, single: Array | None = None) -> None:
        """Set a variable; without `single` it is the same in float32."""
        self.exact[name] = exact
        self.single[name] = exact.astype("float32") if single is None else single

    def add(self, name: str, exact: Array, single: Array) -> None:
        """Add to a variable, or set it."""
        if name in self.exact:
            exact, single = self.exact[name] + exact, self.single[name] + single
        self.put(name, exact, single)


def forward_rows(
    net: Graph, theirs: Mapping[str, Array], ours: Mapping[str, Array], u: float
) -> tuple[list[Row], dict[str, Array]]:
    """Return a row for each variable of theirs, and all variables: theirs, or computed from theirs where it lacks one.

    Where theirs lacks a variable, the row of the next one answers for all layers since the last.
    """
    known = Known({}, {})
    rows: list[Row] = []
    for name in (one for one in net.inputs if one in ours):
        known.put(name, theirs.get(name, ours[name]))
        if name in theirs:
            own = ours[name]
            rows.append(compared_row("input", name, name, theirs[name], own, own, allowance(own, None, u)))
    for node in net.nodes:
        if node.output not in ours or not all(name in known.exact for name in node.inputs):
            continue
        local = forward(node.layer, *(known.exact[name] for name in node.inputs))
        single = forward(node.layer, *(known.single[name] for name in node.inputs))
        known.put(node.output, local, single)
        if node.output in theirs:
            given, allowed = theirs[node.output], allowance(local, single, u)
            rows.append(compared_row("forward", node.name, node.output, given, ours[node.output], local, allowed))
            known.put(node.output, given)
    return rows, known.exact


def backward_rows(
    net: Graph,
    rules: Mapping[str, Rule],
    seeds: Mapping[str, Array],
    values: Mapping[str, Array],
    theirs: Mapping[str, Array],
    ours: Mapping[str, Array],
    u: float,
) -> tuple[list[Row], dict[str, Array]]:
    """Return a row for each signal of theirs below the seeds, and all signals: theirs, or computed from theirs.

    A row's layer is the last that adds to the signal in the backward pass.
    """
    known = Known({}, {})
    for name, seed in seeds.items():
        known.put(name, seed)
    readers: dict[str, str] = {}
    rows: list[Row] = []

    def settle(variable: str) -> None:
        if variable in theirs and variable in readers and variable in ours:
            given, local = theirs[variable], known.exact[variable]
            allowed = allowance(local, known.single[variable], u)
            rows.append(compared_row("backward", readers[variable], variable, given, ours[variable], local, allowed))
            known.put(variable, given)

    for node in reversed(net.nodes):
        if node.output not in known.exact or not all(name in values for name in node.inputs):
            continue
        settle(node.output)
        inputs, rule = [values[name] for name in node.inputs], rules[node.name]
        passed = backward(node.layer, known.exact[node.output], None, *inputs, rule=rule)
        short = [x.astype("float32") for x in inputs]
        singles = backward(node.layer, known.single[node.output].astype("float32"), None, *short, rule=rule)
        for name, signal, single in zip(node.inputs, passed, singles, strict=True):
            known.add(name, signal, single)
            readers[name] = node.name
    for name in net.inputs:
        if name in known.exact:
            settle(name)
    return rows, known.exact
