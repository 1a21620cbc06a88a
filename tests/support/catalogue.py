"""What the answers of a kind give on a number of cases: which differ from the definition, and which are recognised."""

from itertools import count

import numpy as np
from support.adapters import that_is

from refvis.verify import Answer, Case, Kind
from refvis.verify.choosing import Seeded
from refvis.verify.comparison import compare
from refvis.verify.foreign import Foreign, Outcome
from refvis.verify.kind import Part, with_signal
from refvis.verify.reason import Reasons
from refvis.verify.smallest import Clock

CASES = 45


def cases(kind: Kind, count: int = CASES, first: int = 0) -> list[Case]:
    """Return cases with signals; every third is simple."""
    found = []
    for seed in range(first, first + count):
        choose = Seeded(seed)
        found.append(with_signal(kind, kind.draw(choose, seed % 3 == 0), choose))
    return found


def outcome(kind: Kind, part: Part, answer: Answer, case: Case) -> Outcome:
    """Return what an implementation gives that is this answer."""
    try:
        with np.errstate(all="ignore"):
            return Outcome(answer.parts[part](kind, case))
    except (ValueError, IndexError, ZeroDivisionError) as error:
        return Outcome(None, error=str(error))


def answers_of(kind: Kind, part: Part) -> list[Answer]:
    """Return the answers of a part."""
    return [one for one in kind.answers if part in one.parts]


def recognised(kind: Kind, part: Part, answer: Answer, drawn: list[Case]) -> str:
    """Return the name of the reason that is found for an implementation that is this answer."""
    foreign, further = Foreign({part: that_is(kind, answer, part)}), count(1000)

    def run(case: Case) -> Outcome:
        return foreign.outcome(part, case, kind.forward(case.layer, *case.inputs))

    def more() -> Case:
        choose = Seeded(next(further))
        return with_signal(kind, kind.draw(choose, False), choose)

    evidence = [compare(kind, part, case, run(case)) for case in drawn]
    only_fails = all(one.outcome.values is None for one in evidence if one.differs)
    found = Reasons(kind, part, more, run, Clock(20)).find(evidence, evidence[::3]).name
    return answer.name if only_fails and found == "raises" else found


def parts_of(kind: Kind) -> list[Part]:
    """Return the parts that a kind has answers for."""
    return [part for part in kind.parts if answers_of(kind, part)]


def dead(kind: Kind, part: Part, drawn: list[Case]) -> list[str]:
    """Return the names of answers that no case tells from the definition."""
    return [
        one.name
        for one in answers_of(kind, part)
        if not any(compare(kind, part, case, outcome(kind, part, one, case)).differs for case in drawn)
    ]
