"""Stabilisers: every form, absolute and relative, with every sign of zero, against a few lines for one number."""

import math

import numpy as np
import pytest
from support import cases

from refvis import layers
from refvis.layers import lrp

FORMS = ("signed", "clipped", "positive")
MIXED = [0.0, -0.0, 0.125, -0.125, 3, -5, 0.5, -0.5, 1e-9, 4, 7, -2]
NOT_NEGATIVE = [0.0, -0.0, 0.125, 0.25, 3, 5, 0.5, 1, 1e-9, 4, 7, 2]


def by_hand(z: float, e: float, form: str, at_zero: int) -> float:
    """Return the denominator for one number."""
    sign = at_zero if z == 0 else math.copysign(1, z)
    return {"signed": z + e * sign, "clipped": sign * max(abs(z), e), "positive": z + e}[form]


@pytest.mark.parametrize("dtype", cases.FLOATS)
@pytest.mark.parametrize("relative", [False, True])
@pytest.mark.parametrize("at_zero", [1, 0, -1])
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("values", [MIXED, NOT_NEGATIVE], ids=["mixed", "not negative"])
def test_every_form(values: list[float], form: str, at_zero: int, relative: bool, dtype: str) -> None:
    z = np.array(values).reshape(2, 1, 3, 2).astype(dtype)
    found = lrp.Stabiliser(0.25, form, relative, at_zero)(z)
    for image, row in zip(z, found, strict=True):
        # The root mean square of each image by itself.
        e = 0.25 * (math.sqrt(sum(float(v) ** 2 for v in image.ravel()) / image.size) if relative else 1)
        expected = [by_hand(float(v), e, form, at_zero) for v in image.ravel()]
        np.testing.assert_allclose(row.ravel(), expected, rtol=1e-6 if dtype == "float32" else 1e-14, atol=1e-12)
    np.testing.assert_equal((found.dtype.name, found.shape), (dtype, z.shape))


def test_a_number_is_a_signed_absolute_one() -> None:
    z = np.array([[0.0, -0.0, 2.0, -2.0]])
    np.testing.assert_array_equal(lrp.stabilised(z, 0.5), [[0.5, 0.5, 2.5, -2.5]])
    np.testing.assert_array_equal(lrp.stabilised(z, lrp.Stabiliser(0.5)), [[0.5, 0.5, 2.5, -2.5]])
    np.testing.assert_array_equal(lrp.stabilised(z, 0), z)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("relative", [False, True])
def test_nan_stays(form: str, relative: bool) -> None:
    for other in (2.0, -2.0):
        found = lrp.Stabiliser(0.25, form, relative)(np.array([[1.0, np.nan], [2.0, other]]))
        np.testing.assert_array_equal(np.isnan(found), [[relative, True], [False, False]])


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"eps": -1}, "eps is -1, expected 0 or more"),
        ({"eps": float("nan")}, "eps is nan"),
        ({"form": "clip"}, "form is 'clip', expected one of signed, clipped, positive"),
        ({"at_zero": 2}, "at_zero is 2, expected the sign of zero"),
    ],
)
def test_fields_are_checked(fields: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        lrp.Stabiliser(**fields)


@pytest.mark.parametrize(
    ("rule", "options", "message"),
    [
        (lrp.epsilon, {"eps": -0.5}, "eps is -0.5"),
        (lrp.epsilon, {"bias": "dropped"}, "bias is 'dropped', expected one of booked, absent, spread"),
        (lrp.gamma, {"split": "inputs"}, "split is 'inputs', expected one of both, weights"),
        (lrp.gamma, {"gamma": -0.1}, "gamma is -0.1, expected 0 or more"),
        (lrp.alpha_beta, {"alpha": 1.0}, r"alpha is 1.0 and beta 1.0, expected alpha - beta = 1"),
        (lrp.alpha_beta, {"alpha": 0.5, "beta": -0.5}, "beta -0.5"),
        (lrp.alpha_beta, {"alpha": 2.0, "beta": float("nan")}, "beta nan"),
        (lrp.excitation, {"signed": "abs"}, "signed is 'abs', expected 'clamp', 'shift' or 'keep'"),
        (lrp.box, {"low": 0.5}, r"the input lies in -1 \.\.\. 2, outside the box"),
        (lrp.box, {"high": 1.5}, r"the input lies in -1 \.\.\. 2, outside the box"),
    ],
)
def test_options_are_checked(rule: object, options: dict[str, object], message: str) -> None:
    layer, x = layers.FullyConnected(np.ones((1, 2))), np.array([-1.0, 2.0]).reshape(1, 1, 1, 2)
    with pytest.raises(ValueError, match=message):
        rule(layer, np.ones((1, 1, 1, 1)), layers.forward(layer, x), x, **options)  # type: ignore[operator]


@pytest.mark.parametrize("rule", [lrp.epsilon, lrp.z_plus, lrp.flat, lrp.excitation])
def test_a_maximum_is_not_linear(rule: object) -> None:
    x = np.ones((1, 2, 3, 4))
    with pytest.raises(ValueError, match=r"Pool takes the largest value.*lrp\.pool.*lrp\.spread"):
        layers.backward(layers.Pool(2), np.ones((1, 1, 2, 4)), None, x, rule=rule)
    regions = np.array([1.0, 1, 1, 2, 2]).reshape(5, 1)
    with pytest.raises(ValueError, match="ROIPool takes the largest value"):
        layers.backward(layers.ROIPool(1), np.ones((1, 1, 1, 4)), None, x, regions, rule=rule)


def test_weights_that_no_field_holds() -> None:
    x, grid = np.ones((1, 2, 3, 4)), np.zeros((1, 1, 1, 2))
    with pytest.raises(
        ValueError, match=r"needs the weights of BilinearSampler, which are unknown.*lrp\.epsilon.*lrp\.LINEAR"
    ):
        layers.backward(layers.BilinearSampler(), np.ones((1, 1, 1, 4)), None, x, grid, rule=lrp.z_plus)


def test_what_differs_is_printed() -> None:
    np.testing.assert_equal(repr(lrp.Stabiliser()), "Stabiliser()")
    np.testing.assert_equal(repr(lrp.Stabiliser(0.5, at_zero=0)), "Stabiliser(eps=0.5, at_zero=0)")
    np.testing.assert_equal(
        repr(lrp.Stabiliser(relative=True, form="clipped")), "Stabiliser(form='clipped', relative=True)"
    )
