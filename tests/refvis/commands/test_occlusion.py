"""``refvis occlusion``: a heatmap as a file, and what an interruption leaves."""

import h5py
import numpy as np
import pytest
from PIL import Image
from support.command_line import IMAGE, fill, run
from support.same import assert_same
from support.small_nets import LABELS, classifier

import refvis
from refvis.input_modification.boxes import fills


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A working folder with images, and a model that is not read from its file."""
    monkeypatch.chdir(tmp_path)
    fill(tmp_path)
    monkeypatch.setattr("refvis.loading.load", lambda name, **options: classifier())
    return tmp_path


def test_a_picture(folder, monkeypatch, capsys):
    code, out, err = run(monkeypatch, capsys, "occlusion", "a.png")
    net = classifier()
    heatmap = refvis.occlusion(net, net.preprocess(IMAGE), 2, 1, "random")
    label = net.classify(IMAGE)[0][0]
    assert (code, out, err) == (0, f"a.png: {label}\nheatmap: occlusion.png\n", "")
    assert_same(np.asarray(Image.open(folder / "occlusion.png")), heatmap.overlay())


def test_all_options(folder, monkeypatch, capsys):
    given = ["--size", "4x3", "--stride", 2, "--fill", "20,-30,5", "--at", "conv2", "--channel", 3, "--against", 5]
    given += ["--position", "2,1", "--measure", "absolute", "--draws", 2, "--seed", 7, "-o", "map.h5"]
    code, out, _ = run(monkeypatch, capsys, "occlusion", "a.png", *given)
    assert (code, out) == (0, "a.png: channel 3 of conv2 (x5)\nheatmap: map.h5\n")
    net = classifier()
    x = net.preprocess(IMAGE)
    options = {"measure": "absolute", "draws": 2, "position": (2, 1), "against": 5}
    heatmap = refvis.occlusion(net, x, (4, 3), 2, (20, -30, 5), "conv2", 3, 7, **options)
    with h5py.File(folder / "map.h5") as file:
        assert_same(file["values"][()], heatmap.values)
        assert file.attrs["parameter measure"] == "absolute"
        assert file.attrs["parameter seed"] == 7


def test_the_stride_is_a_third_of_the_box(folder, monkeypatch, capsys):
    run(monkeypatch, capsys, "occlusion", "a.png", "--size", "9x7", "--fill", "gray", "-o", "map.h5")
    with h5py.File(folder / "map.h5") as file:
        assert file.attrs["parameter size"] == "(9, 7)"
        assert file.attrs["parameter stride"] == "(2, 2)"
        assert file.attrs["parameter fill"] == "gray"


def test_a_class_by_its_name(folder, monkeypatch, capsys):
    _, out, _ = run(monkeypatch, capsys, "occlusion", "b.jpg", "--channel", "gnu", "-o", "map.h5")
    assert out.startswith("b.jpg: gnu\n")
    with h5py.File(folder / "map.h5") as file:
        assert file.attrs["parameter channel"] == LABELS.index("gnu")


def interrupted(monkeypatch, after):
    """Make the fill of box number `after` an interruption, computing one box at a time."""
    uniform, count = fills.uniform, []

    def filling(image, box, dice):
        count.append(box)
        if len(count) > after:
            raise KeyboardInterrupt
        return uniform(image, box, dice)

    monkeypatch.setitem(fills.FILLS, "random", filling)


def test_an_interruption_writes_what_is_done(folder, monkeypatch, capsys):
    interrupted(monkeypatch, 70)
    code, out, err = run(monkeypatch, capsys, "occlusion", "a.png", "-o", "map.h5")
    assert "heatmap: map.h5" in out
    with h5py.File(folder / "map.h5") as file:
        assert file.attrs["parameter partial"] == "64 of 120 boxes"
        share = f"{100 * file['covered'][()].mean():.0f} % of the pixels"
    assert (code, err) == (130, f"refvis: interrupted: the map is of 64 of 120 boxes, which cover {share}\n")


def test_an_interruption_before_anything_is_done_writes_nothing(folder, monkeypatch, capsys):
    interrupted(monkeypatch, 10)
    code, _, _ = run(monkeypatch, capsys, "occlusion", "a.png", "-o", "map.h5")
    assert code == 130
    assert not (folder / "map.h5").exists()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["--size", "40"], "the box is 40 x 40, larger than the image, 13 x 11"),
        (["--size", "4x5x6"], "--size is [4, 5, 6], expected 1 or 2 whole number(s), each at least 1"),
        (["--stride", "0"], "--stride is [0], expected 1 or 2 whole number(s), each at least 1"),
        (["--input-size", "7"], "--input-size is [7], expected 2 or 3 whole number(s), each at least 1"),
        (["--fill", "purple"], "fill is 'purple', expected 'mean', 'gray', 'random'"),
        (["--fill", "1,2"], "fill is [1.0, 2.0], expected"),
        (["--measure", "max"], "measure is 'max', expected 'difference'"),
        (["-o", "map.txt"], "cannot write 'map.txt': expected a name that ends in .png or .h5"),
    ],
)
def test_what_does_not_fit_is_one_line(folder, monkeypatch, capsys, given, message):
    code, out, err = run(monkeypatch, capsys, "occlusion", "a.png", *given)
    assert (code, out) == (2, "")
    assert err.startswith(f"refvis: error: {message}")
    assert err.count("\n") == 1
