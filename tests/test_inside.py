"""The share of relevance inside objects: measured as the page says, and the page's table holds what is measured."""

import runpy
from itertools import islice
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import refvis
from refvis import modes
from refvis.scenes import TEST_SEEDS, scene

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "inside"
measure, methods = (SimpleNamespace(**runpy.run_path(str(FOLDER / f"{name}.py"))) for name in ("measure", "methods"))

MASK = np.array([[True, False, False], [True, False, True]])


def test_share_counts_positive_values_only():
    relevance = np.array([[3.0, -9.0, 1.0], [-2.0, 0.0, 4.0]], "float32")
    assert measure.share_inside(relevance, MASK) == 7 / 8
    assert measure.share_inside(-relevance, MASK) == 2 / 11
    assert np.isnan(measure.share_inside(-abs(relevance), MASK))


def test_pointing_takes_the_largest_value_and_of_nearly_equal_ones_their_share():
    assert measure.points_inside(np.array([[0.0, 1.0, 2.0], [3.0, 0.0, 0.0]]), MASK) == 1
    assert measure.points_inside(np.array([[2.0, 1.0, 2.004], [1.0, 0.0, 0.0]]), MASK) == 0
    assert measure.points_inside(np.array([[-5.0, 1.0, 0.0], [0.9999, 0.0, 1.0001]]), MASK) == 2 / 3
    assert measure.points_inside(np.array([[-1.0, -2.0, -2.0], [-3.0, -1.0, -4.0]]), MASK) == 0.5
    assert measure.points_inside(np.zeros((2, 3)), MASK) == 0.5


def test_standard_error_leaves_out_what_is_no_number():
    middle, error = measure.mean(np.array([1.0, np.nan, 4.0, 7.0]))
    assert middle == 4
    np.testing.assert_allclose(error, 3 / np.sqrt(3))


@pytest.fixture(scope="module")
def net():
    return refvis.load("scenes")


@pytest.fixture(scope="module")
def scenes(net):
    return list(islice(measure.classified_rightly(net), methods.MANY))


def test_scenes_are_held_out_and_those_named_wrongly_are_left_out(net, scenes):
    assert all(made.seed in TEST_SEEDS for made, _ in scenes)
    assert len(scenes) == methods.MANY
    right = list(measure.classified_rightly(net, [106, 4]))
    assert [made.seed for made, _ in right] == [4]
    for made, x in (*right, (scene(106), net.preprocess(scene(106).image))):
        assert (int(net.forward(x)[net.scores].argmax()) == made.label) == (made.seed == 4)


def test_every_mode_is_there_and_names_are_unique():
    names = [method.name for method in methods.METHODS]
    assert len(set(names)) == len(names)
    assert set(modes.MODES) <= set(names)
    families = [method.family for method in methods.METHODS]
    assert families == sorted(families, key=list(dict.fromkeys(families)).index)


QUICK = [method for method in methods.METHODS if method.scenes != methods.RARE]
"""The others take seconds for an image; they have tests of their own."""


@pytest.mark.parametrize("method", QUICK, ids=lambda method: method.name)
def test_every_method_gives_a_map_of_the_class(net, scenes, method):
    made, x = scenes[3]
    heatmap = method.explain(net, x, made.label)
    assert heatmap.shape == made.mask.shape
    assert np.isfinite(heatmap).all()
    assert heatmap.max() > 0
    if method.family != "no network" and method.scenes == methods.MANY:  # the others take long
        assert abs(heatmap - method.explain(net, x, (made.label + 1) % 10)).max() > 1e-6 * heatmap.max()


def rows():
    """The page's table: method -> its cells."""
    lines = (FOLDER / "inside.inc").read_text("utf-8").splitlines()[2:]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return {row[0]: row[1:] for row in cells if not row[0].startswith("**")}


def test_table_has_every_method_in_order():
    assert list(rows()) == [method.name for method in methods.METHODS], "run: python docs/inside"


@pytest.mark.parametrize("name", ["uniform", "edges of the image", "guided", "Grad-CAM"])
def test_table_holds_what_is_measured(net, scenes, name):
    """Anew, on all scenes. A table has one digit behind the point; of pointing, each scene is one percent."""
    method = next(one for one in methods.METHODS if one.name == name)
    measures = measure.measure(net, method.explain, scenes, method.scenes)
    for cell, values in zip(rows()[name], (measures.shares, measures.points), strict=False):
        if cell:
            middle, error = (float(part) for part in cell.split("\N{NO-BREAK SPACE}±\N{NO-BREAK SPACE}"))
            np.testing.assert_allclose([middle, error], 100 * np.array(measure.mean(values)), rtol=0, atol=0.06)
