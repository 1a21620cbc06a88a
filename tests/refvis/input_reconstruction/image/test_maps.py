"""Parametrisations and transforms: what they do, and that each one's adjoint is its own, by inner products."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.numeric import STEP, assert_adjoint
from support.small_nets import conv

import refvis
from refvis.input_reconstruction.image.fourier import SCENE_COLOURS, Fourier, colour_root, hartley, spectrum
from refvis.input_reconstruction.image.parametrisations import Generated, Pixels, Squashed, decode
from refvis.input_reconstruction.image.transforms import Blur, Jitter, Rotate, Scale, enlargement, gaussian
from refvis.layers import ConvTranspose, ReLU, ShapeError
from refvis.scenes import TRAINING_SEEDS, batch

TRANSFORMS = (Jitter(0), Jitter(3), Blur(0.7), Blur((0.0, 2.0)), Scale(0.6, 1.7), Rotate(50.0))
SIZES = st.tuples(st.integers(1, 3), st.integers(1, 9), st.integers(1, 8), st.integers(1, 4))


def normal(shape, seed, dtype="float64"):
    return np.random.default_rng(seed).normal(size=shape).astype(dtype)


def generator():
    """Codes 3 x 2 x 5 to images 7 x 5 x 3, with a kink between."""
    random = np.random.default_rng(6)
    up = ConvTranspose(random.normal(size=(4, 3, 3, 3)), random.normal(size=3), upsample=2)
    layers = {"conv": conv(random, (4, 3, 3, 5), pad=1), "relu": ReLU(0.2), "up": up}
    return refvis.chain(layers, {"inputs": {"name": "code", "size": (3, 2, 5, 1)}}).astype("float64")


@pytest.mark.parametrize("transform", TRANSFORMS, ids=repr)
@given(shape=SIZES, seed=st.integers(0, 10**6), dtype=st.sampled_from(["float32", "float64"]))
def test_adjoints_of_transforms(transform, shape, seed, dtype):
    x, g = normal(shape, seed, dtype), normal(shape, seed + 1, dtype)
    change = transform.draw(np.random.default_rng(seed))
    y, back = change(x)
    returned = back(g)
    assert (y.dtype, returned.dtype) == (dtype, dtype)
    assert_adjoint(x, y, g, returned, 1e-12 if dtype == "float64" else 1e-6)


@given(shape=SIZES, seed=st.integers(0, 10**6), power=st.sampled_from([0.0, 1.0, 1.5]))
def test_adjoints_of_frequencies(shape, seed, power):
    colours = tuple(map(tuple, normal((shape[3], shape[3]), seed + 2)))
    for part in (Fourier(power, colours), Pixels(), Fourier(power)):
        assert part.shape(shape[1:]) == shape[1:]
        z, g = normal(shape, seed), normal(shape, seed + 1)
        x, back = part(z)
        assert_adjoint(z, x, g, back(g), 1e-12)
        np.testing.assert_array_equal(decode(part, z), x)


def test_colours_fit_their_images_alone():
    """The default keeps the channels of other images apart; colours of one's own are refused."""
    z = normal((1, 5, 4, 1), 3)
    np.testing.assert_allclose(decode(Fourier(), z), decode(Fourier(colours=((1.0,),)), z), rtol=1e-12)
    own = Fourier(colours=((1.0, 0.5), (0.5, 1.0)))
    for refused in (lambda: own.shape((5, 4, 3)), lambda: own(normal((1, 5, 4, 3), 3))):
        with pytest.raises(ShapeError, match="Fourier's colours have 2 channels, expected the image's 3"):
            refused()
    with pytest.raises(ValueError, match=r"colours is \[2, 1\], expected C rows of C numbers"):
        Fourier(colours=((1.0, 0.5), (0.5,)))


@pytest.mark.parametrize(
    "curved", [Squashed(Fourier(), 1.5), Squashed(Pixels(), 0.7), Generated(generator())], ids=repr
)
def test_adjoints_of_derivatives(curved):
    shape = curved.shape((7, 5, 3))
    z, g = normal((2, *shape), 0), normal((2, 7, 5, 3), 1)
    back = curved(z)[1]
    for seed in range(3):
        u = normal(z.shape, seed + 2)
        slope = (decode(curved, z + STEP * u) - decode(curved, z - STEP * u)) / (2 * STEP)
        assert_adjoint(u, slope, g, back(g), 1e-8)


def test_squashed_stays_within_its_bound():
    x = decode(Squashed(Pixels(), 3.0), np.linspace(-50, 50, 30).reshape(1, 5, 2, 3))
    assert np.abs(x).max() <= 3
    small = np.full((1, 5, 2, 3), 1e-4)
    np.testing.assert_allclose(decode(Squashed(Pixels(), 3.0), small), small, rtol=1e-6)


