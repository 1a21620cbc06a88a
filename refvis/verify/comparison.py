"""One case, held to the definition or to another answer."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from refvis.layers import Array, ShapeError
from refvis.verify.case import Case, Values
from refvis.verify.foreign import Outcome
from refvis.verify.kind import Answer, Kind, Part
from refvis.verify.tolerance import APART, distance, tolerances


@dataclass(frozen=True)
class Comparison:
    """What came out of one case.

    case      the case
    outcome   what the other implementation gave
    expected  what it was held to
    apart     the largest difference in tolerances; infinity for another shape, a missing result, or an error
    about     what is wrong with the form of the result, in words; "" where it has the right form
    """

    case: Case
    outcome: Outcome
    expected: Values
    apart: float
    about: str = ""
    answer: Answer | None = None

    @property
    def differs(self) -> bool:
        """Whether the difference is larger than rounding can make it, by far."""
        return self.apart > APART


def expected_values(kind: Kind, part: Part, answer: Answer | None) -> Callable[[Case], Values]:
    """Return the function that gives the definition's values of a part, or those of an answer that was chosen."""
    compute = None if answer is None else answer.parts.get(part)
    if compute is None:
        return lambda case: kind.results(part, case)
    return lambda case: compute(kind, case)


def compare(kind: Kind, part: Part, case: Case, outcome: Outcome, answer: Answer | None = None) -> Comparison:
    """Return how far an outcome is from the definition, or from an answer."""
    compute = expected_values(kind, part, answer)
    with np.errstate(all="ignore"):
        expected = compute(case)
        about = form_error(outcome, expected)
        if about or outcome.values is None:
            return Comparison(case, outcome, expected, float("inf"), about, answer)
        # An answer may divide where the definition only adds: it is never held to be exact.
        rounding = kind if answer is None else replace(kind, exact=frozenset())
        allowed = tolerances(rounding, part, case, compute, outcome.dtype)
    apart = max((distance(outcome.values[name], expected[name], allowed[name]) for name in expected), default=0.0)
    return Comparison(case, outcome, expected, apart, "", answer)


def agrees(kind: Kind, part: Part, case: Case, outcome: Outcome, answer: Answer, within: float = APART) -> bool:
    """Return whether an outcome is what an answer gives for the case, within that many tolerances.

    An answer that fails says nothing about a case: it agrees with a failure, with a result of a wrong shape, and with
    the right result.
    """
    try:
        with np.errstate(all="ignore"):
            values = answer.parts[part](kind, case)
        if _is_far(outcome, values):
            return False
        found = compare(kind, part, case, outcome, answer)
    except (ShapeError, ValueError, IndexError, ZeroDivisionError):
        found = compare(kind, part, case, outcome)
        return bool(found.about) or found.apart <= within
    return found.apart <= within


FAR = {"float64": 1e-3, "float32": 0.3}
"""Relative differences that no rounding makes, however small the sizes of sums are against their terms."""

SMALL = 1e-6
"""Results below this size may be nothing but the rounding of terms that cancel: they are not far from each other."""


def _is_far(outcome: Outcome, values: Values) -> bool:
    """Return whether values are so far off that their tolerance need not be found: most answers that are tried are."""
    limit = FAR.get(str(np.dtype(outcome.dtype)))
    if outcome.values is None or limit is None:
        return False
    for name, one in values.items():
        theirs = outcome.values.get(name)
        if theirs is None or theirs.shape != np.shape(one):
            return True
        scale = max(float(np.abs(one).max(initial=0.0)), SMALL)
        if (
            np.isfinite(one).all()
            and np.isfinite(theirs).all()
            and np.abs(theirs - one).max(initial=0.0) > limit * scale
        ):
            return True
    return False


def form_error(outcome: Outcome, expected: Values) -> str:
    """Return what is wrong with the names and shapes of an outcome; "" if nothing is."""
    if outcome.values is None:
        return f"it raises {outcome.error}"
    missing = [name for name in expected if name not in outcome.values]
    if missing:
        return f"it gives no {missing[0]!r}, only {', '.join(map(repr, outcome.values)) or 'nothing'}"
    for name, values in expected.items():
        if outcome.values[name].shape != np.shape(values):
            return f"its {name} has shape {_shape(outcome.values[name])}, expected {_shape(values)}"
    return ""


def _shape(array: Array) -> str:
    return " x ".join(map(str, np.shape(array))) or "()"
