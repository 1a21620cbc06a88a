"""``refvis invert`` and ``refvis maximize``: files with the images of the functions."""

import h5py
import numpy as np
import pytest
from PIL import Image
from support.command_line import CONTROL, IMAGE, fill, run
from support.same import assert_same
from support.small_nets import LABELS, SIZE, classifier

import refvis
from refvis.input_reconstruction.image.sheet import pictures, sheet
from refvis.optimisation.optimisers import Adam


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A working folder with images, and a model that is not read from its file."""
    monkeypatch.chdir(tmp_path)
    fill(tmp_path)
    monkeypatch.setattr("refvis.loading.load", lambda name, **options: classifier())
    return tmp_path


def read(path):
    with Image.open(path) as file:
        return np.asarray(file)


def test_invert(folder, monkeypatch, capsys):
    net = classifier()
    options = ["--at", "conv2", "--steps", 7, "--weight", 0.5, "--starts", 2, "--seed", 3, "-o", "found.png"]
    code, out, err = run(monkeypatch, capsys, "invert", "a.png", *options)
    inversion = refvis.inversion(net, net.preprocess(IMAGE), "conv2", 7, tv_weight=0.5, starts=2, seed=3)
    assert (code, err) == (0, "")
    error = 100 * inversion.measures["norm"][0]
    said = f"error: {error:.2f} % of the code's squared norm\nimage: found.png\n"
    assert out == f"a.png, inverted from conv2 (x5)\n{said}"
    assert_same(read(folder / "found.png"), inversion.image)


def test_invert_naturally(folder, monkeypatch, capsys):
    net = classifier()
    code, _, err = run(monkeypatch, capsys, "invert", "a.png", "--natural", "--steps", 4, "--weight", 20, "-o", "n.h5")
    preimage = refvis.natural_preimage(net, net.preprocess(IMAGE), None, 20.0, steps=4)
    assert (code, err) == (0, "")
    with h5py.File(folder / "n.h5") as file:
        assert_same(file["x"][()], preimage.x)
        assert file.attrs["method"] == "natural pre-image"


@pytest.mark.parametrize(
    ("options", "at", "channel", "lines"),
    [
        (["--layer", "conv2", "--channel", 3], "conv2", 3, ["channel 3 of conv2 (x5)"]),
        (["--channel", "dog"], None, LABELS.index("dog"), ["dog"]),
        (["--class", "dog"], None, LABELS.index("dog"), ["dog"]),
        (["--all", "--recipe", "yosinski2015"], None, None, LABELS),
    ],
)
def test_maximize(options, at, channel, lines, folder, monkeypatch, capsys):
    net = classifier()
    recipe = "yosinski2015" if "--recipe" in options else "olah2017"
    code, out, err = run(monkeypatch, capsys, "maximize", *options, "--steps", 3, "--starts", 2, "--seed", 1)
    maximized = refvis.activation_maximization(net, at, channel, recipe, steps=3, starts=2, seed=1)
    assert (code, err) == (0, "")
    values = [f"{value:.4g}" for value in maximized.measures["activation"]]
    expected = [f"{name}: {value}" for name, value in zip(lines, values, strict=True)]
    order = ["sheet: in this order, row by row from the top left, 3 in a row"] if "--all" in options else []
    assert out.splitlines() == [*expected, *order, "image: maximized.png"]
    assert_same(read(folder / "maximized.png"), sheet(pictures(net, maximized.x)))


def test_maximize_one_unit(folder, monkeypatch, capsys):
    net, options = classifier(), ["--layer", "conv2", "--channel", 3, "--position", "1,2", "--steps", 4]
    code, out, err = run(monkeypatch, capsys, "maximize", *options)
    maximized = refvis.activation_maximization(net, "conv2", 3, steps=4, position=(1, 2))
    assert (code, err) == (0, "")
    assert out.splitlines()[0] == f"channel 3 of conv2 (x5): {maximized.measures['activation'][0]:.4g}"
    assert_same(read(folder / "maximized.png"), maximized.image)


def test_maximized_arrays(folder, monkeypatch, capsys):
    assert run(monkeypatch, capsys, "maximize", "--all", "--steps", 2, "-o", "all.h5")[0] == 0
    with h5py.File(folder / "all.h5") as file:
        assert file["x"].shape == (7, *SIZE)
        assert file["measures/activation"].shape == (7,)


def test_a_sheet_is_row_by_row():
    shown = np.arange(5, dtype=np.uint8).reshape(5, 1, 1, 1) * np.ones((1, 4, 3, 3), np.uint8)
    tiles = sheet(shown)
    assert tiles.shape == (2 * 4 + 2, 3 * 3 + 2 * 2, 3)
    np.testing.assert_array_equal(tiles[0, [0, 5, 10], 0], [0, 1, 2])
    np.testing.assert_array_equal(tiles[-1, [0, 5, 10], 0], [3, 4, 255])
    assert (tiles[4:6] == 255).all()
    assert sheet(shown, columns=5).shape == (4, 5 * 3 + 4 * 2, 3)


@pytest.mark.parametrize("command", [("invert", "a.png", "--at", "conv1"), ("maximize", "--all")])
def test_an_interruption_writes_what_there_is(command, folder, monkeypatch, capsys):
    def stopped(self, z, gradient, memory, number, steps, step=Adam.step):
        if number == 4:
            raise KeyboardInterrupt
        return step(self, z, gradient, memory, number, steps)

    with monkeypatch.context() as patched:
        patched.setattr(Adam, "step", stopped)
        code, out, err = run(monkeypatch, capsys, *command, "--checkpoint", "state.npz", "--steps", 6, "-o", "part.png")
    assert code == 130
    assert err.endswith("refvis: interrupted: this is the best of 2 steps\n")
    assert out.endswith("image: part.png\n")
    assert read(folder / "part.png").ndim == 3
    assert run(monkeypatch, capsys, *command, "--checkpoint", "state.npz", "--steps", 6, "-o", "resumed.png")[0] == 0
    assert run(monkeypatch, capsys, *command, "--steps", 6, "-o", "whole.png")[0] == 0
    assert (folder / "resumed.png").read_bytes() == (folder / "whole.png").read_bytes()
    assert not (folder / "state.npz").exists()


def test_a_negative_weight_is_refused(folder, monkeypatch, capsys):
    code, out, err = run(monkeypatch, capsys, "invert", "a.png", "--weight", -1)
    assert (code, out) == (2, "")
    assert "--weight" in err
    assert "in the range x>=0" in err or "greater than or equal to 0" in err.replace("│", "")  # of click, and of typer


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["invert", "a.png", "--scene", 3], "give an IMAGE or --scene, not both"),
        (["invert", "a.png", "--at", "conv9"], "no layer or variable 'conv9'"),
        (["invert", "a.png", "-o", "a.jpg"], "expected a name that ends in .png or .h5"),
        (["invert", "a.png", "-o", "none/a.png"], "there is no folder 'none'"),
        (["invert", "a.png", "--checkpoint", "a.txt"], "expected a name that ends in .npz"),
        (["maximize"], "give one of --channel K, --class NAME and --all"),
        (["maximize", "--all", "--channel", 2], "give one of"),
        (["maximize", "--class", "dof"], "there is no class 'dof': did you mean 'dog'"),
        (["maximize", "--class", "dog", "--layer", "conv1"], "--class is of the scores"),
        (["maximize", "--channel", 9], "channel 9 of 'fc3 (x8)': expected 0 ... 6"),
        (["maximize", "--channel", "dof"], "there is no class 'dof': did you mean 'dog'"),
        (["maximize", "--channel", "all"], "there is no class 'all'"),
        (["maximize", "--channel", 2, "--position", "a"], "expected two whole numbers Y,X"),
        (["maximize", "--all", "--recipe", f"olah{CONTROL}"], "there is no recipe 'olah"),
    ],
)
def test_what_cannot_be_is_refused(arguments, message, folder, monkeypatch, capsys):
    code, out, err = run(monkeypatch, capsys, *arguments)
    assert (code, out) == (2, "")
    assert err.startswith("refvis: error: ")
    assert message in err
    assert err.count("\n") == 1
    assert CONTROL.rstrip() not in err
    assert not list(folder.glob("*.h5"))
