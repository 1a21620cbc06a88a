"""The load report: warnings first, one line for what is said of several layers, and no remark lost."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.command_line import run
from support.same import assert_same

import refvis
from refvis.weights import LoadReport, Remark
from refvis.weights.mat.write import write_v5

KINDS = ("warning", "changed", "default", "ignored")
places = st.one_of(
    st.builds("net.layers{{{}}}".format, st.integers(1, 30)),
    st.builds("net.layers({}).block.pad".format, st.integers(1, 30)),
    st.sampled_from(["learningRate", "meta.normalization.imageSize", "net.params"]),
)
remarks = st.builds(Remark, places, st.sampled_from(KINDS), st.sampled_from("ab"), st.sampled_from(["", "do this"]))


@given(st.lists(remarks, max_size=30))
def test_every_remark_is_kept_in_one_group(given_remarks: list[Remark]) -> None:
    report = LoadReport(given_remarks)
    for kind in KINDS:
        assert [one for one in report if one.kind == kind] == [one for one in given_remarks if one.kind == kind]
    order = [KINDS.index(one.kind) for one in report]
    assert order == sorted(order)
    groups = report.groups()
    assert sorted(map(repr, report)) == sorted(repr(one) for group in groups for one in group.remarks)
    for group in groups:
        said = {(one.kind, one.words, one.place.startswith("net.layers")) for one in group.remarks}
        assert len(said) == 1
    assert str(report).splitlines() == [str(group) for group in groups]
    assert len({str(group) for group in groups}) == len(groups)


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        ([4], "net.layers{4}.pad: text (default)"),
        ([4, 9], "net.layers{4, 9}.pad: text (default; 2 layers)"),
        ([4, 5, 6, 7], "net.layers{4 ... 7}.pad: text (default; 4 layers)"),
        ([1, 3, 5, 31], "net.layers{1, 3, ... 31}.pad: text (default; 4 layers)"),
    ],
)
def test_layers_share_a_line(numbers: list[int], expected: str) -> None:
    found = LoadReport(Remark(f"net.layers{{{n}}}.pad", "default", "text") for n in numbers)
    assert str(found) == expected


def test_other_places_are_listed() -> None:
    found = LoadReport(Remark(f"v{n}", "ignored", "not part of the network") for n in range(11))
    assert str(found) == "v0, v1, v2, v3, v4, v5, v6, v7, and 3 more: not part of the network (ignored)"


def test_the_fields_of_a_layer_stay_apart() -> None:
    found = LoadReport(Remark(f"net.layers(2).{name}", "changed", "int8 was made float32") for name in ("f", "b"))
    assert len(found.groups()) == 2


def test_on_the_command_line(monkeypatch, capsys, tmp_path) -> None:
    """A network as training leaves it: a line for all layers, and with --every-remark one for each."""
    layers = []
    for number in range(16):
        weights = [np.ones((1, 1, 3, 3), "float32"), np.zeros((1, 3), "float32")]
        rates = {"learningRate": np.array([[1.0, 2.0]]), "weightDecay": np.array([[1.0, 0.0]])}
        shape = {"pad": 0.0, "stride": 1.0, "dilate": 1.0}
        layers += [{"type": "conv", "name": f"conv{number}", "weights": weights, **shape, **rates}]
        layers += [{"type": "relu", "name": f"relu{number}", "leak": 0.0}]
    write_v5(tmp_path / "trained.mat", {"net": {"layers": layers}})
    monkeypatch.chdir(tmp_path)
    _, out, _ = run(monkeypatch, capsys, "show", "trained.mat")
    lines = out[out.index("remarks of loading (18):") :].splitlines()[1:]
    assert lines[2:] == ["  net.layers{1, 3, ... 31}: not used: learningRate, weightDecay (ignored; 16 layers)"]
    assert all(line.endswith("(warning)") for line in lines[:2])
    _, out, _ = run(monkeypatch, capsys, "show", "trained.mat", "--every-remark")
    assert out.count("not used: learningRate, weightDecay (ignored)\n") == 16
    net = refvis.load(tmp_path / "trained.mat")
    assert isinstance(net.with_images(size=(8, 8)).load_report, LoadReport)
    assert_same(len(net.load_report), 18)
