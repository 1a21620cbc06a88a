"""On the bundled network, in small, what the pages' tables say: errors of inversions, classes that hold when moved."""

import runpy
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import refvis

FOLDER = Path(__file__).resolve().parents[3] / "docs" / "reconstruction"
inversions, classes = (
    SimpleNamespace(**runpy.run_path(str(FOLDER / f"{name}.py"))) for name in ("inversions", "classes")
)


@pytest.fixture(scope="module")
def net():
    return refvis.load("scenes")


@pytest.mark.parametrize("at", ["conv1", "conv2", "conv3"])
def test_codes_are_inverted(net, at):
    """From two starts: the error is below 0.1 of the code's squared norm, and the class stays the scene's."""
    images = inversions.inputs(net, 5)[3:]
    codes = net.upto(at).forward(images)[net.variable(at)]
    found = inversions.one(net, images[:1], codes[:1], codes, at, "inversion").measures
    assert found["norm"].shape == (2,)
    assert (found["norm"] < 0.1).all()
    np.testing.assert_allclose(found["root"] ** 2, found["norm"], rtol=1e-5)
    assert (found["pairwise"] < 0.1).all()
    assert found["same class"].all()


def test_images_of_classes_hold_when_they_are_moved(net):
    """In a sixth of the steps; 9 of the 81 shifts."""
    x = refvis.activation_maximization(net, steps=40).x
    shown = classes.shown_as(net, x)
    assert len(shown["shifted"]) == 81
    np.testing.assert_array_equal(shown["shifted"][40], shown["as a picture"][0])
    for batches in (shown["as it is"], shown["as a picture"], shown["shifted"][::10]):
        assert classes.worst(net, batches) > 0.99
