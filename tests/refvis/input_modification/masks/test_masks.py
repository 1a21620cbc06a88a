"""Operators on masks agree with their formulas, and their adjoints and gradients with numeric ones, in float64."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.numeric import assert_adjoint, central, inner
from support.small_nets import inputs

from refvis.input_modification.boxes import fills
from refvis.input_modification.boxes.blur import SHARE, blurred_part, gaussian
from refvis.input_modification.masks.area import area_misfit
from refvis.input_modification.masks.games import shift
from refvis.input_modification.masks.masks import along_axes, blend, blend_gradient, replacement_pyramids
from refvis.input_modification.masks.smooth_max import forward, gradient, smooth_max
from refvis.results.upsampling import bilinear_weights, upsample_bilinear

SIZES = st.tuples(st.integers(1, 3), st.integers(1, 7), st.integers(1, 8), st.integers(1, 3))


def normal(shape, seed):
    return np.random.default_rng(seed).normal(size=shape)


def assert_gradient(function, back, x, seed, relative=1e-7):
    """The derivative along a random direction is the inner product with the gradient of a random functional."""
    y = function(x)
    v, g = normal(x.shape, seed), normal(y.shape, seed + 1)
    computed, expected = inner(back(g), v), inner(central(function, x, v), g)
    np.testing.assert_allclose(computed, expected, rtol=0, atol=relative * np.abs(back(g) * v).sum())


@given(shape=SIZES, tall=st.integers(1, 9), wide=st.integers(1, 9), seed=st.integers(0, 99), sigma=st.floats(0, 4))
def test_matrices_along_both_axes_and_their_adjoint(shape, tall, wide, seed, sigma):
    """Bilinear enlargement, then a blur: the operations that make a mask from a grid."""
    down = gaussian(np, tall, sigma) @ bilinear_weights(np, shape[1], tall)
    across = gaussian(np, wide, sigma) @ bilinear_weights(np, shape[2], wide)
    z, g = normal(shape, seed), normal((shape[0], tall, wide, shape[3]), seed + 1)
    y = along_axes(z, down, across)
    np.testing.assert_allclose(y, np.einsum("ah,bw,nhwc->nabc", down, across, z), rtol=0, atol=1e-12)
    assert y.flags["C_CONTIGUOUS"]
    assert_adjoint(z, y, g, along_axes(g, down.T, across.T), 1e-13)
    np.testing.assert_allclose(along_axes(np.ones(shape), down, across), 1, rtol=1e-12)


def test_enlarging_is_that_of_maps():
    z = normal((2, 3, 4, 1), 0)
    np.testing.assert_allclose(
        along_axes(z, bilinear_weights(np, 3, 10), bilinear_weights(np, 4, 7)),
        upsample_bilinear(z, (10, 7)),
        rtol=0,
        atol=1e-14,
    )


@given(count=st.integers(2, 6), seed=st.integers(0, 99))
def test_an_image_between_levels(count, seed):
    levels, m = normal((count, 5, 4, 3), seed), np.random.default_rng(seed).random((2, 5, 4, 1))
    expected = np.zeros((2, 5, 4, 3))
    for at in np.ndindex(2, 5, 4):
        for channel in range(3):
            column = levels[:, at[1], at[2], channel]
            expected[(*at, channel)] = np.interp(m[at][0], np.linspace(0, 1, count), column)
    np.testing.assert_allclose(blend(levels, m), expected, rtol=0, atol=1e-13)
    away = np.abs(m * (count - 1) - np.round(m * (count - 1)))
    m = np.where(away < 1e-4, m * 0.999 + 3e-4, m)  # away from the kinks
    assert_gradient(lambda n: blend(levels, n), lambda g: blend_gradient(levels, m, g), m, seed)


def test_the_ends_are_the_image_and_its_replacement():
    levels = normal((4, 5, 3, 2), 0).astype("float32")
    for end, m in ((3, 1), (0, 0)):
        full = np.full((1, 5, 3, 1), m, "float32")
        np.testing.assert_array_equal(blend(levels, full)[0], levels[end])
        slope = blend_gradient(levels, full, np.ones((1, 5, 3, 2), "float32"))
        sides = (levels[3] - levels[2]) if m else (levels[1] - levels[0])
        np.testing.assert_allclose(slope[0, ..., 0], 3 * sides.sum(axis=2), rtol=1e-5)


def test_replacements():
    x = inputs(1, "float64")
    pyramid = replacement_pyramids("blur", x, None, 0, 4)(0)
    assert pyramid.shape == (4, 13, 11, 3)
    np.testing.assert_array_equal(pyramid[3], x[0])
    np.testing.assert_allclose(pyramid[0], blurred_part(x[0], slice(None), slice(None), SHARE * 11))
    assert np.diff([one.std() for one in pyramid]).min() > 0
    colour, image = replacement_pyramids([1, 2, 3], x, None, 0)(5)
    np.testing.assert_array_equal(image, x[0])
    np.testing.assert_array_equal(colour, np.broadcast_to([1.0, 2.0, 3.0], image.shape))
    noise = replacement_pyramids("random", x, None, 8)
    np.testing.assert_array_equal(noise(3), noise(3))
    assert np.abs(noise(3)[0] - noise(4)[0]).max() > 1
    expected = fills.uniform(x[0], ((0, 13), (0, 11)), np.random.default_rng([8, 4]))
    np.testing.assert_array_equal(noise(4)[0], expected)
    with pytest.raises(ValueError, match="fill is 'magic'"):
        replacement_pyramids("magic", x, None, 0)


def test_levels_move_and_repeat_the_border():
    levels = normal((2, 5, 4, 3), 0)
    shifted = shift(levels, (2, -1))
    np.testing.assert_array_equal(shifted[:, 2:, :-1], levels[:, :-2, 1:])
    np.testing.assert_array_equal(shifted[:, 0], shifted[:, 2])
    np.testing.assert_array_equal(shifted[:, :, -1], shifted[:, :, -2])
    np.testing.assert_array_equal(shift(levels, (0, 0)), levels)


def slow_smooth_max(p, extent, step, sigma, temperature):
    """Compute the smooth maximum by its formula, pixel by pixel and cell by cell."""
    counts = [max(1, round(n / step)) for n in extent]
    sizes = [n / c for n, c in zip(extent, counts, strict=True)]
    reach = 1 + int(np.ceil(sigma / min(sizes)))
    m = np.zeros((len(p), *extent, 1))
    for n, y, x in np.ndindex(len(p), *extent):
        own = [int((u + 0.5) // size) for u, size in zip((y, x), sizes, strict=True)]
        f = []
        for i, j in np.ndindex(2 * reach + 1, 2 * reach + 1):
            cell = own[0] + i - reach, own[1] + j - reach
            inside = 0 <= cell[0] < counts[0] and 0 <= cell[1] < counts[1]
            place = [(c + 0.5) * size - 0.5 for c, size in zip(cell, sizes, strict=True)]
            away = np.hypot(y - place[0], x - place[1]) / sigma
            f.append(np.exp(-2 * max(0, away - 0.5) ** 2) * (p[n, cell[0], cell[1], 0] if inside else 0))
        f = np.array(f)
        m[n, y, x, 0] = (f * np.exp(f / temperature)).sum() / np.exp(f / temperature).sum()
    return m


@pytest.mark.parametrize(("extent", "step", "sigma"), [((9, 7), 2, 3), ((5, 8), 1.5, 2.2), ((4, 3), 9, 5)])
def test_smooth_max_is_its_formula(extent, step, sigma):
    layer = smooth_max(np.zeros((1, *extent, 3)), step, sigma, 0.05)
    p = np.random.default_rng(1).random((2, layer.rows.shape[1], layer.columns.shape[1], 1))
    p[0, 0, 0] = 0
    np.testing.assert_allclose(forward(layer, p), slow_smooth_max(p, extent, step, sigma, 0.05), rtol=1e-10)


@given(seed=st.integers(0, 99), temperature=st.sampled_from([0.02, 0.05, 1.0]), sigma=st.floats(0.5, 6))
def test_the_gradient_of_smooth_max(seed, temperature, sigma):
    layer = smooth_max(np.zeros((1, 9, 7, 3)), 2, sigma, temperature)
    p = np.random.default_rng(seed).random((2, layer.rows.shape[1], layer.columns.shape[1], 1))
    assert_gradient(lambda q: forward(layer, q), lambda g: gradient(layer, g, p), p, seed, 1e-5)
    single = smooth_max(np.zeros((1, 9, 7, 3), "float32"), 2, sigma, temperature)
    assert forward(single, p.astype("float32")).dtype == "float32"


def test_a_cold_smooth_max_is_a_disc_around_a_single_cell():
    layer = smooth_max(np.zeros((1, 15, 15, 1)), 3, 6, 1e-3)
    p = np.zeros((1, 5, 5, 1))
    p[0, 2, 2] = 1
    m = forward(layer, p)[0, :, :, 0]
    y, x = np.mgrid[:15, :15] - 7
    np.testing.assert_allclose(
        m, np.exp(-2 * np.maximum(0, np.hypot(y, x) / 6 - 0.5) ** 2) * (np.hypot(y, x) < 12), atol=0.02
    )
    assert forward(layer, np.ones((1, 5, 5, 1))).max() <= 1


@given(seed=st.integers(0, 99), area=st.floats(0.05, 0.95))
def test_area_misfit(seed, area):
    m = np.random.default_rng(seed).random((2, 6, 5, 1))
    value, slope = area_misfit(m, (area, 0.5))
    for row, share in enumerate((area, 0.5)):
        ones = round(share * 30)
        wanted = np.array([0] * (30 - ones) + [1] * ones)
        np.testing.assert_allclose(value[row], ((np.sort(m[row].ravel()) - wanted) ** 2).mean(), rtol=1e-12)
    assert_gradient(lambda n: area_misfit(n, (area, 0.5))[0], lambda g: slope * g.reshape(2, 1, 1, 1), m, seed)


def test_area_of_equal_values_prefers_none():
    value, slope = area_misfit(np.ones((1, 4, 5, 1)), (0.25,))
    np.testing.assert_allclose(value, 0.75)
    np.testing.assert_allclose(slope, 2 * 0.75 / 20, rtol=1e-12)
    m = np.zeros((1, 4, 5, 1))
    m[0, 1] = 1
    value, slope = area_misfit(m, (0.25,))
    assert (value[0], np.abs(slope).max()) == (0, 0)
