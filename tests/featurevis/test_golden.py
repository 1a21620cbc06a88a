"""FeatureVis' golden cases: the running original's numbers, with an exact power in local response normalisation."""

import numpy as np
import pytest
from featurevis_cases import FAMILIES, case
from golden_files import SHARED, golden

from refvis.layers import LRN, OPERATORS, Operator, lrn, modes

FILES = golden(*(f"{family}_*" for family in FAMILIES))
TOLERANCES = {"deconvolution": 2e-5, "occlusion": 1e-4, "reconstruction": 2e-6}
RELEVANCE = 1e-3
"""Relevance divides by numbers near zero, which differ in the last digits."""


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_it_agrees_with_the_original(path, monkeypatch):
    one = case(path)
    if one.error:
        pytest.skip(f"the original ended in an error: {one.error}")
    if one.options.get("measure_layer") == "layer9":  # of these files, only the original with its own power is known
        assert 1e-4 < one.difference() < 5e-3
        use_approximate_power(monkeypatch)
    relevance = one.options.get("convolution_pass") == "Relevance Propagation"
    assert one.difference() < (RELEVANCE if relevance else TOLERANCES[one.function.__name__])


def use_approximate_power(monkeypatch):
    """Let local response normalisation take powers as the original's CPU code does."""

    def forward(layer, x):
        return x * approximate_power(lrn.denominator(layer, x), -layer.beta)

    def gradient(layer, signal, output, x):
        below, above = lrn.reaches(layer)
        L = lrn.denominator(layer, x)
        power = approximate_power(L, -layer.beta)
        mirrored = lrn.window_sum(signal * x * power / L, above, below)
        return (signal * power - (2 * layer.alpha * layer.beta) * x * mirrored,)

    monkeypatch.setitem(OPERATORS, LRN, Operator(forward, gradient, lrn.output_shape))
    monkeypatch.setitem(modes.GRADIENT, LRN, gradient)


def approximate_power(base, exponent):
    """base^exponent = 2^(exponent log2 base), logarithm and power by polynomials of degree 3 in the mantissa."""
    mantissa, power = np.frexp(base)
    m = 2 * mantissa - 1
    t = np.float32(exponent) * (power - 1 + cubic(m, 1.442695040888963, -0.606737602222409, 0.164042561333445))
    whole = np.floor(t)
    z = cubic(t - whole, 0.693147180559945, 0.227411277760219, 0.079441541679836)
    return np.ldexp(1 + z, whole.astype(int)).astype(base.dtype)


def cubic(x, *factors):
    return sum(np.float32(factor) * x**power for power, factor in enumerate(factors, 1))


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
