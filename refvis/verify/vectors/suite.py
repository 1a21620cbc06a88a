"""The tests of a kind: few cases that tell every known answer from the definition, and the answers from each other.

Cases are drawn from a seed. Those with equal sizes, or with two answers that rounding could confuse, are left out. Of
the others, the ones that separate most pairs of answers that no case has separated yet are taken, one after the other.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from refvis.layers import Array
from refvis.verify.case import Case, Values
from refvis.verify.choosing import Seeded
from refvis.verify.kind import Answer, Kind, Part, with_signal
from refvis.verify.tolerance import APART, distance, tolerances

DRAWN, MOST, LARGEST = 300, 10, 160
"""Cases that are drawn for a part, tests that are taken at most, values that a case may have."""

DEFINITION = "definition"


@dataclass(frozen=True, eq=False)
class Given:
    """An answer to a test: what it gives, and the names of all answers that give the same.

    names   "definition", or names of the kind's answers
    values  the arrays by name; None: it has none, since it fails on this case
    """

    names: tuple[str, ...]
    values: Values | None


@dataclass(frozen=True, eq=False)
class Test:
    """A case of a part with all answers to it.

    part        the part
    case        the case
    answers     the definition first, then what others give; equal ones are one entry
    tolerance   dtype -> how far a right result may lie from the definition's, at most; 0: exact
    separation  dtype -> the least distance of two answers, in tolerances
    """

    part: Part
    case: Case
    answers: tuple[Given, ...]
    tolerance: dict[str, float]
    separation: dict[str, float]

    @property
    def separated(self) -> set[frozenset[str]]:
        """The pairs of answers that this test tells apart."""
        pairs = combinations(self.answers, 2)
        return {frozenset((one, other)) for a, b in pairs for one in a.names for other in b.names}


def chosen_tests(kind: Kind, part: Part, seed: int = 0) -> list[Test]:
    """Return the tests of a part: as few as tell all answers apart, at most MOST."""
    chosen: list[Test] = []
    pool = [test for case in cases_of(kind, part, seed) if (test := test_of(kind, part, case)) is not None]
    open_pairs: set[frozenset[str]] = set().union(*(test.separated for test in pool))
    while pool and len(chosen) < MOST:
        best = max(pool, key=lambda test: (len(test.separated & open_pairs), -_size(test.case)))
        if chosen and not best.separated & open_pairs:
            break
        chosen.append(best)
        pool.remove(best)
        open_pairs = open_pairs - best.separated
    return chosen


def cases_of(kind: Kind, part: Part, seed: int) -> Iterator[Case]:
    """Yield the cases that are drawn for a part: simple and others in turns, with sizes that are pairwise different."""
    for number in range(DRAWN):
        choose = Seeded(seed * DRAWN + number)
        case = kind.draw(choose, number % 2 == 0)
        if part != "forward":
            case = with_signal(kind, case, choose)
        if has_different_sizes(case) and _size(case) <= LARGEST:
            yield case


def test_of(kind: Kind, part: Part, case: Case) -> Test | None:
    """Return the test of a case; None where two answers are too close to be told apart, or the result is not finite."""
    with np.errstate(all="ignore"):
        right = kind.results(part, case)
        if not right or not all(np.isfinite(values).all() for values in right.values()):
            return None
        allowed = {
            dtype: tolerances(kind, part, case, lambda one: kind.results(part, one), dtype)
            for dtype in ("float64", "float32")
        }
        answers = [Given((DEFINITION,), right)]
        for answer in kind.answers:
            if part in answer.parts:
                answers = _joined(answers, answer.name, _values(kind, answer, part, case), allowed["float64"])
    separation = {dtype: _separation(answers, limits) for dtype, limits in allowed.items()}
    if separation["float64"] < APART:
        return None
    largest = {
        dtype: max(float(np.max(one, initial=0.0)) for one in limits.values()) for dtype, limits in allowed.items()
    }
    return Test(part, case, tuple(answers), largest, separation)


def _largest(limits: Values) -> float:
    return max(float(np.max(one, initial=0.0)) for one in limits.values())


def has_different_sizes(case: Case) -> bool:
    """Return whether the sizes of the first input that are larger than 1 are pairwise different, and most are."""
    sizes = [size for size in case.inputs[0].shape if size > 1]
    return bool(len(set(sizes)) == len(sizes) >= min(3, case.inputs[0].ndim))


def _values(kind: Kind, answer: Answer, part: Part, case: Case) -> Values | None:
    try:
        return {name: np.asarray(values) for name, values in answer.parts[part](kind, case).items()}
    except (ValueError, IndexError, ZeroDivisionError, TypeError):
        return None


def _joined(answers: list[Given], name: str, values: Values | None, allowed: Values) -> list[Given]:
    """Return the answers with one more; it joins the entry that gives the same."""
    for place, one in enumerate(answers):
        if (values is None) == (one.values is None) and (values is None or _apart(one.values, values, allowed) <= 1):
            answers[place] = replace(one, names=(*one.names, name))
            return answers
    return [*answers, Given((name,), values)]


def _separation(answers: list[Given], allowed: Values) -> float:
    """Return the least distance of two answers, in tolerances; infinity if there is only one."""
    given = [one.values for one in answers if one.values is not None]
    return min((_apart(one, other, allowed) for one, other in combinations(given, 2)), default=float("inf"))


def _apart(one: Values | None, other: Values | None, allowed: Values) -> float:
    """Return the largest distance of two answers' arrays, in tolerances; infinity for other names or shapes."""
    if one is None or other is None:
        return float("inf")
    largest: float = 0.0
    for name, limits in allowed.items():
        a, b = np.asarray(one.get(name)), np.asarray(other.get(name))
        if a.shape != b.shape or a.shape != np.shape(limits):
            if a.shape == b.shape and _same(a, b):
                continue
            return float("inf")
        largest = max(largest, distance(a, b, limits))
    return largest


def _same(one: Array, other: Array) -> bool:
    return bool(np.array_equal(one, other, equal_nan=True))


def _size(case: Case) -> int:
    return sum(array.size for array in case.arrays.values())
