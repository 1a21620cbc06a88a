"""The catalogue of what can be verified: no answer is idle, each is recognised, and the definitions pass."""

from itertools import count

import pytest
from support import catalogue
from support.adapters import Adapter, that_is

from refvis import verify
from refvis.layers.operators import OPERATORS
from refvis.verify.choosing import Seeded
from refvis.verify.comparison import compare
from refvis.verify.foreign import Foreign
from refvis.verify.kind import with_signal
from refvis.verify.reason import Reasons
from refvis.verify.smallest import Clock

KINDS = verify.kinds()
PARTS = [(name, part) for name in KINDS for part in catalogue.parts_of(verify.find(name))]
ALIKE = {("conv", "backward"): {("flipped_filters", "unflipped_gradient")}}
"""Answers that mean the same for a part: turned filters, in both passes or in one."""


def test_every_operator_has_a_kind():
    kinds = [verify.find(name) for name in KINDS]
    drawn = {type(kind.draw(Seeded(seed), False).layer) for kind in kinds for seed in range(3)}
    missing = {kind.__name__ for kind in OPERATORS} - {kind.__name__ for kind in drawn}
    assert not missing, f"no kind in refvis/verify/kinds draws {', '.join(sorted(missing))}"


@pytest.mark.parametrize(("name", "part"), PARTS)
def test_no_answer_is_the_definition(name, part):
    kind = verify.find(name)
    assert not catalogue.dead(kind, part, catalogue.cases(kind))


@pytest.mark.parametrize(("name", "part"), PARTS)
def test_answers_are_told_apart(name, part):
    kind = verify.find(name)
    assert set(catalogue.alike(kind, part, catalogue.cases(kind))) <= ALIKE.get((name, part), set())


@pytest.mark.parametrize(("name", "part"), PARTS)
def test_an_implementation_that_is_the_answer_is_recognised(name, part):
    kind, further = verify.find(name), count(1000)
    drawn = catalogue.cases(kind)
    alike = ALIKE.get((name, part), set())
    for answer in catalogue.answers_of(kind, part):
        foreign = Foreign({part: that_is(kind, answer, part)})

        def run(case, foreign=foreign):
            return foreign.outcome(part, case, kind.forward(case.layer, *case.inputs))

        def more():
            choose = Seeded(next(further))
            return with_signal(kind, kind.draw(choose, False), choose)

        evidence = [compare(kind, part, case, run(case)) for case in drawn]
        reason = Reasons(kind, part, more, run, Clock(20)).find(evidence, evidence[::3])
        assert reason.name == answer.name or (reason.name, answer.name) in alike


@pytest.mark.parametrize("name", KINDS)
def test_reports_name_the_part_and_the_smallest_case(name):
    kind = verify.find(name)
    part = catalogue.parts_of(kind)[-1]
    answer = catalogue.answers_of(kind, part)[-1]
    functions = {"forward": None} | {part: that_is(kind, answer, part)}
    report = verify.layer(kind=name, **functions, seconds=10)
    assert report.worst.part == part
    assert report.reason_name == answer.name
    assert report.verdict == ("convention" if answer.result == "acceptable" else "differs")
    assert max(report.inputs[next(iter(report.inputs))].shape) <= 4


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize(("layout", "dtype", "fast"), [("NHWC", "float64", False), ("NCHW", "float32", True)])
def test_the_definition_passes(name, layout, dtype, fast):
    report = of_definition(name, layout, dtype, fast, 0)
    assert report, report


@pytest.mark.slow  # 5 seeds in every layout and type take minutes
@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("name", KINDS)
def test_the_definition_passes_for_every_seed(name, seed):
    for layout in "NHWC", "NCHW":
        for dtype in "float64", "float32":
            for fast in False, True:
                report = of_definition(name, layout, dtype, fast, seed)
                assert report, report


def of_definition(name, layout, dtype, fast, seed):
    kind = verify.find(name)
    adapter = Adapter(kind, layout, fast)
    functions = {part: getattr(adapter, part) for part in kind.parts}
    return verify.layer(kind=name, **functions, layout=layout, dtype=dtype, seed=seed, seconds=60)
