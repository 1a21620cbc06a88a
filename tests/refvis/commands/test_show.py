"""``refvis show``: the table of a network, and what it is made of."""

import re
from dataclasses import replace

import numpy as np
import pytest
from support.command_line import CONTROL, fill, run
from support.small_nets import classifier, conv

import refvis
from refvis.layers import FullyConnected, Pool
from refvis.show.table import described, parameter_count


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A working folder with a model, images, and files that are neither."""
    monkeypatch.chdir(tmp_path)
    fill(tmp_path)
    return tmp_path


def table(text):
    """The rows of the table as lists of cells, without the header."""
    lines = text.splitlines()
    return [re.split(r"\s{2,}", line) for line in lines[2 : lines.index("")]]


def test_show(folder, monkeypatch, capsys):
    code, out, err = run(monkeypatch, capsys, "show", "small.mat")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    field = ["field", "field-stride", "field-offset"]
    header = ["layer", "type", "writes", "filters", "stride", "pad", "output", *field, "parameters", "memory"]
    assert lines[0].split() == header
    assert set(lines[1]) == {"-"}
    assert table(out) == [
        ["conv1", "Conv", "x1", "8 of 3x3x3", "1", "1", "13x11x8", "3x3", "1", "-1", "224", "4.5 KB"],
        ["relu1", "ReLU", "x2", "-", "-", "-", "13x11x8", "3x3", "1", "-1", "-", "4.5 KB"],
        ["norm1", "LRN", "x3", "-", "-", "-", "13x11x8", "3x3", "1", "-1", "-", "4.5 KB"],
        ["pool1", "Pool (max)", "x4", "3x3", "2", "0,1,0,1", "6x5x8", "5x5", "2", "-1", "-", "0.9 KB"],
        ["conv2", "Conv", "x5", "10 of 3x3x4", "1", "0", "4x3x10", "9x9", "2", "-1", "370", "0.5 KB"],
        ["relu2", "ReLU", "x6", "-", "-", "-", "4x3x10", "9x9", "2", "-1", "-", "0.5 KB"],
        ["drop2", "Dropout", "x7", "-", "-", "-", "4x3x10", "9x9", "2", "-1", "-", "0.5 KB"],
        ["fc3", "Conv", "x8", "7 of 4x3x10", "1", "0", "1x1x7", "15x13", "2", "-1", "847", "0.0 KB"],
        ["prob", "Softmax", "x9", "-", "-", "-", "1x1x7", "15x13", "2", "-1", "-", "0.0 KB"],
    ]
    assert "parameters: 1,441 (5.6 KB)" in lines  # 8*27+8 + 10*36+10 + 7*120+7
    values = 13 * 11 * (3 + 8 * 3) + 6 * 5 * 8 + 4 * 3 * 10 * 3 + 7 * 2
    assert f"input: 13x11x3; all variables of one image: {values * 4 / 1024:.1f} KB" in lines
    assert lines[-1] == "classes: 7 (ant, bee, cat, dog, ...)"


def test_a_wide_chain_says_below_what_its_layers_write():
    net = classifier()
    assert max(map(len, described(net).splitlines())) <= 120
    wide = refvis.Network(tuple(replace(node, name=node.name + 40 * "_") for node in net.nodes), meta=net.meta)
    lines = described(wide).splitlines()
    assert "writes" not in lines[0].split()
    assert "variables: x0 is the input; the layers write x1 ... x9" in lines
    assert not any(line.startswith("variables:") for line in described(net).splitlines())


def test_show_at_another_size(folder, monkeypatch, capsys):
    for size in ("20x30", "20x30x3", "20X30"):
        _, out, _ = run(monkeypatch, capsys, "show", "small.mat", "--size", size)
        assert [row[6] for row in table(out)][-2:] == ["5x11x7", "5x11x7"]
        assert "input: 20x30x3;" in out


def test_show_without_a_size():
    text = described(replace(classifier(), meta={}))
    assert {row[6] for row in table(text)} == {"-"}
    assert {row[11] for row in table(text)} == {"-"}
    assert "the model does not store its size; give one with --size HxW" in text
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
    total = sum(parameter_count(node) for node in net.nodes)
    assert total == 24 * 21 + 9 * 24 * 148 * 67 + 9
    assert f"parameters: {total:,} ({total * 4 / 2**20:.1f} MB)" in text


def test_show_lists_what_loading_remarked(folder, monkeypatch, capsys):
    net = refvis.load("small.mat")
    assert net.load_report == ()
    assert "remarks of loading" not in described(net)
    remarked = replace(net, load_report=(refvis.network.Remark("net.layers{1}", "default", f"text{CONTROL}"),))
    lines = described(remarked).splitlines()
    assert lines[-2] == "remarks of loading (1):"
    assert lines[-1] == r"  net.layers{1}: text\x1b[2J\x1b]0;title\x07\r\n (default)"
