"""The ledger in the report: amounts that add up, bars as long as the amounts kept, columns in the .h5 file."""

import re
from dataclasses import replace

import h5py
import numpy as np
import pytest
from support.pages import Page
from support.small_nets import classifier, conv, inputs, linear, meta

import refvis
from refvis import report
from refvis.layers import ReLU, lrp, modes, relu
from refvis.report.ledger import ledger_view

IMAGE = np.random.default_rng(0).integers(0, 256, (26, 22, 3)).astype(np.uint8)
ZERO = {"-": 0.0}


@pytest.fixture(scope="module")
def explained():
    return report.explain(classifier(), IMAGE, steps=1, maximize=False)


def number(text):
    return ZERO[text] if text in ZERO else float(text)


def test_the_sum(explained):
    view = ledger_view(explained.ledger)
    signs = {"=": 1, "+": 1, "−": -1}
    assert view["terms"][0][0] == "="
    total = sum(signs[sign] * number(amount) for sign, amount, _ in view["terms"])
    digits = len(view["seed"].partition(".")[2])
    assert abs(number(view["seed"]) - total) <= len(view["terms"]) * 10.0**-digits
    assert view["terms"][1][2] == "at biases"
    assert all(number(amount) != 0 for _, amount, _ in view["terms"])
    score = explained.net.upto("fc3").forward(explained.x).output.max()
    assert number(view["seed"]) == pytest.approx(score, abs=10.0**-digits)


def test_a_line_and_a_bar_for_each_layer_that_kept_some(explained):
    view = ledger_view(explained.ledger)
    entries = {entry.node: entry for entry in explained.ledger.entries}
    assert [line["node"] for line in view["lines"]] == ["fc3", "conv2"]  # flat, at conv1, knows no bias
    assert view["reading"].endswith("The other 6 layers hand on all that they receive, to the digits shown.")
    assert view["reasons"] == []
    most = max(abs(entry.received - entry.passed) for entry in entries.values())
    for line in view["lines"]:
        entry = entries[line["node"]]
        kept = entry.received - entry.passed
        ends = sorted((50, 50 + 50 * kept / most))
        np.testing.assert_allclose((line["start"], line["start"] + line["width"]), ends, atol=1e-9)
        assert line["gave"] == (kept < 0)
        assert number(line["bias"]) == pytest.approx(entry.bias, abs=1e-3)


def test_the_page_shows_it(explained, tmp_path):
    report.write_page(explained, tmp_path / "page.html")
    page = Page((tmp_path / "page.html").read_text(encoding="utf-8"))
    text = re.sub(r"\s+", " ", " ".join(page.texts))
    view = ledger_view(explained.ledger)
    assert f"{view['seed']} score" in text
    for term in view["terms"]:
        assert " ".join(term) in text
    assert view["reading"] in text
    assert "The ledger of the relevance by epsilon_plus_flat" in text
    bars = [element.get("style", "") for element in page.named("div") if element.get("style", "").startswith("left")]
    assert bars == [f"left: {line['start']:.2f}%; width: {line['width']:.2f}%" for line in view["lines"]]
    assert "elsewhere" not in text


def test_stabilisers_that_show_have_a_column_and_a_term():
    strong = modes.EPSILON | {"fc3": lambda *given, book: lrp.epsilon(*given, eps=1.0, book=book)}
    view = ledger_view(refvis.ledger(classifier(), inputs(), strong))
    assert view["elsewhere"]
    assert [number(line["other"]) != 0 for line in view["lines"]] == [True, False, False]
    assert "at stabilisers" in [what for _, _, what in view["terms"]]


def test_layers_that_do_not_balance_are_named():
    view = ledger_view(refvis.ledger(classifier(), inputs(), modes.EPSILON | {"relu2": relu.deconvnet}))
    assert view["reasons"] == ["relu2: expected: a gate discards signals by their sign"]
    assert "relu2" in [line["node"] for line in view["lines"]]


def test_without_anything_kept_there_is_the_sum_alone(tmp_path):
    explained = report.explain(replace(linear(dtype="float32"), meta=meta()), IMAGE, steps=1, maximize=False)
    view = ledger_view(explained.ledger)
    assert view["lines"] == []
    assert view["terms"] == [("=", view["seed"], "at the input")]
    report.write_page(explained, tmp_path / "page.html")
    page = Page((tmp_path / "page.html").read_text(encoding="utf-8"))
    assert not [element for element in page.named("div") if element.get("class") == "swing"]


def test_what_does_not_show_has_no_line():
    """Stabilisers of 1e-6 take less than a digit of scores in the thousands."""
    net = classifier(biases=False)
    large = ledger_view(refvis.ledger(net, 1000 * inputs(), "z_plus"))
    assert (large["lines"], large["elsewhere"]) == ([], False)
    assert large["reading"].endswith("The other 8 layers hand on all that they receive, to the digits shown.")
    assert [
        line["node"] for line in ledger_view(refvis.ledger(net, inputs() * np.float32(1e-5), "z_plus"))["lines"]
    ] == [
        "fc3",
        "conv2",
        "conv1",
    ]


def test_small_scores_have_a_unit():
    net = refvis.chain({"conv": conv(np.random.default_rng(0), (4, 13, 11, 3), False)}, meta())
    view = ledger_view(refvis.ledger(net, inputs() * np.float32(1e-7)))
    assert re.fullmatch(r"All amounts are times 1e-[69]\.", view["unit"])
    assert 1 <= abs(number(view["seed"])) < 1000


def test_the_columns_in_the_file(tmp_path):
    evil = "relu\0/\x1b"
    net = refvis.chain({"conv": conv(np.random.default_rng(0), (4, 3, 2, 3)), evil: ReLU()}, meta())
    explained = report.explain(net, IMAGE, steps=1, maximize=False)
    report.write_arrays(explained, tmp_path / "a.h5")
    kept = explained.ledger
    with h5py.File(tmp_path / "a.h5") as file:
        group = file["ledger/epsilon_plus_flat"]
        assert list(group["node"].asstr()) == ["relu\\x00/\x1b", "conv"]
        assert list(group["layer"].asstr()) == ["ReLU", "Conv"]
        assert list(group["rule"].asstr()) == ["lrp.passes", "lrp.flat"]
        for name in ("received", "passed", "bias", "stabiliser", "zero", "rest", "balanced"):
            np.testing.assert_array_equal(group[name][()], [getattr(entry, name) for entry in kept.entries])
        assert dict(group.attrs) == kept.record.flat() | {
            "seed": sum(kept.seeds.values()),
            "inputs": sum(kept.inputs.values()),
            "error": kept.error,
        }
