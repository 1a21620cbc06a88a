"""The command line: what it prints and writes; errors are one line, and exit code 2."""

import re
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
import typer
from PIL import Image
from support.command_line import CONTROL, IMAGE, fill, run
from support.small_nets import LABELS, SIZE, conv, meta

import refvis
from refvis import cli, scenes
from refvis.layers import ReLU


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A working folder with a model, images, and files that are neither."""
    monkeypatch.chdir(tmp_path)
    fill(tmp_path)
    return tmp_path


ADVICE = "it ended far from the code; more --steps or another --seed may help"
BAD = {
    "missing image": (["classify", "nothing.png", "-m", "small.mat"], r"there is no image \'nothing\.png\'"),
    "text as image": (["classify", "text.png", "-m", "small.mat"], r"text\.png is not an image that can be read"),
    "truncated image": (["classify", "cut.png", "-m", "small.mat"], r"cut\.png is a damaged image"),
    "array as image": (["classify", "nan.npy", "-m", "small.mat"], r"nan\.npy is not an image that can be read"),
    "NaN in the image": (["classify", "nan.tiff", "-m", "small.mat"], "20 values that are NaN"),
    "NaN to explain": (["explain", "nan.tiff", "-m", "small.mat"], "20 values that are NaN"),
    "folder as image": (["classify", ".", "-m", "small.mat"], r"'\.'"),
    "missing model": (["classify", "a.png", "-m", "nothing.mat"], r"no file 'nothing\.mat', and no bundled network"),
    "unknown model": (["explain", "a.png", "--model", "alexnet"], "no file 'alexnet', and no bundled network"),
    "text as model": (["show", "text.mat"], r"text\.mat: looks like text"),
    "truncated model": (["show", "cut.mat"], r"cut\.mat"),
    "image as model": (["show", "a.png"], r"a\.png"),
    "folder as model": (["show", "."], "a folder, expected a MATLAB .mat file"),
    "size of one number": (["show", "small.mat", "--size", "20"], "--size"),
    "size of letters": (["show", "small.mat", "--size", "axb"], "--size is .* expected whole numbers"),
    "size of zero": (["show", "small.mat", "--size", "0x5"], "--size.* at least 1"),
    "channels that do not fit": (["show", "small.mat", "--size", "20x30x4"], "layer 'conv1' .* 4 channels"),
    "size too small": (["show", "small.mat", "--size", "2x2"], "layer 'conv2'"),
    "file in place of a folder": (["scenes", "a.png", "--count", "1"], r"a\.png"),
    "folder that is not there": (["show", "small.mat", "--svg", "no/a.svg"], r"there is no folder 'no'"),
}


@pytest.mark.parametrize("case", BAD)
def test_errors_are_one_line_and_exit_2(folder, monkeypatch, capsys, case):
    arguments, message = BAD[case]
    before = sorted(folder.rglob("*"))
    code, out, err = run(monkeypatch, capsys, *arguments)
    assert code == 2
    assert out == ""
    assert re.fullmatch(r"refvis: error: .*\n", err), err
    assert re.search(message, err), err
    assert "Traceback" not in err
    assert sorted(folder.rglob("*")) == before


USAGE = [
    ["frobnicate"],
    ["classify"],
    ["classify", "a.png", "--nonsense"],
    ["classify", "a.png", "--top", "0"],
    ["classify", "a.png", "--top", "many"],
    ["explain", "a.png", "--steps", "0"],
    ["explain", "a.png", "--seed", "-1"],
    ["explain", "--scene", "-1"],
    ["explain", "a.png", "b.jpg"],
    ["scenes", "out", "--count", "0"],
]


@pytest.mark.parametrize("arguments", USAGE, ids=" ".join)
def test_wrong_usage_exits_2(folder, monkeypatch, capsys, arguments):
    code, out, err = run(monkeypatch, capsys, *arguments)
    assert code == 2
    assert out == ""
    assert "Usage" in err
    assert "Error" in err
    assert "Traceback" not in err


@pytest.mark.parametrize("arguments", [["-h"], ["--help"], ["explain", "-h"], ["show", "--help"]])
def test_help(monkeypatch, capsys, arguments):
    code, out, err = run(monkeypatch, capsys, *arguments)
    assert (code, err) == (0, "")
    assert "Usage" in out


@pytest.mark.parametrize("module", ["refvis", "refvis.cli"])
@pytest.mark.parametrize(("model", "code", "where"), [("text.mat", 2, "stderr"), ("small.mat", 0, "stdout")])
def test_as_a_process(folder, module, model, code, where):
    command = [sys.executable, "-m", module, "show", model]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == code
    assert [name for name in ("stdout", "stderr") if getattr(done, name)] == [where]
    assert "Traceback" not in done.stderr


def test_classify(folder, monkeypatch, capsys):
    code, out, err = run(monkeypatch, capsys, "classify", "a.png", "--model", "small.mat", "--top", "3")
    assert (code, err) == (0, "")
    expected = refvis.load("small.mat").classify("a.png", top=3)
    assert out.splitlines() == [f"{100 * probability:6.2f} %  {label}" for label, probability in expected]
    assert out.splitlines()[0].split()[-1] in LABELS


def test_classify_several_images(folder, monkeypatch, capsys):
    code, out, _ = run(monkeypatch, capsys, "classify", "a.png", "b.jpg", "-m", "small.mat")
    lines = out.splitlines()
    assert code == 0
    assert [line for line in lines if "%" not in line] == ["a.png:", "b.jpg:"]
    assert len(lines) == 2 * 6


def test_explain(folder, monkeypatch, capsys):
    code, out, err = run(
        monkeypatch, capsys, "explain", "a.png", "-m", "small.mat", "-o", "new/out", "--steps", 2, "--seed", 3
    )
    assert code == 0
    assert sorted(path.name for path in Path("new/out").iterdir()) == ["explanation.h5", "explanation.html"]
    assert out.splitlines()[-2:] == ["page:   new/out/explanation.html", "arrays: new/out/explanation.h5"]
    assert len(out.splitlines()) == 5 + 2
    assert err == f"refvis: note: Inversion of relu1 failed: {ADVICE}\n"  # bars are for terminals
    assert Path("new/out/explanation.html").read_text().count("<img ") == 1 + 10 + 2 + 2
    with h5py.File("new/out/explanation.h5") as file:
        assert file.attrs["source"] == "a.png"
        assert file["modification/occlusion_random"].attrs["parameter seed"] == 3
        assert file["reconstruction/inversion/relu1"].attrs["parameter steps"] == 2
        first = file["reconstruction/inversion/relu1/x"][()]
    again = ["explain", "a.png", "-m", "small.mat", "-o", "new/out", "--steps", 2, "--seed", 4, "--no-maximize"]
    run(monkeypatch, capsys, *again)
    with h5py.File("new/out/explanation.h5") as file:
        assert np.abs(file["reconstruction/inversion/relu1/x"][()] - first).max() > 1
        assert set(file["reconstruction"]) == {"inversion"}


def test_explain_says_what_failed_and_what_is_left_out(folder, monkeypatch, capsys):
    """As the page does; what took another way is not mentioned."""
    arguments = ["explain", "a.png", "-m", "small.mat", "-o", "out"]
    _, _, err = run(monkeypatch, capsys, *arguments, "--steps", 1, "--no-maximize")
    failed = [line for line in err.splitlines() if "failed" in line]
    assert failed == [f"refvis: note: Inversion of {name} failed: {ADVICE}" for name in ("relu1", "relu2")]
    _, _, err = run(monkeypatch, capsys, *arguments, "--steps", 60, "--no-maximize")
    assert "failed" not in err


def test_explain_another_class(folder, monkeypatch, capsys):
    for channel in ("cat", 2):
        run(monkeypatch, capsys, "explain", "a.png", "-m", "small.mat", "--steps", 1, "--channel", channel)
        with h5py.File("refvis-report/explanation.h5") as file:
            assert file["deconvolutional/gradient"].attrs["parameter channel"] == 2
            assert "cat" in file.attrs["target"]
    code, _, err = run(monkeypatch, capsys, "explain", "a.png", "-m", "small.mat", "--channel", "cats")
    assert (code, err) == (2, "refvis: error: there is no class 'cats': did you mean 'cat'?\n")


def test_explain_a_scene_with_its_object(folder, monkeypatch, capsys):
    side = scenes.SIDE
    layers = {"conv": conv(np.random.default_rng(0), (4, 7, 5, 3), stride=4), "relu": ReLU()}
    net = refvis.chain(layers, {"normalization": {"imageSize": (side, side, 3)}})
    refvis.save(net, "scene.mat")
    for model, pictures in (("scene.mat", 2 + 10 + 1 + 2), ("small.mat", 1 + 10 + 2 + 2)):
        code, _, _ = run(monkeypatch, capsys, "explain", "-m", model, "-o", "out", "--steps", 1, "--scene", 11)
        assert code == 0
        page = Path("out/explanation.html").read_text()
        assert page.count("<img ") == pictures
        assert f"scene 11 ({scenes.scene(11).name})" in page
        with h5py.File("out/explanation.h5") as file:
            assert ("mask" in file["input"]) == (model == "scene.mat")


def test_explain_leaves_a_whole_page_or_the_old_one(folder, monkeypatch, capsys):
    arguments = ["explain", "a.png", "-m", "small.mat", "-o", "out", "--steps", 1]
    assert run(monkeypatch, capsys, *arguments)[0] == 0
    before = {path.name: path.read_bytes() for path in Path("out").iterdir()}

    def fails(*arguments, **options):
        raise OSError("disk full")

    monkeypatch.setattr("refvis.report.page.png", fails)
    monkeypatch.setattr("refvis.report.arrays.write_h5", fails)
    code, _, err = run(monkeypatch, capsys, *arguments)
    assert code == 2
    assert "refvis: error: disk full" in err
    assert {path.name: path.read_bytes() for path in Path("out").iterdir()} == before


def test_notes_name_options_of_the_command(folder, monkeypatch, capsys):
    """A model that says nothing about images: what each command suggests, it takes, and then says no more."""
    net = refvis.chain({"fc": conv(np.random.default_rng(0), (7, *SIZE)), "relu": ReLU()})
    refvis.save(net, "bare.mat")
    np.save("mean.npy", np.full(3, 100.0))
    average, size = "meta.normalization.averageImage", "meta.normalization.imageSize"
    for command, option in (("classify", "--size"), ("deconvolution", "--size"), ("occlusion", "--input-size")):
        _, _, err = run(monkeypatch, capsys, command, "a.png", "-m", "bare.mat")
        notes = [line for line in err.splitlines() if line.startswith("refvis: note: ")]
        assert [line.split()[2] for line in notes] == [f"{average}:", f"{size}:"]
        assert notes[0].endswith(" (--mean FILE.npy) (warning)")
        assert notes[1].endswith(f" ({option} HxW) (warning)")
        given = ["--mean", "mean.npy", option, "13x11"]
        code, _, err = run(monkeypatch, capsys, command, "a.png", "-m", "bare.mat", *given)
        assert (code, "note" in err) == (0, False)
    run(monkeypatch, capsys, "explain", "a.png", "-m", "bare.mat", "--size", "13x11", "--steps", 1)
    page = Path("refvis-report/explanation.html").read_text(encoding="utf-8")
    assert "nothing is subtracted from images (--mean FILE.npy)" in page
    _, out, _ = run(monkeypatch, capsys, "show", "bare.mat")
    assert f"  {size}: the model has no input size: images keep their own size (--size HxW) " in out
    assert f"  {average}: the model has no average image: nothing is subtracted from images (warning)\n" in out
    told = [remark.words for remark in refvis.load("bare.mat").load_report if remark.kind == "warning"]
    assert [words.partition(" (net.with_images(")[2] for words in told] == ["average=...))", "size=...))"]


def test_scenes(folder, monkeypatch, capsys):
    code, out, err = run(monkeypatch, capsys, "scenes", "new/pictures", "--count", 2, "--first", 5)
    assert (code, err) == (0, "")
    assert out == "2 scenes and their masks are in new/pictures\n"
    expected = []
    for number in (5, 6):
        made = scenes.scene(number)
        name = f"{number:05d}-{made.name}"
        expected += [f"{name}.png", f"{name}-mask.png"]
        picture, mask = (np.asarray(Image.open(f"new/pictures/{name}{kind}.png")) for kind in ("", "-mask"))
        np.testing.assert_array_equal(picture, made.image)
        np.testing.assert_array_equal(mask.astype(bool), made.mask)
    assert sorted(path.name for path in Path("new/pictures").iterdir()) == sorted(expected)


def test_control_characters_are_escaped(folder, monkeypatch, capsys):
    labels = [f"{CONTROL}{label}" for label in LABELS]
    layers = {f"conv{CONTROL}": conv(np.random.default_rng(0), (7, *SIZE)), f"relu{CONTROL}": ReLU()}
    net = refvis.chain(layers, meta() | {"classes": {"name": labels, "description": labels}})
    refvis.save(net, "evil.mat")
    assert refvis.load("evil.mat").labels == labels
    Image.fromarray(IMAGE).save(f"x{CONTROL.strip()}.png")
    commands = [
        ["show", "evil.mat"],
        ["classify", "a.png", f"x{CONTROL.strip()}.png", "-m", "evil.mat"],
        ["explain", "a.png", "-m", "evil.mat", "--steps", 1],
        ["classify", f"no{CONTROL}.png", "-m", "evil.mat"],
        ["show", f"no{CONTROL}.mat"],
        ["explain", "a.png", "-m", "evil.mat", "--steps", 1, "-o", f"out{CONTROL.strip()}"],
        ["scenes", f"out{CONTROL.strip()}", "--count", 1],
    ]
    for arguments in commands:
        _, out, err = run(monkeypatch, capsys, *arguments)
        bars = re.compile(r"^.*(occlusion|inversion):.*$", re.M)
        printed = out + bars.sub("", err)
        assert {c for c in printed if not c.isprintable()} <= {"\n", "\r"}, arguments
        assert r"\x1b[2J" in printed, arguments
        assert "\x1b" not in out + err


def test_an_interruption_is_said(monkeypatch, capsys):
    app = typer.Typer()

    @app.command()
    def stopped():
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "app", app)
    monkeypatch.setattr(sys, "argv", ["refvis"])
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert end.value.code == 130
    assert capsys.readouterr().err == "refvis: interrupted\n"
