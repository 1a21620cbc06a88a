"""On the bundled network, in small, what the pages' tables say: errors of inversions, classes that hold when moved."""

import runpy
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from support.command_line import run

import refvis
from refvis.scenes import scene

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
    result = inversions.one(net, images[:1], codes[:1], codes, at, "inversion").measures
    assert result["norm"].shape == (2,)
    assert (result["norm"] < 0.1).all()
    np.testing.assert_allclose(result["root"] ** 2, result["norm"], rtol=1e-5)
    assert (result["pairwise"] < 0.1).all()
    assert result["same class"].all()


def test_a_search_that_failed_says_so(net, tmp_path, monkeypatch, capsys):
    """Of scene 138, which the page counts: in a fifth of the steps, from one start, and from four."""
    x = net.preprocess(scene(138).image)
    lost = refvis.inversion(net, x, "relu5", steps=40)
    assert lost.failed
    assert lost.measures["norm"] > 0.9 * lost.measures["norm_of_start"]
    assert "; failed: far from the code; " in repr(lost)
    saved = refvis.inversion(net, x, "relu5", steps=40, starts=4)
    assert not saved.failed
    assert "failed" not in repr(saved)
    np.testing.assert_array_equal(saved.measures["norm_of_start"], lost.measures["norm_of_start"])
    for starts, said in ((1, ["the search failed: it started at 100.01 %", "another --seed, more --starts"]), (4, [])):
        options = ["--scene", 138, "--layer", "relu5", "--steps", 40, "--starts", starts, "-o", tmp_path / "a.png"]
        code, out, err = run(monkeypatch, capsys, "invert", *options)
        assert (code, bool(err)) == (0, bool(said))
        assert all(words in err for words in said)
        assert out.endswith("a.png\n")


def test_images_of_classes_hold_when_they_are_moved(net):
    """In a sixth of the steps; 9 of the 81 shifts."""
    x = refvis.activation_maximization(net, steps=40).x
    shown = classes.variants(net, x)
    assert len(shown["shifted"]) == 81
    np.testing.assert_array_equal(shown["shifted"][40], shown["as a picture"][0])
    for batches in (shown["as it is"], shown["as a picture"], shown["shifted"][::10]):
        assert classes.worst(net, batches) > 0.99
