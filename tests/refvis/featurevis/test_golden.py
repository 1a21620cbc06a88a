"""FeatureVis' golden cases: the running original's numbers, with an exact power in local response normalisation."""

import numpy as np
import pytest
from support.approximate_power import approximate_power
from support.featurevis_cases import FAMILIES, case
from support.golden_files import SHARED, golden

FILES = golden(*(f"{family}_*" for family in FAMILIES))
TOLERANCES = {"deconvolution": 2e-5, "occlusion": 1e-4, "reconstruction": 2e-6}
RELEVANCE = 1e-3
"""Relevance divides by numbers near zero, which differ in the last digits."""


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_it_agrees_with_the_original(path):
    one = case(path)
    if one.error:
        pytest.skip(f"the original ended in an error: {one.error}")
    relevance = one.options.get("convolution_pass") == "Relevance Propagation"
    tolerance = RELEVANCE if relevance else TOLERANCES[one.function.__name__]
    if one.approximate:  # the power explains the difference, all of it
        assert 1e-4 < one.difference() < 5e-3
        with approximate_power():
            assert one.difference() < tolerance
    else:
        assert one.difference() < tolerance


def test_all_cases_are_here():
    counts = {family: len([path for path in FILES if path.stem.startswith(f"{family}_")]) for family in FAMILIES}
    assert min(counts.values()) > 0
    if (SHARED / "golden").exists():
        assert list(counts.values()) == [54, 42, 24, 20, 15, 11, 7]


def test_most_relevance_in_the_graph_is_not_a_number():
    """Where the next layer in the file starts with a ReLU's output, its zeros are divided by: 0 / 0."""
    cases = [case(path) for path in golden("fv_dagdeconv_*")]
    spoilt = [one for one in cases if np.isnan(one.expected).all()]
    assert {one.options["convolution_pass"] for one in spoilt} == {"Relevance Propagation"}
    assert len(spoilt) > 0
    for one in spoilt:
        assert np.isnan(one.function(*one.arguments, **one.options)).all()