def test_generated_draws_what_the_generator_draws():
    net = generator()
    z = normal((2, 3, 2, 5), 3)
    np.testing.assert_array_equal(decode(Generated(net), z), net.forward(z).output)
    assert Generated(net).shape((7, 5, 3)) == Generated(net, (3, 2, 5)).shape((7, 5, 3)) == (3, 2, 5)
    with pytest.raises(
        ValueError, match=r"the generator draws .* \(7, 5, 3\), expected \(8, 8, 3\), the network's input"
    ):
        Generated(net).shape((8, 8, 3))
    with pytest.raises(ValueError, match="does not say how large a code is"):
        Generated(refvis.chain({"up": ConvTranspose(np.ones((2, 3, 3, 3)))})).shape((7, 5, 3))


def test_hartley_is_its_formula_and_its_own_inverse():
    v = normal((2, 5, 4, 3), 0)
    y, x, a, b = np.ogrid[:5, :4, :5, :4]
    angle = 2 * np.pi * (a * y / 5 + b * x / 4)
    expected = np.einsum("yxab,nabc->nyxc", (np.cos(angle) + np.sin(angle)) / np.sqrt(20), v)
    np.testing.assert_allclose(hartley(v), expected, atol=1e-12)
    np.testing.assert_allclose(hartley(hartley(v)), v, atol=1e-12)
    assert hartley(v.astype("float32")).dtype == "float32"


def test_spectrum_falls_with_the_frequency():
    falling = spectrum((8, 6), 1.0)
    np.testing.assert_allclose((falling**2).mean(), 1)
    np.testing.assert_allclose(falling[2, 0] / falling[4, 0], 2)  # 2 and 4 cycles in 8 pixels
    np.testing.assert_allclose(falling[4, 0], falling[0, 3])  # half a cycle a pixel, both
    assert falling[0, 0] == falling.max()
    np.testing.assert_array_equal(spectrum((8, 6), 0.0), 1)


def test_images_have_the_colours_of_the_scenes():
    """White noise, decoded, has their covariance; 100 scenes give the constants' to about a fifth."""
    root = np.array(SCENE_COLOURS)
    np.testing.assert_allclose((root @ root.T).trace(), 3, rtol=1e-3)
    measured = colour_root(batch(TRAINING_SEEDS[:100])[0])
    np.testing.assert_allclose(measured @ measured.T, root @ root.T, atol=0.2)
    pixels = normal((4000, 3), 1) @ np.diag([3.0, 2.0, 1.0]) @ normal((3, 3), 2)
    result, covariance = colour_root(pixels), np.cov(pixels.T)
    np.testing.assert_allclose(result @ result.T, 3 * covariance / covariance.trace(), rtol=1e-9)
    lengths = np.linalg.norm(result, axis=0)
    assert (np.diff(lengths) < 0).all()


def test_jitter_shifts_all_images_alike():
    x = normal((3, 7, 5, 2), 0)
    seen = set()
    for seed in range(200):
        y = Jitter(1).draw(np.random.default_rng(seed))(x)[0]
        shifts = [s for s in np.ndindex(3, 3) if np.array_equal(np.roll(x, (s[0] - 1, s[1] - 1), (1, 2)), y)]
        assert len(shifts) == 1
        seen.update(shifts)
    assert len(seen) == 9


def test_blur_keeps_a_flat_image_and_spreads_a_point():
    for extent, sigma in ((7, 0.0), (7, 1.3), (1, 2.0)):
        np.testing.assert_allclose(gaussian(extent, sigma).sum(axis=1), 1)
    np.testing.assert_array_equal(gaussian(4, 0.0), np.eye(4))
    point = np.zeros((1, 21, 19, 2))
    point[0, 10, 9] = 1
    y = Blur(1.5).draw(np.random.default_rng(0))(point)[0][0, :, :, 1]
    rows = np.arange(21) - 10
    np.testing.assert_allclose((y.sum(axis=1) * rows**2).sum(), 1.5**2, rtol=1e-3)
    np.testing.assert_allclose(y, np.outer(y.sum(axis=1), y.sum(axis=0)) / y.sum(), atol=1e-12)


def test_scale_enlarges_about_the_centre():
    np.testing.assert_allclose(enlargement(5, 2.0)[1], [0, 0.5, 0.5, 0, 0])
    np.testing.assert_allclose(enlargement(5, 0.5)[0], 0)  # from beyond the border
    ramp = np.arange(9.0).reshape(1, 9, 1, 1) - 4
    y = Scale(2.0, 2.0).draw(np.random.default_rng(0))(np.tile(ramp, (1, 1, 7, 1)))[0]
    np.testing.assert_allclose(y[0, :, 3, 0], (np.arange(9) - 4) / 2)


def test_rotate_turns_about_the_centre():
    x = normal((2, 7, 7, 3), 0)
    quarter = Rotate(90.0)

    class Most:
        def uniform(self, low, high):
            return high

    np.testing.assert_allclose(quarter.draw(Most())(x)[0], np.rot90(x, 1, (1, 2)), atol=1e-9)
    np.testing.assert_allclose(Rotate(0.0).draw(np.random.default_rng(0))(x)[0], x, atol=1e-12)
