"""Names of channels in commands: the label of the class, "class K" below a softmax, and else "channel K" of a layer."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from support.command_line import fill, run
from support.small_nets import SIZE, conv

import refvis
from refvis.layers import ReLU, Softmax

RANDOM = np.random.default_rng(4)
META = {"normalization": {"imageSize": SIZE, "averageImage": np.full(3, 100, "float32")}}

COMMANDS = {
    "deconvolution": "a.png",
    "occlusion": "a.png",
    "ledger": "a.png",
    "explain": "a.png --steps 2 --no-maximize --out report",
    "maximize": "--steps 2 --channel 1",
    "examples": ". --channel 1 --top 1",
    "classify": "a.png",
    "invert": "a.png --steps 2",
}


def features() -> refvis.Network:
    """A tracker's features: a map that nothing reads as classes."""
    return refvis.chain({"conv": conv(RANDOM, (5, 4, 3, 3)), "relu": ReLU()}, META)


def regressor() -> refvis.Network:
    """Five numbers that nothing reads as classes."""
    return refvis.chain({"conv": conv(RANDOM, (6, 4, 3, 3)), "relu": ReLU(), "fc": conv(RANDOM, (5, 10, 9, 6))}, META)


def rated() -> refvis.Network:
    """Scores that a softmax reads, without names."""
    return refvis.chain({"fc": conv(RANDOM, (4, *SIZE)), "prob": Softmax()}, META)


def two_heads() -> refvis.Network:
    """Two outputs, of 4 and 2 channels."""
    trunk = refvis.Node("conv", conv(RANDOM, (5, 3, 3, 3)), ("input",), ("map",))
    left = refvis.Node("left", conv(RANDOM, (4, 11, 9, 5)), ("map",), ("first",))
    right = refvis.Node("right", conv(RANDOM, (2, 11, 9, 5)), ("map",), ("second",))
    return refvis.Network((trunk, left, right), META)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with pictures."""
    monkeypatch.chdir(tmp_path)
    fill(tmp_path)
    return tmp_path


@pytest.mark.parametrize(("net", "layer"), [(features, "relu (x2)"), (regressor, "fc (x3)")])
@pytest.mark.parametrize("command", COMMANDS)
def test_channels_that_nobody_reads_as_classes_are_none(
    net: Callable[[], refvis.Network],
    layer: str,
    command: str,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    refvis.save(net(), "net.mat")
    code, out, err = run(monkeypatch, capsys, command, *COMMANDS[command].split(), "-m", "net.mat")
    assert code == 0, err
    assert "class " not in out
    if command == "deconvolution":
        assert f"{layer}, channel " in out
    elif command == "explain":
        assert f" of {layer}" in (folder / "report" / "explanation.html").read_text()
    elif command not in ("classify", "invert"):
        assert "channel " in out
        assert f" of {layer}" in out


@pytest.mark.parametrize("command", ["occlusion", "ledger", "maximize", "examples", "classify"])
def test_channels_below_a_softmax_are_classes(
    command: str, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    refvis.save(rated(), "net.mat")
    code, out, err = run(monkeypatch, capsys, command, *COMMANDS[command].split(), "-m", "net.mat")
    assert code == 0, err
    assert ("class 1" if command in ("maximize", "examples") else "class ") in out


@pytest.mark.parametrize("command", COMMANDS)
def test_one_of_two_outputs_is_chosen_with_at(
    command: str, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    refvis.save(two_heads(), "net.mat")
    options = (command, *COMMANDS[command].split(), "-m", "net.mat")
    code, _, err = run(monkeypatch, capsys, *options)
    assert code == 2
    asked = "refvis: error: the network has several outputs (first, second): name one with --at"
    assert err.splitlines()[-1] == asked
    for at in ("right", "second"):
        code, out, err = run(monkeypatch, capsys, *options, "--at", at)
        assert code == 0, err
        assert "class " not in out
        assert command == "explain" or "right (second)" in out
