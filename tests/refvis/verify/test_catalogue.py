"""The catalogue of what can be verified: no answer is idle, each is recognised, and the definitions pass."""

import numpy as np
import pytest
from support import catalogue
from support.adapters import Adapter, that_is

from refvis import verify
from refvis.layers.operators import OPERATORS
from refvis.verify.choosing import Seeded

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


QUICK = [("conv", "forward"), ("max_pool", "backward"), ("relu", "backward"), ("batch_norm", "parameter_gradients")]
"""Kinds and parts of the usual suite; all others take minutes, and are slow."""


@pytest.mark.parametrize(
    ("name", "part"), [pytest.param(*one, marks=[] if one in QUICK else pytest.mark.slow) for one in PARTS]
)
def test_an_implementation_that_is_the_answer_is_recognised(name, part):
    """So no two answers are alike: the later one would be recognised as the earlier."""
    kind = verify.find(name)
    drawn, alike = catalogue.cases(kind), ALIKE.get((name, part), set())
    for answer in catalogue.answers_of(kind, part):
        found = catalogue.recognised(kind, part, answer, drawn)
        assert found == answer.name or (found, answer.name) in alike


@pytest.mark.parametrize("name", ["fully_connected", "concat", "roi_pool", "hinge_loss", "grad_cam", "occlusion"])
def test_reports_name_the_part_and_a_small_case(name):
    kind = verify.find(name)
    part = catalogue.parts_of(kind)[-1]
    answer = catalogue.answers_of(kind, part)[-1]
    report = verify.layer(kind=name, **({"forward": None} | {part: that_is(kind, answer, part)}), seconds=10)
    assert report.worst.part == part
    assert report.reason_name == answer.name
    assert report.verdict == ("convention" if answer.result == "acceptable" else "differs")
    assert max(report.inputs[next(iter(report.inputs))].shape) <= 4


@pytest.mark.parametrize("name", ["grad_cam", "integrated_gradients", "occlusion", "gradient_times_input"])
def test_scripts_of_methods_give_the_right_numbers(name, capsys):
    kind = verify.find(name)
    answer = kind.answers[-1]
    report = verify.layer(that_is(kind, answer, "forward"), name, seconds=10)
    exec(report.script, {})
    printed = capsys.readouterr().out
    numbers = [float(word) for word in printed.replace("[", " ").replace("]", " ").split()]
    np.testing.assert_allclose(numbers, np.ravel(report.expected["output"]), rtol=1e-6)


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
