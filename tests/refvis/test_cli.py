"""The command line: what it prints and writes; errors are one line, and exit code 2."""

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
from PIL import Image
from small_nets import LABELS, SIZE, classifier, conv, meta

import refvis
from refvis import cli, scenes
from refvis.layers import FullyConnected, Pool, ReLU
from refvis.show import described, parameters

IMAGE = np.random.default_rng(0).integers(0, 256, (26, 22, 3)).astype(np.uint8)
CONTROL = "\x1b[2J\x1b]0;title\x07\r\n"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A working folder with a model, images, and files that are neither."""
    monkeypatch.chdir(tmp_path)
    refvis.save(classifier(), "small.mat")
    Image.fromarray(IMAGE).save("a.png")
    Image.fromarray(IMAGE[::-1]).save("b.jpg")
    Path("text.mat").write_text("this is no model")
    Path("text.png").write_text("this is no image")
    Path("cut.png").write_bytes(Path("a.png").read_bytes()[:700])
    Path("cut.mat").write_bytes(Path("small.mat").read_bytes()[:3000])
    np.save("nan.npy", np.full((4, 5, 3), np.nan))
    Image.fromarray(np.full((4, 5), np.nan, "float32")).save("nan.tiff")
    return tmp_path


def run(monkeypatch, capsys, *arguments):
    """Run the command line here; return its exit code and what it printed."""
    monkeypatch.setattr(sys, "argv", ["refvis", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    out, err = capsys.readouterr()
    return ended.value.code, out, err


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


@pytest.mark.parametrize(("model", "code", "where"), [("text.mat", 2, "stderr"), ("small.mat", 0, "stdout")])
def test_as_a_process(folder, model, code, where):
    command = [sys.executable, "-m", "refvis.cli", "show", model]
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
    assert err == ""  # bars are for terminals
    assert Path("new/out/explanation.html").read_text().count("<img ") == 1 + 6 + 2
    with h5py.File("new/out/explanation.h5") as file:
        assert file.attrs["source"] == "a.png"
        assert file["modification/occlusion_random"].attrs["parameter seed"] == 3
        assert file["reconstruction/inversion/relu1"].attrs["parameter steps"] == 2
        first = file["reconstruction/inversion/relu1/x"][()]
    run(monkeypatch, capsys, "explain", "a.png", "-m", "small.mat", "-o", "new/out", "--steps", 2, "--seed", 4)
    with h5py.File("new/out/explanation.h5") as file:
        assert np.abs(file["reconstruction/inversion/relu1/x"][()] - first).max() > 1


def test_explain_a_scene_with_its_object(folder, monkeypatch, capsys):
    side = scenes.SIDE
    layers = {"conv": conv(np.random.default_rng(0), (4, 7, 5, 3), stride=4), "relu": ReLU()}
    net = refvis.chain(layers, {"normalization": {"imageSize": (side, side, 3)}})
    refvis.save(net, "scene.mat")
    for model, pictures in (("scene.mat", 2 + 6 + 1), ("small.mat", 1 + 6 + 2)):
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
    monkeypatch.setattr("refvis.report.page.write_h5", fails)
    code, _, err = run(monkeypatch, capsys, *arguments)
    assert code == 2
    assert "refvis: error: disk full" in err
    assert {path.name: path.read_bytes() for path in Path("out").iterdir()} == before


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


def table(text):
    """The rows of the table as lists of cells, without the header."""
    lines = text.splitlines()
    return [re.split(r"\s{2,}", line) for line in lines[2 : lines.index("")]]


def test_show(folder, monkeypatch, capsys):
    code, out, err = run(monkeypatch, capsys, "show", "small.mat")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    field = ["field", "field-stride", "field-offset"]
    assert lines[0].split() == ["layer", "type", "filters", "stride", "pad", "output", *field, "parameters", "memory"]
    assert set(lines[1]) == {"-"}
    assert table(out) == [
        ["conv1", "Conv", "8 of 3x3x3", "1", "1", "13x11x8", "3x3", "1", "-1", "224", "4.5 KB"],
        ["relu1", "ReLU", "-", "-", "-", "13x11x8", "3x3", "1", "-1", "-", "4.5 KB"],
        ["norm1", "LRN", "-", "-", "-", "13x11x8", "3x3", "1", "-1", "-", "4.5 KB"],
        ["pool1", "Pool (max)", "3x3", "2", "0,1,0,1", "6x5x8", "5x5", "2", "-1", "-", "0.9 KB"],
        ["conv2", "Conv", "10 of 3x3x4", "1", "0", "4x3x10", "9x9", "2", "-1", "370", "0.5 KB"],
        ["relu2", "ReLU", "-", "-", "-", "4x3x10", "9x9", "2", "-1", "-", "0.5 KB"],
        ["drop2", "Dropout", "-", "-", "-", "4x3x10", "9x9", "2", "-1", "-", "0.5 KB"],
        ["fc3", "Conv", "7 of 4x3x10", "1", "0", "1x1x7", "15x13", "2", "-1", "847", "0.0 KB"],
        ["prob", "Softmax", "-", "-", "-", "1x1x7", "15x13", "2", "-1", "-", "0.0 KB"],
    ]
    assert "parameters: 1,441 (5.6 KB)" in lines  # 8*27+8 + 10*36+10 + 7*120+7
    values = 13 * 11 * (3 + 8 * 3) + 6 * 5 * 8 + 4 * 3 * 10 * 3 + 7 * 2
    assert f"input: 13x11x3; all variables of one image: {values * 4 / 1024:.1f} KB" in lines
    assert lines[-1] == "classes: 7 (ant, bee, cat, dog, ...)"


def test_show_at_another_size(folder, monkeypatch, capsys):
    for size in ("20x30", "20x30x3", "20X30"):
        _, out, _ = run(monkeypatch, capsys, "show", "small.mat", "--size", size)
        assert [row[5] for row in table(out)][-2:] == ["5x11x7", "5x11x7"]
        assert "input: 20x30x3;" in out


def test_show_without_a_size():
    text = described(replace(classifier(), meta={}))
    assert {row[5] for row in table(text)} == {"-"}
    assert {row[10] for row in table(text)} == {"-"}
    assert "the model does not say its size; give one with --size HxW" in text
    assert "classes" not in text


def test_show_counts_and_units():
    random = np.random.default_rng(0)
    net = refvis.chain(
        {
            "wide": conv(random, (24, 1, 7, 3), biases=False, stride=(2, 3), pad=(0, 0, 3, 3)),
            "pool": Pool((3, 2), (1, 2), method="avg"),
            "fc": FullyConnected(np.zeros((9, 24 * 148 * 67), "float32"), np.zeros(9, "float32")),
        }
    )
    text = described(net, (300, 400))
    wide, pool, full = table(text)
    assert wide[:6] == ["wide", "Conv", "24 of 1x7x3", "2,3", "0,0,3,3", "150x134x24"]
    assert wide[6:] == ["1x7", "2,3", "0,-3", "504", "1.8 MB"]
    assert pool[1:5] == ["Pool (avg)", "3x2", "1,2", "0"]
    assert full[1:4] == ["FullyConnected", f"9 of {24 * 148 * 67}", "-"]
    total = sum(parameters(node) for node in net.nodes)
    assert total == 24 * 21 + 9 * 24 * 148 * 67 + 9
    assert f"parameters: {total:,} ({total * 4 / 2**20:.1f} MB)" in text


def test_show_lists_what_loading_remarked(folder, monkeypatch, capsys):
    net = refvis.load("small.mat")
    assert net.load_report == ()
    assert "remarked" not in described(net)
    remarked = replace(net, load_report=(refvis.network.Remark("net.layers{1}", "default", f"text{CONTROL}"),))
    lines = described(remarked).splitlines()
    assert lines[-2] == "loading remarked on 1 things:"
    assert lines[-1] == r"  net.layers{1}: text\x1b[2J\x1b]0;title\x07\r\n (default)"


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
