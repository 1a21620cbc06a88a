"""The report of a verification: the verdict, the reason, and the smallest input that shows it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from refvis.layers import Array
from refvis.verify.comparison import Comparison
from refvis.verify.kind import Kind, Part
from refvis.verify.reason import Reason
from refvis.verify.writing import array_json, layer_json, script

Verdict = Literal["skipped", "equal", "rounding", "convention", "mistrusted", "differs"]

VERDICTS: dict[Verdict, str] = {
    "skipped": "nothing was compared: the implementation supports no case",
    "equal": "bit for bit the definition's result",
    "rounding": "the definition's result, within what rounding allows",
    "convention": "another published convention",
    "mistrusted": "further from the definition than rounding allows, nearer than any known mistake",
    "differs": "not the definition's result",
}
"""Verdicts from best to worst."""

AGREE = ("skipped", "equal", "rounding")
"""Verdicts of a part that leave the report true, unless all parts are skipped."""


@dataclass(frozen=True)
class PartReport:
    """What was found about one part: the forward pass, the backward pass, or the gradients of parameters.

    part        the part
    verdict     one of VERDICTS
    tried       how many cases were compared
    apart       the largest difference, in tolerances
    reason      why it differs; None if it does not
    smallest    the smallest case that shows it; None if it does not differ
    unsupported what it said about options that it lacks
    """

    part: Part
    verdict: Verdict
    tried: int
    apart: float
    reason: Reason | None = None
    smallest: Comparison | None = None
    unsupported: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The part in words."""
        return {"forward": "forward pass", "backward": "backward pass"}.get(self.part, "parameter gradients")


@dataclass(frozen=True)
class Report:
    """What `verify.layer` found. It is true if the implementation agrees, or differs as it is known to.

    kind    what was verified
    parts   a report for each part that was given
    known   names of differences that are expected: "pool/backward/tie_first_of_row"
    """

    kind: Kind
    parts: tuple[PartReport, ...]
    known: frozenset[str] = frozenset()

    @property
    def worst(self) -> PartReport:
        """The part with the worst verdict; of equal ones the first."""
        order = list(VERDICTS)
        return max(self.parts, key=lambda one: order.index(one.verdict))

    @property
    def verdict(self) -> Verdict:
        """The worst verdict: "equal", "rounding", "convention", "mistrusted" or "differs"; "skipped" if all are."""
        return self.worst.verdict

    @property
    def reason(self) -> str:
        """Why it differs, in a sentence; "" if it does not."""
        return str(self.worst.reason) if self.worst.reason else ""

    @property
    def reason_name(self) -> str:
        """The name of the reason, such as "tie_first_of_row"; "" if it does not differ."""
        return self.worst.reason.name if self.worst.reason else ""

    @property
    def page(self) -> str:
        """The page of the documentation on the reason, or on what was verified."""
        return (self.worst.reason.page if self.worst.reason else "") or self.kind.page

    @property
    def inputs(self) -> Mapping[str, Array]:
        """The arrays of the smallest case that shows the difference (N x H x W x C); {} if there is none."""
        return self.worst.smallest.case.arrays if self.worst.smallest else {}

    @property
    def layer(self) -> Any:
        """The layer of the smallest case that shows the difference; None if there is none."""
        return self.worst.smallest.case.layer if self.worst.smallest else None

    @property
    def expected(self) -> Mapping[str, Array]:
        """The right results of the smallest case."""
        return self.worst.smallest.expected if self.worst.smallest else {}

    @property
    def theirs(self) -> Mapping[str, Array]:
        """The other implementation's results of the smallest case; {} if it raised."""
        return (self.worst.smallest.outcome.values or {}) if self.worst.smallest else {}

    @property
    def script(self) -> str:
        """Lines of Python that print the right result of the smallest case; "" if there is none."""
        return script(self.kind, self.worst.part, self.worst.smallest.case) if self.worst.smallest else ""

    @property
    def id(self) -> str:
        """The name of the difference for a file of known ones: kind/part/reason; "" if there is none."""
        return identity(self.kind, self.worst)

    def __bool__(self) -> bool:
        """Return whether every part agrees within rounding, or differs as it is known to."""
        agree = all(one.verdict in AGREE or identity(self.kind, one) in self.known for one in self.parts)
        return agree and self.verdict != "skipped"

    def json(self) -> dict[str, Any]:
        """Return the report as values that JSON can write, with the smallest case as a test."""
        found: dict[str, Any] = {
            "subject": self.kind.name,
            "verdict": self.verdict,
            "reason": self.reason,
            "page": self.page,
            "parts": {
                one.part: {"verdict": one.verdict, "cases": one.tried, "apart": _finite(one.apart)}
                for one in self.parts
            },
        }
        if self.worst.smallest:
            found["test"] = {
                "part": self.worst.part,
                "layer": layer_json(self.layer),
                "inputs": {n: array_json(a) for n, a in self.inputs.items() if not n.startswith("layer.")},
                "answers": [
                    {"id": "definition", "result": "valid", "values": _arrays_json(self.expected)},
                    {"id": self.reason_name, "result": "invalid", "values": _arrays_json(self.theirs)},
                ],
            }
        return found

    def __str__(self) -> str:
        """Return the report as text."""
        lines = [f"{self.kind.name}: {self.verdict} - {VERDICTS[self.verdict]}"]
        for one in self.parts:
            known = " (known)" if identity(self.kind, one) in self.known else ""
            lines.append(f"  {one.name:20} {one.verdict:11} {one.tried} cases{_apart(one.apart)}{known}")
            lines += [f"  {'':20} not supported: {text}" for text in one.unsupported]
        if self.worst.reason:
            lines += ["", f"Reason: {self.reason}"]
            lines += [f"Page:   {self.page}"] if self.page else []
        if self.worst.smallest:
            lines += ["", "Smallest case found:", "", self.script, "", *self._results()]
        return "\n".join(lines)

    def _results(self) -> list[str]:
        lines = [f"right:  {name} = {_short(values)}" for name, values in self.expected.items()]
        theirs = [f"theirs: {name} = {_short(values)}" for name, values in self.theirs.items()]
        error = self.worst.smallest.outcome.error if self.worst.smallest else ""
        return lines + (theirs or [f"theirs: raises {error}"])


def identity(kind: Kind, part: PartReport) -> str:
    """Return the name of a difference, kind/part/reason; "" if there is none."""
    return f"{kind.name}/{part.part}/{part.reason.name}" if part.reason else ""


def _apart(apart: float) -> str:
    return "" if not np.isfinite(apart) or apart == 0 else f", at most {apart:.2g} tolerances apart"


def _finite(value: float) -> float | str:
    return value if np.isfinite(value) else str(value)


def _arrays_json(arrays: Mapping[str, Array]) -> dict[str, Any]:
    return {name: array_json(np.asarray(array)) for name, array in arrays.items()}


def _short(array: Array) -> str:
    text = np.array2string(np.ravel(array)[:24], precision=6, separator=", ", max_line_width=100)
    return f"{' x '.join(map(str, np.shape(array)))}: {text}{' ...' if np.size(array) > 24 else ''}"
