"""``refvis modes``, ``refvis deconvolution``, ``refvis ledger``: backpropagation as names, a picture, a table."""

import re
from pathlib import Path

import h5py
import numpy as np
import pytest
from PIL import Image
from support.command_line import CONTROL, IMAGE, fill, run
from support.same import assert_same
from support.small_nets import LABELS, classifier

import refvis
from refvis import modes, scenes
from refvis.commands.modes import ABOUT


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A working folder with images, and a model that is not read from its file."""
    monkeypatch.chdir(tmp_path)
    fill(tmp_path)
    monkeypatch.setattr("refvis.loading.load", lambda name, **options: classifier())
    return tmp_path


def test_modes_are_listed(monkeypatch, capsys):
    code, out, err = run(monkeypatch, capsys, "modes")
    assert (code, err) == (0, "")
    rows = [re.split(r"\s{2,}", line) for line in out.splitlines()[2:]]
    assert [row[0] for row in rows] == list(modes.MODES) == list(ABOUT)
    assert {row[0] for row in rows if row[1] == "signal"} == {"gradient", "deconvnet", "guided"}
    assert all(len(row) == 4 and re.search(r"\b20\d\d\b", row[3]) for row in rows)
    assert all(len(line) <= 125 for line in out.splitlines())


@pytest.mark.parametrize("name", modes.MODES)
def test_one_mode_is_its_table(monkeypatch, capsys, name):
    assert run(monkeypatch, capsys, "modes", name) == (0, modes.table(name) + "\n", "")


def test_ledger(folder, monkeypatch, capsys):
    code, out, err = run(monkeypatch, capsys, "ledger", "a.png")
    net = classifier()
    expected = refvis.ledger(net, net.preprocess(IMAGE), "epsilon_plus_flat")
    label = net.classify(IMAGE)[0][0]
    assert (code, err) == (0, "")
    assert out == f"a.png: {label}\n{expected}\n"


def test_what_is_explained(folder, monkeypatch, capsys):
    net = classifier()
    x = net.preprocess(IMAGE)
    plain = ["--mode", "epsilon", "--at", "conv2", "--channel", 3, "--position", "2,1", "--against", 5, "--seed", "one"]
    _, out, _ = run(monkeypatch, capsys, "ledger", "a.png", *plain)
    book = refvis.ledger(net, x, "epsilon", "conv2", 3, "one", position=(2, 1), against=5)
    assert out == f"a.png: channel 3 of conv2 (x5)\n{book}\n"
    _, out, _ = run(monkeypatch, capsys, "ledger", "a.png", "--channel", "dog", "--against", "cat")
    dog, cat = LABELS.index("dog"), LABELS.index("cat")
    assert out == f"a.png: dog\n{refvis.ledger(net, x, channel=dog, against=cat)}\n"
    _, out, _ = run(monkeypatch, capsys, "ledger", "a.png", "--channel", "all")
    assert out == f"a.png: all channels of fc3 (x8)\n{refvis.ledger(net, x, channel='all')}\n"


def test_deconvolution_as_files(folder, monkeypatch, capsys):
    net = classifier()
    x = net.preprocess(IMAGE)
    code, out, err = run(monkeypatch, capsys, "deconvolution", "a.png")
    label, scores = net.classify(IMAGE)[0][0], net.forward(x)["fc3"].ravel()
    what = f"fc3 (x8), channel {scores.argmax()} ({label}), value {scores.max():.4g}"
    assert (code, out, err) == (0, f"a.png: {what}\nheatmap: deconvolution.png\n", "")
    assert_same(np.asarray(Image.open("deconvolution.png")), refvis.deconvolution(net, x).overlay())
    chosen = ["--mode", "z_plus", "--at", "relu1", "--channel", 2, "--position", "7,3", "--seed", "activation"]
    run(monkeypatch, capsys, "deconvolution", "a.png", *chosen, "-o", "b.h5")
    expected = refvis.deconvolution(net, x, "z_plus", "relu1", 2, "activation", position=(7, 3))
    with h5py.File("b.h5") as file:
        assert_same(file["values"][()], expected.values)
        assert dict(file.attrs) == expected.record.flat()


def test_a_negative_value_of_relevance_is_noted(folder, monkeypatch, capsys):
    net = classifier()
    scores = net.forward(net.preprocess(IMAGE))["fc3"].ravel()
    least, most = int(scores.argmin()), int(scores.argmax())
    assert scores[least] < 0 < scores[most]
    note = f"refvis: note: the value is {scores[least]:.4g}, below zero: for and against swap their signs\n"
    for channel, mode, expected in (
        (least, "epsilon", note),
        (LABELS[least], "z_plus", note),
        (most, "epsilon", ""),
        (least, "guided", ""),
    ):
        for command in ("deconvolution", "ledger"):
            code, _, err = run(monkeypatch, capsys, command, "a.png", "--channel", channel, "--mode", mode)
            assert (code, err) == (0, expected)


def test_scenes_serve_without_an_image(folder, monkeypatch, capsys):
    made = scenes.scene(11)
    _, out, _ = run(monkeypatch, capsys, "deconvolution", "--scene", 11, "-o", "c.png")
    net = classifier()
    x = net.preprocess(made.image)
    assert out.startswith(f"scene 11 ({made.name}): ")
    assert_same(np.asarray(Image.open("c.png")), refvis.deconvolution(net, x).overlay())
    _, out, _ = run(monkeypatch, capsys, "ledger", "--scene", 11)
    assert out.endswith(f"\n{refvis.ledger(net, x)}\n")


def test_a_model_from_its_file(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    fill(tmp_path)
    code, out, err = run(monkeypatch, capsys, "ledger", "a.png", "-m", "small.mat")
    net = refvis.load("small.mat")
    assert (code, err) == (0, "")
    assert out.partition("\n")[2] == f"{refvis.ledger(net, net.preprocess(IMAGE))}\n"


BAD = {
    "mode": (["--mode", "epsilo"], r"unknown mode 'epsilo', expected one of gradient, .*excitation"),
    "method": (
        ["--mode", "smoothgrad"],
        r"'smoothgrad' is not a mode but a separate method.* call refvis\.smoothgrad\(net, x\)",
    ),
    "layer": (["--at", "relu9"], r"no layer or variable 'relu9': did you mean 'relu[12]'"),
    "input": (["--at", "x0"], "'x0' is the network's input"),
    "channel": (["--channel", "7"], r"channel 7 of 'fc3 \(x8\)': expected 0 \.\.\. 6"),
    "negative channel": (["--channel", "-1"], r"channel -1 of 'fc3 \(x8\)': expected 0 \.\.\. 6"),
    "class": (["--channel", "dogs"], "there is no class 'dogs': did you mean 'dog'"),
    "class far off": (["--channel", "zebra"], "there is no class 'zebra': give the channel's number"),
    "class of a layer": (["--at", "conv2", "--channel", "dog"], "there is no named channel 'dog'"),
    "against all": (["--channel", "1", "--against", "all"], "there is no class 'all'"),
    "against itself": (["--channel", "1", "--against", "1"], "channel 1 is set against itself"),
    "position of one number": (["--position", "3"], r"--position is '3', expected two whole numbers Y,X"),
    "position of letters": (["--position", "a,b"], r"--position is 'a,b'"),
    "position outside": (["--at", "conv2", "--position", "4,0"], r"position \(4, 0\) of 'conv2 \(x5\)'"),
    "seed": (["--seed", "two"], "the seed is 'two', expected 'one', 'activation'"),
    "scene and image": (["--scene", "3"], "give an IMAGE or --scene, not both"),
}


@pytest.mark.parametrize("command", ["ledger", "deconvolution"])
@pytest.mark.parametrize("case", BAD)
def test_errors_are_one_line_and_exit_2(folder, monkeypatch, capsys, command, case):
    arguments, message = BAD[case]
    assert_refused(folder, run(monkeypatch, capsys, command, "a.png", *arguments), message)


FILES = {
    "NaN": (["ledger", "nan.tiff"], "20 values that are NaN"),
    "missing image": (["deconvolution", "nothing.png"], "there is no image 'nothing.png'"),
    "suffix": (["deconvolution", "a.png", "-o", "a.txt"], r"cannot write 'a\.txt': expected a name that ends in"),
    "folder": (["deconvolution", "a.png", "-o", "no/a.png"], "there is no folder 'no'"),
    "mode": (["modes", "epsilo"], r"unknown mode 'epsilo', .*; did you mean 'epsilon'\?"),
    "method": (["modes", "grad_cam"], "'grad_cam' is not a mode but a separate method"),
}


@pytest.mark.parametrize("case", FILES)
def test_errors_about_files_and_names(folder, monkeypatch, capsys, case):
    arguments, message = FILES[case]
    assert_refused(folder, run(monkeypatch, capsys, *arguments), message)


def assert_refused(folder, outcome, message):
    """Raise unless there was one line of that error, exit code 2, and no new file."""
    code, out, err = outcome
    assert (code, out) == (2, "")
    assert re.fullmatch(r"refvis: error: .*\n", err), err
    assert re.search(message, err), err
    assert not {path.name for path in folder.iterdir()} & {"deconvolution.png", "a.txt", "no"}


def test_control_characters_are_escaped(folder, monkeypatch, capsys):
    name = f"x{CONTROL.strip()}.png"
    Image.fromarray(IMAGE).save(name)
    for command in ("ledger", "deconvolution"):
        _, out, _ = run(monkeypatch, capsys, command, name)
        assert r"x\x1b[2J" in out
        assert "\x1b" not in out
    assert Path("deconvolution.png").exists()
