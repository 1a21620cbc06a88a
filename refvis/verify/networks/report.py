"""The report on a network: the first layer that differs, why, and the table of all variables and signals."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from refvis.layers import Array
from refvis.verify.networks.rows import Row
from refvis.verify.reason import Reason
from refvis.verify.report import VERDICTS, Verdict
from refvis.verify.writing import array_json, layer_json


@dataclass(frozen=True)
class NetworkReport:
    """What `verify.network` found. It is true if every layer agrees within rounding.

    name      of the network
    rows      variables in the order of computation, then signals in the order of the backward pass
    because   why the first layer differs; None if none does
    layer     that layer; None
    inputs    its inputs and the signal at its output, theirs (N x H x W x C); {}
    expected  what it should give for these; {}
    theirs    what theirs gave; {}
    notes     what was guessed or left out
    """

    name: str
    rows: tuple[Row, ...]
    because: Reason | None = None
    layer: Any = None
    inputs: Mapping[str, Array] = field(default_factory=dict)
    expected: Mapping[str, Array] = field(default_factory=dict)
    theirs: Mapping[str, Array] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def first_row(self) -> Row | None:
        """The first row that differs; None if none does."""
        return next((row for row in self.rows if row.verdict == "differs"), None)

    @property
    def first(self) -> str | None:
        """The name of the first layer that differs, forward before backward; None if none does."""
        return self.first_row.name if self.first_row else None

    @property
    def verdict(self) -> Verdict:
        """The verdict: "equal", "rounding", "convention", "mistrusted" or "differs"."""
        verdicts = {row.verdict for row in self.rows}
        if "differs" in verdicts:
            return "convention" if self.because and self.because.result == "acceptable" else "differs"
        if not self.rows:
            return "skipped"
        if "mistrusted" in verdicts:
            return "mistrusted"
        return "rounding" if "rounding" in verdicts else "equal"

    @property
    def reason(self) -> str:
        """Why the first layer differs, in a sentence; "" if none does."""
        return str(self.because) if self.because else ""

    @property
    def reason_name(self) -> str:
        """The name of the reason; "" if no layer differs."""
        return self.because.name if self.because else ""

    @property
    def page(self) -> str:
        """The page of the documentation on the reason; "" if there is none."""
        return self.because.page if self.because else ""

    @property
    def script(self) -> str:
        """Lines of Python that name the place: the network's layer and the values there; "" if nothing differs."""
        row = self.first_row
        if row is None or not self.expected:
            return ""
        place = ", ".join(map(str, row.place))
        return (
            f"# {row.part} at {row.name!r}, variable {row.variable!r}, place ({place})\n"
            f"report.inputs, report.layer, report.expected, report.theirs  # the arrays there\n"
            f"report.expected[{row.variable!r}][{place}], report.theirs[{row.variable!r}][{place}]"
        )

    @property
    def table(self) -> str:
        """The rows as text."""
        head = f"{'':8} {'layer':24} {'variable':12} {'shape':16} {'running':>9} {'local':>9} {'rounding':>9}  verdict"
        return "\n".join([head, *map(_line, self.rows)])

    def __bool__(self) -> bool:
        """Return whether every layer agrees within rounding."""
        return self.verdict in ("equal", "rounding")

    def json(self) -> dict[str, Any]:
        """Return the report as values that JSON can write, with the arrays at the first layer that differs."""
        found: dict[str, Any] = {
            "subject": self.name,
            "verdict": self.verdict,
            "first": self.first,
            "reason": self.reason,
            "page": self.page,
            "notes": list(self.notes),
            "table": [
                {**vars(row), "shape": list(row.shape), "place": list(row.place), "verdict": row.verdict}
                for row in self.rows
            ],
        }
        if self.layer is not None and sum(array.size for array in self.inputs.values()) <= 1000:
            found["test"] = {
                "layer": layer_json(self.layer),
                "inputs": {name: array_json(array) for name, array in self.inputs.items()},
                "expected": {name: array_json(array) for name, array in self.expected.items()},
            }
        return found

    def __str__(self) -> str:
        """Return the report as text."""
        lines = [f"{self.name}: {self.verdict} - {VERDICTS[self.verdict]}"]
        lines += [f"Note: {note}." for note in self.notes]
        row = self.first_row
        if row is not None:
            what = {"input": "The network's input", "forward": "The forward pass", "backward": "The backward pass"}
            lines += ["", f"{what[row.part]} differs first at {row.name!r} ({row.variable!r})."]
            lines += [f"Reason: {self.reason}"] if self.reason else []
            lines += [f"Page:   {self.page}"] if self.page else []
            lines += self._values(row)
        return "\n".join([*lines, "", self.table])

    def _values(self, row: Row) -> list[str]:
        if row.variable not in self.expected or not row.place:
            return []
        right, theirs = self.expected[row.variable][row.place], self.theirs[row.variable][row.place]
        place = ", ".join(map(str, row.place))
        return [f"Most at (n, y, x, c) = ({place}): right {right:.9g}, theirs {theirs:.9g}"]


def _line(row: Row) -> str:
    shape = "x".join(map(str, row.shape))
    numbers = " ".join(f"{_number(value):>9}" for value in (row.running, row.local, row.rounding))
    return f"{row.part:8} {row.name[:24]:24} {row.variable[:12]:12} {shape:16} {numbers}  {row.verdict}"


def _number(value: float) -> str:
    return "0" if value == 0 else "inf" if np.isinf(value) else f"{value:.1e}"
