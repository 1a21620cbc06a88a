import numpy as np
import pytest
from numpy.testing import assert_allclose

from refvis.scenes.primitives import box, capsule, coverage, disc, ellipse, lens, polygon, ring, subtract, union

Y, X = (np.mgrid[:81, :101] - 40) / 20.0  # -2 .. 2 by -2 .. 3, steps of 0.05

SHAPES = {
    "disc": (disc(X, Y, (0.2, -0.1), 0.7), np.pi * 0.49),
    "ring": (ring(X, Y, (0.2, -0.1), 0.8, 0.3), np.pi * (0.95**2 - 0.65**2)),
    "box": (box(X, Y, (0.1, 0.3), (1.1, 0.6)), 4 * 1.1 * 0.6),
    "rounded box": (box(X, Y, (0.1, 0.3), (1.1, 0.6), 0.4), 4 * 1.1 * 0.6 - (4 - np.pi) * 0.16),
    "capsule": (capsule(X, Y, (-0.8, -0.4), (0.7, 0.5), 0.4), 0.8 * np.hypot(1.5, 0.9) + np.pi * 0.16),
    "ellipse": (ellipse(X, Y, (0.1, 0.1), (1.3, 0.8)), np.pi * 1.3 * 0.8),
    "triangle": (polygon(X, Y, [(-1.0, -1.0), (1.5, -0.8), (0.3, 1.2)]), 2.63),
    "arrowhead": (polygon(X, Y, [(-1.0, -1.0), (0.0, -0.2), (1.0, -1.0), (0.0, 1.4)]), 1.6),
    "union": (union(disc(X, Y, (-0.9, 0.0), 0.5), disc(X, Y, (0.9, 0.0), 0.5)), np.pi * 0.5),
    "subtract": (subtract(disc(X, Y, (0.0, 0.0), 1.2), disc(X, Y, (0.1, 0.0), 0.6)), np.pi * (1.44 - 0.36)),
}


@pytest.mark.parametrize("name", SHAPES)
def test_a_shape_has_the_area_of_geometry(name):
    distance, area = SHAPES[name]
    assert_allclose(coverage(distance / 0.05).sum() * 0.05**2, area, rtol=0.01)


@pytest.mark.parametrize("name", SHAPES)
def test_no_distance_grows_faster_than_one_walks(name):
    distance, _ = SHAPES[name]
    for axis in (0, 1):
        assert np.abs(np.diff(distance, axis=axis)).max() <= 0.05 + 1e-12


@pytest.mark.parametrize("name", ["box", "rounded box", "capsule", "triangle", "arrowhead"])
def test_distances_outside_are_those_to_the_nearest_point_inside(name):
    distance, _ = SHAPES[name]
    inside = np.argwhere(distance <= 0) * 0.05
    for row, column in [(0, 0), (3, 97), (78, 50), (77, 5), (20, 99)]:
        nearest = np.sqrt(((inside - (row * 0.05, column * 0.05)) ** 2).sum(1).min())
        assert_allclose(distance[row, column], nearest, atol=0.05)


def test_a_lens_reaches_its_half_width_and_half_height():
    inside = lens(X, Y, (0.5, 0.0), (1.2, 0.5)) <= 1e-9
    assert_allclose([X[inside].min(), X[inside].max(), Y[inside].min(), Y[inside].max()], [-0.7, 1.7, -0.5, 0.5])


def test_coverage_is_a_half_on_the_edge_and_full_half_a_pixel_inside():
    assert_allclose(coverage(np.array([-2.0, -0.5, 0.0, 0.25, 0.5, 2.0])), [1.0, 1.0, 0.5, 0.25, 0.0, 0.0])
