"""`verify.layer`: hold a function of another implementation to the definition of a layer, a rule or a formula."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from difflib import get_close_matches
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np

from refvis.layers import Array
from refvis.verify.case import Case
from refvis.verify.choosing import Chooser, Seeded, Small
from refvis.verify.comparison import Comparison, compare
from refvis.verify.foreign import Foreign, Outcome, UnsupportedError
from refvis.verify.kind import PARTS, Answer, Kind, Part, joined, with_signal
from refvis.verify.kinds import find
from refvis.verify.known import known_differences
from refvis.verify.layouts import require_layout
from refvis.verify.reason import Reasons
from refvis.verify.report import PartReport, Report, Verdict
from refvis.verify.smallest import Clock, fewer_values, require_hypothesis, search, simplest_values, size_of

SIMPLE, FULL, SMALL = 20, 40, 200
"""Cases of simple geometry, and of any geometry, that every verification compares; and small ones for the search."""

REASON_SECONDS = 15.0
"""The time that the search for a reason may take, after that for the smallest case."""

Where = Callable[[Any], bool]


def layer(
    forward: Callable[..., Any] | None,
    kind: str,
    backward: Callable[..., Any] | None = None,
    parameter_gradients: Callable[..., Any] | None = None,
    layout: str = "NHWC",
    *,
    dtype: str = "float64",
    arrays: Callable[[Array], Any] | None = None,
    conventions: str | Iterable[str] = (),
    where: Where | None = None,
    known: str | Path | Iterable[str] = (),
    seed: int = 0,
    seconds: float = 25.0,
    **options: Any,
) -> Report:
    """Return whether functions of another implementation agree with the definition, and if not, where and why.

    Parameters:

        forward              ``(layer, *inputs) -> output``; None: it is not verified
        kind                 what it implements: an operator such as "conv" or "max_pool", a mode or rule such as
                             "guided" or "epsilon at fully_connected", a formula such as "grad_cam".
                             `verify.kinds()` lists them
        backward             ``(layer, signal, output, *inputs) -> signal`` for the input; for several inputs, a tuple
        parameter_gradients  ``(layer, signal, output, *inputs) -> {field: gradient}``
        layout               the order of its axes. Default: "NHWC"; PyTorch and ONNX have "NCHW"
        dtype                what its arrays are given in: "float64", the default, or "float32"
        arrays               makes its arrays of NumPy's, such as torch.from_numpy. Default: it takes NumPy's
        conventions          names of other conventions that it follows, which then count as right, together
        where                ``(layer) -> bool``: the layers that it supports. It may also raise NotImplementedError
        known                differences that are expected: names (`Report.id`), or a text file with one in each line
        seed                 of the cases. Same seed, same cases
        seconds              the time that a search may take. Default: 25
        options              of a rule: eps=0.25, alpha=2.0, ...

    Each function gets this project's layer: its geometry, and its parameters in `layout`. A report is true if all
    parts agree; printed, it shows the smallest case that differs, with lines of Python that give the right result.
    Raises ValueError for an unknown kind, part or convention, ImportError where hypothesis is missing.

    >>> import numpy as np
    >>> import refvis
    >>> def forward(layer, x):  # forgets the leak
    ...     return np.maximum(x, 0)
    >>> report = refvis.verify.layer(forward, "relu")
    >>> report.verdict, report.reason_name, report.inputs["x"].ravel()
    ('differs', 'no_leak', array([-1.]))
    """
    require_hypothesis()
    chosen = find(kind, **options)
    given: dict[Part, Any] = {"forward": forward, "backward": backward, "parameter_gradients": parameter_gradients}
    functions: Mapping[Part, Any] = {part: function for part, function in given.items() if function is not None}
    _require_parts(chosen, functions)
    foreign = Foreign(functions, require_layout(layout), dtype, arrays)
    clock = Clock(seconds)
    names = (conventions,) if isinstance(conventions, str) else tuple(conventions)
    reports = tuple(
        _Part(chosen, part, foreign, _accepted(chosen, part, names), where, seed, clock).report() for part in functions
    )
    return Report(chosen, reports, known_differences(known))


def _require_parts(kind: Kind, functions: Mapping[Part, Any]) -> None:
    if not functions:
        raise ValueError("no function is given, expected forward, backward or parameter_gradients")
    lacking = [part for part in PARTS if part in functions and part not in kind.parts]
    if lacking:
        raise ValueError(f"{kind.name!r} has no {lacking[0]}, expected {', '.join(kind.parts)}")


def _accepted(kind: Kind, part: Part, names: tuple[str, ...]) -> Answer | None:
    """Return the answer that counts as right for a part; None: the definition. Raises ValueError for unknown names."""
    known = {one.name: one for one in kind.answers}
    for name in names:
        if name not in known:
            raise ValueError(f"{kind.name!r} has no convention {name!r}, expected {_near(kind, name)}")
    chosen = [known[name] for name in names if part in known[name].parts]
    return joined(chosen) if chosen else None


NAMES = 8
"""Names of conventions that an error lists; a rule has hundreds, since its options combine."""


def _near(kind: Kind, name: str) -> str:
    """Return the conventions of a kind in words; of many, those whose names are nearest to `name`."""
    possible = [one.name for one in kind.answers if one.result == "acceptable"]
    near = possible if len(possible) <= NAMES else get_close_matches(name, possible, NAMES, cutoff=0)
    more = f" (or another of {len(possible)})" if len(possible) > len(near) else ""
    return (" or ".join(map(repr, near)) or "none") + more


class _Part:
    """The verification of one part."""

    def __init__(
        self,
        kind: Kind,
        part: Part,
        foreign: Foreign,
        accepted: Answer | None,
        where: Where | None,
        seed: int,
        clock: Clock,
    ) -> None:
        self.kind, self.part, self.foreign, self.accepted, self.where = kind, part, foreign, accepted, where
        self.clock, self.seeds = clock, count(seed * 100_000)
        self.unsupported: dict[str, None] = {}

    def report(self) -> PartReport:
        """Compare the standing cases, then search for the smallest that differs, then for the reason."""
        simple = list(self._evidence(SIMPLE, simple=True))
        evidence = simple + list(self._evidence(FULL, simple=False))
        differing = [one for one in evidence if one.differs]
        if differing:
            smallest = self._smallest([one for one in simple if one.differs] or differing)
            search = Reasons(self.kind, self.part, self._more, self._run, Clock(REASON_SECONDS))
            reason = search.find(evidence, simple)
            verdict: Verdict = "convention" if reason.result == "acceptable" else "differs"
            return self._found(verdict, evidence, reason, smallest)
        apart = max((one.apart for one in evidence), default=0.0)
        if not evidence:
            return self._found("skipped", evidence)
        return self._found("equal" if apart == 0 else "rounding" if apart <= 1 else "mistrusted", evidence)

    def _found(self, verdict: Verdict, evidence: list[Comparison], *rest: Any) -> PartReport:
        apart = max((one.apart for one in evidence), default=0.0)
        about = PartReport(self.part, verdict, len(evidence), apart, *rest)
        return replace(about, unsupported=tuple(text for text in self.unsupported if text))

    def _evidence(self, number: int, simple: bool) -> Iterable[Comparison]:
        """Compare up to that many cases; half of the time is kept for the search."""
        for _ in range(number):
            case = self._case(Seeded(next(self.seeds)), simple)
            compared = None if case is None else self._compared(case)
            if compared is not None:
                yield compared
            if self.clock.half_over:
                return

    def _case(self, choose: Chooser, simple: bool) -> Case | None:
        """Return a case that the other implementation supports; None where the drawn one is not."""
        case = self.kind.draw(choose, simple)
        if self.where is not None and not self.where(case.layer):
            return None
        return with_signal(self.kind, case, choose) if self.part != "forward" else case

    def _compared(self, case: Case) -> Comparison | None:
        try:
            outcome = self._run(case)
        except UnsupportedError as error:
            self.unsupported[str(error)] = None
            return None
        return compare(self.kind, self.part, case, outcome, self.accepted)

    def _run(self, case: Case) -> Outcome:
        with np.errstate(all="ignore"):  # the search for simpler values tries zeros where one divides
            output = None if self.part == "forward" else self.kind.forward(case.layer, *case.inputs)
            return self.foreign.outcome(self.part, case, output)

    def _differs(self, case: Case) -> bool:
        if self.where is not None and not self.where(case.layer):
            return False
        compared = self._compared(case)
        return compared is not None and compared.differs

    def _smallest(self, differing: list[Comparison]) -> Comparison:
        """Return the smallest case that differs in the way of the first of `differing`: by values, or by an error."""
        known = min((one.case for one in differing), key=size_of)

        def differs(case: Case | None) -> bool:
            return case is not None and self._differs(case)

        def draw(choose: Chooser) -> Case | None:
            return self._case(choose, choose.choice((True, False)))

        found = search(draw, differs, self.clock)
        small = (self._case(Small(seed), seed % 2 == 0) for seed in range(SMALL) if not self.clock.over)
        case = min((one for one in (found, known, *filter(differs, small)) if one is not None), key=size_of)
        fewer = fewer_values(case, self.kind.forward, self._differs, self.clock)
        compared = self._compared(simplest_values(fewer, self._differs, self.clock))
        return compared if compared is not None else differing[0]

    def _more(self) -> Case:
        """Return a further case."""
        while True:
            case = self._case(Seeded(next(self.seeds)), simple=False)
            if case is not None:
                return case
