"""Units that never fire: maximising them says so."""

import warnings

import numpy as np
import pytest
from support.command_line import run
from support.shared_files import shared

import refvis
from refvis.layers import Conv, ReLU


def dead() -> refvis.Network:
    """A ReLU whose first channel is inactive for every image, and whose second is not."""
    filters = np.random.default_rng(0).normal(size=(2, 3, 3, 3)).astype("float32")
    biases = np.array([-1e6, 1e6], "float32")
    normalization = {"normalization": {"imageSize": (8, 7, 3)}}
    return refvis.chain({"conv": Conv(filters, biases), "relu": ReLU()}, normalization, name="dead")


def test_a_unit_that_never_fires_is_said():
    with pytest.warns(UserWarning, match=r"channel 0 of relu \(x2\) never fires"):
        refvis.activation_maximization(dead(), channel=[0, 1], steps=2)
    refvis.activation_maximization(dead(), channel=1, steps=2)
    refvis.activation_maximization(dead(), "conv", channel=0, steps=2)


def test_several_are_said_at_once():
    filters = np.zeros((12, 3, 3, 3), "float32")
    net = refvis.chain({"conv": Conv(filters), "relu": ReLU()}, dead().meta)
    expected = r"channels 0, 1, 2, 3, 4, 5, 6, 7 and 4 more of relu \(x2\) never fire: each is 0"
    with pytest.warns(UserWarning, match=expected) as warned:
        refvis.activation_maximization(net, steps=1)
    assert len(warned) == 1


def test_the_command_notes_it(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    refvis.save(dead(), "dead.mat")
    for chosen in (["--channel", 0], ["--all"]):
        with warnings.catch_warnings():
            warnings.simplefilter("default")
            code, _, err = run(monkeypatch, capsys, "maximize", "-m", "dead.mat", *chosen, "--steps", 2)
        assert code == 0
        assert err.count("refvis: note: channel 0 of relu (x2) never fires") == 1
        assert "activation_maximization.py" not in err


def test_a_file_with_a_dead_unit():
    with pytest.warns(UserWarning, match="never fires"):
        refvis.activation_maximization(refvis.load(shared("cases", "dead.mat")), "r", 0, size=(8, 8), steps=2)
