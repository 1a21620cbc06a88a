"""Regularisers are their formulas, and their gradients those of central differences."""

import numpy as np
import pytest
from support.numeric import central
from support.slow_terms import slow_colour_norm, slow_excess, slow_lp, slow_total_variation

from refvis.optimisation.regularisers import colour_norm, excess, lp, total_variation

SHAPE = (2, 5, 4, 3)
BETAS = (1.0, 1.5, 2.0, 3.0)


def image(flat: bool = False) -> np.ndarray:
    """Values of about -2 ... 2 times 80; with `flat`, half of each image has one value, and some are zero."""
    x = 80 * np.random.default_rng(0).normal(size=SHAPE)
    if flat:
        x[:, :, :2] = 40.0
        x[:, 0, 3] = 0.0
    return x


@pytest.mark.parametrize("flat", [False, True])
@pytest.mark.parametrize("sigma", [1.0, 80.0])
@pytest.mark.parametrize(
    ("term", "slow", "powers"),
    [
        (lp, slow_lp, (1, 2, 3, 6)),
        (colour_norm, slow_colour_norm, (1.5, 2, 6)),
        (excess, slow_excess, (50.0, 90.0)),
        (total_variation, slow_total_variation, BETAS),
    ],
)
def test_terms_are_their_formulas(term, slow, powers, sigma, flat):
    x = image(flat)
    for power in powers:
        value, gradient = term(x, power, sigma)
        assert (value.shape, gradient.shape) == ((2,), SHAPE)
        np.testing.assert_allclose(value, [slow(one, power, sigma) for one in x], rtol=1e-12)
        small = term(x.astype("float32"), power, sigma)
        assert {part.dtype.name for part in small} == {"float32"}
        np.testing.assert_allclose(small[0], value, rtol=1e-5)
        np.testing.assert_allclose(small[1], gradient, rtol=1e-4, atol=1e-5 * np.abs(gradient).max())


@pytest.mark.parametrize(
    ("term", "power"),
    [
        *((lp, p) for p in (2.0, 3.0, 6.0)),
        *((colour_norm, p) for p in (1.0, 2.0, 6.0)),
        (excess, 60.0),
        *((total_variation, beta) for beta in BETAS),
    ],
)
def test_slopes_are_central_differences(term, power):
    x = image()
    gradient = term(x, power, 80.0)[1]
    for at in np.ndindex(*SHAPE):
        unit = np.zeros(SHAPE)
        unit[at] = 80.0
        slope = central(lambda z: term(z, power, 80.0)[0].sum(), x, unit)
        np.testing.assert_allclose(gradient[at] * 80, slope, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize(
    ("term", "power"), [(lp, 2.0), (lp, 6.0), (colour_norm, 6.0), (total_variation, 2.0), (total_variation, 3.0)]
)
def test_slopes_in_flat_parts(term, power):
    x = image(flat=True)
    gradient = term(x, power, 80.0)[1]
    direction = np.random.default_rng(1).normal(size=SHAPE) * 80
    slope = central(lambda z: term(z, power, 80.0)[0].sum(), x, direction)
    np.testing.assert_allclose((gradient * direction).sum(), slope, rtol=1e-6)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("beta", [0.5, *BETAS])
def test_total_variation_of_a_flat_image_has_no_slope(beta, dtype):
    for value in (0.0, 40.0):
        loss, gradient = total_variation(np.full(SHAPE, value, dtype), beta, 80.0)
        np.testing.assert_array_equal(loss, 0)
        np.testing.assert_array_equal(gradient, 0)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("beta", BETAS)
def test_slopes_stay_finite_where_an_image_is_nearly_flat(beta, dtype):
    x = image(flat=True).astype(dtype)
    for step in (1e-3, 1e-10, 1e-18, 1e-25, 1e-40):
        x[0, 2, 1, 1] = step
        x[1, :, :2] = step
        assert np.isfinite(total_variation(x, beta, 80.0)[1]).all()


def test_a_pixel_of_zero_has_no_colour_slope():
    x = image(flat=True)
    for power in (1.0, 1.5, 6.0):
        np.testing.assert_array_equal(colour_norm(x, power, 80.0)[1][:, 0, 3], 0)


def test_values_within_the_bound_cost_nothing():
    x = np.clip(image(), -70, 70)
    for part in excess(x, 70.0, 80.0):
        np.testing.assert_array_equal(part, 0)
