"""HOG and dense SIFT as networks: held to a histogram that is written out pixel by pixel, and inverted."""

from math import acos, atan2, cos, hypot, pi, sin

import numpy as np
import pytest
from support.numeric import central

import refvis
from refvis.input_reconstruction.hog import EPSILON
from refvis.layers import ShapeError
from refvis.scenes import scene

SIZE = (19, 22)
KINDS = {"hog": (18, 9, 2, refvis.hog), "dsift": (8, 8, 4, refvis.dsift)}


def approximate(angle, directions):
    """Share of |g| for a direction at that angle from g: the networks' vote."""
    a = cos(2 * pi / directions)
    return max(0.0, cos(angle) - a) / (1 - a)


def linear(angle, directions):
    """Share that falls linearly to 0 at the next direction."""
    return max(0.0, 1 - directions / (2 * pi) * acos(min(1.0, cos(angle))))


def hard(angle, directions):
    """All to the nearest."""
    return float(cos(angle) > cos(pi / directions))


def by_hand(image, directions, bins, block, cell, vote):
    """The descriptor of a gray image H x W, blocks x blocks x (block * block * bins), loop by loop."""
    height, width = image.shape
    down, across = ((extent - 2 + 2 * (cell // 2 + 1) - 2 * cell) // cell + 1 for extent in (height, width))
    cells = np.zeros((down, across, bins))
    for i, j in np.ndindex(height, width):
        if 0 < i < height - 1 and 0 < j < width - 1:
            gx, gy = (image[i, j + 1] - image[i, j - 1]) / 2, (image[i + 1, j] - image[i - 1, j]) / 2
            for k in range(directions):
                voice = hypot(gx, gy) * vote(atan2(gy, gx) - 2 * pi * k / directions, directions)
                for v, u in np.ndindex(down, across):
                    apart = (abs(i + 0.5 - (v + 0.5) * cell) / cell, abs(j + 0.5 - (u + 0.5) * cell) / cell)
                    if max(apart) < 1:
                        cells[v, u, k % bins] += voice * (1 - apart[0]) * (1 - apart[1])
    result = np.zeros((down - block + 1, across - block + 1, block * block * bins))
    for v, u in np.ndindex(result.shape[:2]):
        values = cells[v : v + block, u : u + block].ravel()
        values = np.minimum(values / np.sqrt((values**2).sum() + EPSILON[0] ** 2), 0.2)
        result[v, u] = values / np.sqrt((values**2).sum() + EPSILON[1] ** 2)
    return result


def image(size=SIZE, seed=0):
    """Signed values, with a flat part, whose gradient is zero."""
    made = np.random.default_rng(seed).normal(0, 60, (1, *size, 1))
    made[0, :7, :8] = 30
    return made


@pytest.mark.parametrize("name", KINDS)
def test_the_network_is_the_histogram(name):
    directions, bins, block, make = KINDS[name]
    x, net = image(), make(cell=4)
    x[0, :, 9:] = 40 * np.sign(np.arange(13) - 6)[:, None]  # an edge: blocks with one strong direction
    result = net.forward(x).output
    np.testing.assert_allclose(result[0], by_hand(x[0, ..., 0], directions, bins, block, 4, approximate), atol=1e-9)
    assert result.max() > 0.2  # clipped, and normalised again
    small = net.forward(x.astype("float32")).output
    assert small.dtype == "float32"
    np.testing.assert_allclose(small, result, atol=2e-5)


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("k", range(3))
def test_along_a_direction_all_votes_agree(name, k):
    """A ramp has one gradient, along direction k: the approximate, the linear and the hard vote are one."""
    directions, bins, block, make = KINDS[name]
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    ramp = 9 * (x * cos(2 * pi * k / directions) + y * sin(2 * pi * k / directions))
    result = make(cell=4).forward(ramp[None, :, :, None]).output[0]
    for vote in (approximate, linear, hard):
        np.testing.assert_allclose(result, by_hand(ramp, directions, bins, block, 4, vote), atol=1e-6)


def test_between_directions_the_vote_is_larger():
    """The figure that the module's docstring quotes."""
    assert round(approximate(pi / 18, 18), 2) == 0.75
    assert round(linear(pi / 18, 18), 2) == 0.5
    assert all(approximate(angle, 18) >= linear(angle, 18) - 1e-12 for angle in np.linspace(0, pi, 200))


@pytest.mark.parametrize("vote", [linear, hard])
def test_other_votes_are_near(vote):
    """The approximation is good for pictures, and it is one: the difference shows."""
    x = image(seed=4)[0, ..., 0]
    result, other = (by_hand(x, 18, 9, 2, 4, one).ravel() for one in (approximate, vote))
    assert 0.97 < result @ other / np.sqrt((result @ result) * (other @ other)) < 0.9995


@pytest.mark.parametrize("name", KINDS)
def test_light_and_contrast_do_not_matter(name):
    net, x = KINDS[name][3](cell=4), image(seed=2)
    code = net.forward(x).output
    np.testing.assert_allclose(net.forward(x + 40).output, code, atol=1e-12)
    np.testing.assert_allclose(net.forward(1.5 * x).output, code, atol=1e-4)
    opposite = net.forward(-x).output
    if name == "hog":  # no regard to sign
        np.testing.assert_allclose(opposite, code, atol=1e-12)
    else:
        assert np.abs(opposite - code).max() > 0.1


def test_a_flat_image_has_a_code_of_zeros_and_no_gradient():
    net = refvis.hog(cell=4)
    trace = net.forward(np.full((1, *SIZE, 1), 55.0))
    np.testing.assert_array_equal(trace.output, 0)
    signal = net.backward(trace, {net.scores: np.ones_like(trace.output)})[net.inputs[0]]
    np.testing.assert_array_equal(signal, 0)


@pytest.mark.parametrize("name", KINDS)
def test_the_gradient_is_central_differences(name):
    net, x = KINDS[name][3](cell=4), image(seed=6)
    x[0, :7, :8] += np.random.default_rng(7).normal(0, 10, (7, 8, 1))  # away from the kink at gradient zero
    trace = net.forward(x)
    weights, direction = (np.random.default_rng(seed).normal(size=a.shape) for seed, a in ((8, trace.output), (9, x)))
    slope = central(lambda z: (net.forward(z).output * weights).sum(), x, direction)
    signal = net.backward(trace, {net.scores: weights})[net.inputs[0]]
    np.testing.assert_allclose((signal * direction).sum(), slope, rtol=1e-6)


@pytest.mark.parametrize("name", KINDS)
def test_shapes_and_preprocessing(name):
    _, bins, block, make = KINDS[name]
    net = make((24, 30), cell=6)
    assert net.shapes(x0=(1, 24, 30, 1))[net.scores] == (1, 4 - block + 1, 5 - block + 1, block * block * bins)
    x = net.preprocess(np.full((48, 60, 3), 200, "uint8"))
    assert x.shape == (1, 24, 30, 1)
    np.testing.assert_allclose(x, 72, atol=1e-3)
    assert net.name == name
    assert make().input_size is None


def test_no_file_of_matconvnet_holds_it(tmp_path):
    """`vl_simplenn` has no layer for NormalizeLp, and there is no block of that name."""
    with pytest.raises(ValueError, match=r"layer 'norm' \(NormalizeLp\) cannot be written"):
        refvis.save(refvis.hog(SIZE, cell=4), tmp_path / "hog.mat")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", KINDS)
def test_inversion_finds_an_image_with_that_descriptor(name):
    net = KINDS[name][3]((32, 40), cell=4)
    x = net.preprocess(scene(7).image)
    result = refvis.inversion(net, x, at=net.scores, steps=100)
    first, last = result.history["code"][[0, -1]]
    assert last < 0.1 * first < 0.1


@pytest.mark.parametrize("cell", [0, 1, 7, -4])
def test_odd_cells_are_refused(cell):
    with pytest.raises(ShapeError, match=f"cells of {cell} pixels"):
        refvis.hog(cell=cell)


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("channels", [2, 3, 4, 18])
def test_colours_are_refused(name, channels):
    """18 filters would take 3 channels as groups: an output of the right shape, and another descriptor."""
    net, x = KINDS[name][3](SIZE, cell=4), np.repeat(image(), channels, axis=3)
    assert KINDS[name][3](cell=4).channels == net.channels == 1
    message = f"layer 'gray' .*: the input has {channels} channels, .* expected 1"
    with pytest.raises(ShapeError, match=message):
        net.forward(x)
    with pytest.raises(ShapeError, match=message):
        refvis.inversion(net, x, at=net.scores, steps=1)


def test_images_that_are_too_small_are_refused():
    with pytest.raises(ShapeError, match="layer 'blocks'"):
        refvis.hog().forward(np.zeros((1, 12, 30, 1)))
