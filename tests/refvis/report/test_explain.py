"""The explanation: its pictures, its self-contained page, and the arrays behind it."""

import base64
import io
import os
import re
from dataclasses import replace

import h5py
import numpy as np
import pytest
from PIL import Image
from support.pages import Page
from support.same import assert_same
from support.small_nets import LABELS, classifier, conv, linear, meta

import refvis
from refvis import report
from refvis.layers import Conv, ReLU, Softmax
from refvis.report.methods import INVERTED, SAMPLES, layers_to_invert, reconstructions
from refvis.report.page import fade_outside
from refvis.report.texts import HOW_TO_READ, SEARCH_FAILED, ZERO_GRAD_CAM, ZERO_MAP
from refvis.scenes import scene

IMAGE = np.random.default_rng(0).integers(0, 256, (26, 22, 3)).astype(np.uint8)
MASK = np.zeros((13, 11), bool)
MASK[3:9, 2:7] = True
MODES = ["gradient", "deconvnet", "guided", "epsilon", "epsilon_plus_flat"]
HEATMAPS = ["occlusion_mean", "occlusion_random", *MODES, "integrated_gradients", "smoothgrad", "grad_cam"]
HEATMAP_KEYS = [f"modification/{name}" for name in HEATMAPS[:2]] + [f"deconvolutional/{name}" for name in HEATMAPS[2:]]
RECONSTRUCTIONS = ["inversion-relu1", "inversion-relu2", "maximization", "units-relu2"]
EVIL = "<script>alert('&\"x')</script>"


@pytest.fixture(scope="module")
def explained():
    return report.explain(classifier(), IMAGE, "an image", MASK, steps=3, seed=2)


def written(explained, folder):
    report.write_page(explained, folder / "page.html")
    return (folder / "page.html").read_text(encoding="utf-8")


def assert_self_contained(text):
    """Raise if the page loads, runs or points to anything."""
    page = Page(text)
    assert page.open == []
    assert "://" not in re.sub(r"data:image/png;base64,[\w+/=]+", "", text)
    assert not {"script", "link", "iframe", "object", "embed", "base", "form", "a"} & {
        name for name, _ in page.elements
    }
    for _, attributes in page.elements:
        assert not {name for name in attributes if name.startswith("on") or name in ("href", "srcset", "action")}
        assert attributes.get("src", "data:").startswith("data:")
        assert "url(" not in (attributes.get("style") or "")
    assert "@import" not in text
    assert "url(" not in text
    return page


def test_one_row_per_class_of_the_taxonomy(explained):
    assert [row.title for row in explained.rows] == ["Input modification", "Deconvolutional", "Input reconstruction"]
    assert [card.key for row in explained.rows for card in row.cards] == HEATMAP_KEYS + [
        f"reconstruction/{name}" for name in RECONSTRUCTIONS
    ]
    assert all(card.reading.endswith(".") and card.title for row in explained.rows for card in row.cards)


def test_cards_are_what_the_methods_give(explained):
    net = classifier()
    x = net.preprocess(IMAGE)
    assert_same(explained.x, x)
    assert explained.classes == tuple(net.classify(IMAGE))
    label = net.classify(IMAGE)[0][0]
    assert explained.target == f"the score (before Softmax) of {label}"
    channel = LABELS.index(label)
    cards = {card.key: card.result for row in explained.rows for card in row.cards}
    for mode in MODES:
        assert_same(cards[f"deconvolutional/{mode}"].values, refvis.deconvolution(net, x, mode, channel=channel).values)
    above = {
        "integrated_gradients": refvis.integrated_gradients(net, x, channel=channel),
        "smoothgrad": refvis.smoothgrad(net, x, channel=channel, samples=SAMPLES, seed=2),
        "grad_cam": refvis.grad_cam(net, x, channel=channel),
    }
    for name, result in above.items():
        assert_same(cards[f"deconvolutional/{name}"].values, result.values)
    assert explained.ledger.entries == refvis.ledger(net, x, "epsilon_plus_flat", channel=channel).entries
    for fill in ("mean", "random"):
        result = refvis.occlusion(net, x, 2, 1, fill, channel=channel, seed=2)
        assert_same(cards[f"modification/occlusion_{fill}"].values, result.values)
    result = refvis.inversion(net, x, at="relu2", steps=3, seed=2)
    assert_same(cards["reconstruction/inversion-relu2"].x, result.x)


def test_another_channel_by_number_or_name():
    net, key = (
        refvis.chain({node.name: node.layer for node in classifier().nodes[:-1]}, meta()),
        "deconvolutional/gradient",
    )
    for channel in (2, "cat"):
        made = report.explain(net, IMAGE, steps=1, channel=channel)
        assert made.target == "the output cat"
        assert made.rows[2].cards[-2].title == "Maximised score: cat"
        (card,) = (card for row in made.rows for card in row.cards if card.key == key)
        assert card.result.record.parameters["channel"] == 2
        assert made.ledger.record.parameters["channel"] == 2
    for channel, message in (
        ("cats", "there is no class 'cats': did you mean 'cat'"),
        (7, "channel 7 of 'fc3 .*0 ... 6"),
    ):
        with pytest.raises(ValueError, match=message):
            report.explain(net, IMAGE, steps=1, channel=channel)


def test_share_inside_the_mask(explained):
    for card in (card for row in explained.rows[:2] for card in row.cards):
        positive = np.clip(card.result.map.astype(float), 0, None)
        inside = sum(positive[i, j] for i, j in np.ndindex(13, 11) if 3 <= i < 9 and 2 <= j < 7)
        np.testing.assert_allclose(card.inside, inside / positive.sum(), rtol=1e-5)
    assert [card.inside for card in explained.rows[2].cards] == [None] * 4
    bare = report.explain(classifier(), IMAGE, steps=1, maximize=False)
    assert {card.inside for row in bare.rows for card in row.cards} == {None}


def test_the_page_is_self_contained_and_complete(explained, tmp_path):
    page = assert_self_contained(written(explained, tmp_path))
    pictures = [attributes["src"] for attributes in page.named("img")]
    assert len(pictures) == 2 + len(HEATMAPS) + len(RECONSTRUCTIONS)
    shown = [np.asarray(Image.open(io.BytesIO(base64.b64decode(uri.split(",", 1)[1])))) for uri in pictures]
    assert {picture.shape for picture in shown[:-1]} == {(13, 11, 3)}
    cards = [card for row in explained.rows for card in row.cards]
    expected = [card.result.overlay() if card.key in HEATMAP_KEYS else card.result.image for card in cards]
    for picture, want in zip(shown, [explained.picture, fade_outside(explained.picture, MASK), *expected], strict=True):
        assert_same(picture, want)
    assert all(attributes["alt"] for attributes in page.named("img"))
    assert len(page.named("article")) == len(HEATMAPS) + len(RECONSTRUCTIONS)
    bars = [attributes for attributes in page.named("div") if attributes.get("class") == "bar"]
    assert len(bars) == len(HEATMAPS)
    assert all(attributes["style"].count("rgb(") == 16 for attributes in bars)
    text = " ".join(page.texts)
    for label, probability in explained.classes:
        assert label in text
        assert f"{100 * probability:.1f} %" in text
    for card in cards:
        assert card.title in text
        assert card.reading in text
        for name, value in card.result.record.parameters.items():
            assert name in text
            assert str(value) in text
    for row in explained.rows:
        assert row.title in text
    assert f"fingerprint {classifier().fingerprint[:16]}" in re.sub(r"\s+", " ", text)


def test_without_a_mask_there_is_one_picture_less(tmp_path):
    page = assert_self_contained(written(report.explain(classifier(), IMAGE, steps=1, maximize=False), tmp_path))
    assert len(page.named("img")) == 1 + len(HEATMAPS) + 2
    assert "on the object" not in " ".join(page.texts)


def test_names_from_files_are_escaped(tmp_path):
    labels = [f"{EVIL}{k}" for k in range(7)]
    layers = {
        f"conv{EVIL}": conv(np.random.default_rng(0), (8, 3, 3, 3)),
        f"relu{EVIL}": ReLU(),
        "fc": conv(np.random.default_rng(1), (7, 11, 9, 8)),
        f"prob{EVIL}": Softmax(),
    }
    net = refvis.chain(layers, meta() | {"classes": {"name": labels, "description": labels}}, f"net{EVIL}")
    explained = report.explain(net, IMAGE, f"image{EVIL}", steps=1)
    page = assert_self_contained(written(explained, tmp_path))
    text = " ".join(page.texts)
    for name in ("net", "image", "Inversion of relu", "Maximised channels of relu"):
        assert f"{name}{EVIL}" in text
    assert all(label in text for label, _ in explained.classes)
    assert len(page.named("img")) == 1 + len(HEATMAPS) + 1 + 2


def test_the_arrays(explained, tmp_path):
    report.write_arrays(explained, tmp_path / "a.h5")
    with h5py.File(tmp_path / "a.h5") as file:
        assert set(file) == {"input", "modification", "deconvolutional", "reconstruction", "ledger"}
        assert dict(file.attrs) == {"source": "an image", "target": explained.target, "model": "small"}
        for name in ("x", "picture", "mask"):
            assert_same(file["input"][name][()], getattr(explained, name))
        for card in (card for row in explained.rows for card in row.cards):
            group = file[card.key.replace("-", "/")]
            assert group.attrs["fingerprint"] == card.result.record.fingerprint
            for name, value in card.result.record.flat().items():
                assert group.attrs[name] == value
            if card.key in HEATMAP_KEYS:
                assert set(group) == {"values", "map"} | ({"measures"} if card.result.measures else set())
                assert_same(group["values"][()], card.result.values)
                assert_same(group["map"][()], card.result.map)
            else:
                assert set(group) == {"x", "image", "history", "measures"}
                assert_same(group["x"][()], card.result.x)
                assert_same(group["image"][()], card.result.image)
                for part in ("history", "measures"):
                    values = getattr(card.result, part)
                    assert set(group[part]) == set(values)
                    for name in values:
                        assert_same(group[part][name][()], values[name])


ODD_NAMES = [
    ("a-b", "a"),
    ("a", "a-x"),
    ("a/b", "a"),
    ("a", "a/x"),
    (".", ".."),
    ("/", "a//b"),
    ("a\0b", ""),
    ("%2F", "/"),
]


@pytest.mark.parametrize("names", ODD_NAMES)
def test_arrays_of_layers_with_odd_names(tmp_path, names):
    """A name is one group, whatever it is made of."""
    random = np.random.default_rng(0)
    layers = {
        "conv1": conv(random, (8, 3, 3, 3)),
        names[0]: ReLU(),
        "conv2": conv(random, (10, 2, 2, 8)),
        names[1]: ReLU(),
        "fc": conv(random, (7, 10, 8, 10)),
    }
    explained = report.explain(refvis.chain(layers, meta()), IMAGE, steps=1, maximize=False)
    report.write_arrays(explained, tmp_path / "a.h5")
    with h5py.File(tmp_path / "a.h5") as file:
        groups = list(file["reconstruction/inversion"].values())
        assert len(groups) == 2
        assert all(set(group) == {"x", "image", "history", "measures"} for group in groups)
        inputs = {group.attrs["parameter at"]: group["x"][()] for group in groups}
        for card in explained.rows[2].cards:
            assert_same(inputs[card.result.record.parameters["at"]], card.result.x)
    written(explained, tmp_path)


def test_networks_with_one_output_name_no_classes(tmp_path):
    net = refvis.chain({"conv": conv(np.random.default_rng(0), (1, 3, 3, 3)), "relu": ReLU()})
    explained = report.explain(net, IMAGE[:14, :12], steps=1)
    assert explained.classes == ()
    assert explained.target == "the output of relu (x2), over its 12 x 10 positions"
    page = assert_self_contained(written(explained, tmp_path))
    assert "it names no classes" in " ".join(page.texts)
    rated = refvis.chain({"fc": conv(np.random.default_rng(0), (1, 14, 12, 3)), "prob": Softmax()})
    rated = report.explain(rated, IMAGE[:14, :12], steps=1)
    assert rated.target == "the score (before Softmax) of fc (x1)"


def test_a_search_that_failed_is_said_to_have(explained, tmp_path):
    """After one step it is nearly at the start; above half of the start's distance it counts as failed."""
    close, far = HOW_TO_READ["inversion"], SEARCH_FAILED
    for steps, expected in ((1, [far, far]), (60, [close, close])):
        made = report.explain(classifier(), IMAGE, steps=steps, maximize=False)
        cards = [card for card in made.rows[2].cards if card.key.startswith("reconstruction/inversion")]
        assert [card.reading for card in cards] == expected
        text = " ".join(Page(written(made, tmp_path)).texts)
        assert (far in text, close in text) == (far in expected, close in expected)
    others = [card for row in explained.rows for card in row.cards if not card.key.startswith("reconstruction/inv")]
    assert not any(card.reading == far for card in others)


def test_maps_of_nothing_but_zeros_are_said_to_be(tmp_path):
    """Two networks: channels that speak against the score only, and a score that is the same for every image."""
    random = np.random.default_rng(0)
    layers = {"conv": conv(random, (4, 3, 3, 3)), "relu": ReLU(), "fc": Conv(-np.ones((1, 11, 9, 4), "float32"))}
    positive = {"grad_cam", "deconvnet", "guided"}  # these pass on positive signals only
    for last, zero in ((layers["fc"], positive), (Conv(0 * layers["fc"].filters, np.ones(1, "float32")), {*HEATMAPS})):
        made = report.explain(refvis.chain(layers | {"fc": last}, meta()), IMAGE, steps=1, maximize=False)
        cards = {card.key.split("/")[1]: card for row in made.rows[:2] for card in row.cards}
        said = {name: card.reading for name, card in cards.items() if card.reading.startswith("Zero everywhere")}
        assert set(said) == zero
        assert said["grad_cam"] == ZERO_GRAD_CAM
        assert all(text == ZERO_MAP for name, text in said.items() if name != "grad_cam")
        assert set(said.values()) <= set(Page(written(made, tmp_path)).texts)


def test_deep_codes_of_the_bundled_network_are_inverted():
    """With ten times the weight of total variation, the search for this scene's code never left its start."""
    net = refvis.load("scenes")
    results = list(reconstructions(net, net.preprocess(scene(6).image), 0, 200, 0, False, False))
    for name, _, one in results[:INVERTED]:
        assert name in ("inversion-relu1", "inversion-relu3", "inversion-relu5")
        assert one.measures["norm"] < 0.06, name


def test_networks_without_maps_have_nothing_to_invert(tmp_path):
    explained = report.explain(replace(linear(dtype="float32"), meta=meta()), IMAGE, steps=1)
    assert not [card for card in explained.rows[2].cards if "inversion" in card.key]
    assert [card.key for card in explained.rows[1].cards] == [key for key in HEATMAP_KEYS[2:] if "cam" not in key]
    page = assert_self_contained(written(explained, tmp_path))
    assert "there is nothing to invert" in " ".join(page.texts)
    report.write_arrays(explained, tmp_path / "a.h5")


def test_a_code_of_zeros_is_left_out(tmp_path):
    """A layer that is off for every image is not inverted, the others are; of a black image nothing is."""
    dead = -np.ones((5, 3, 3, 4), "float32")
    layers = {"conv1": conv(np.random.default_rng(0), (4, 3, 3, 3)), "relu1": ReLU()}
    layers |= {"conv2": Conv(dead), "relu2": ReLU(), "fc": Conv(np.ones((3, 9, 7, 5), "float32"))}
    net = refvis.chain(layers, meta(average=None))
    explained = report.explain(net, IMAGE, steps=1, maximize=True)
    keys = [card.key for card in explained.rows[2].cards if "inversion" in card.key]
    assert keys == ["reconstruction/inversion-relu1"]
    (said,) = explained.rows[2].left_out
    assert said.startswith("Left out: inversion of relu2, where the code of this image is zero everywhere")
    assert said in " ".join(assert_self_contained(written(explained, tmp_path)).texts)
    report.write_arrays(explained, tmp_path / "a.h5")
    biasless = {name: replace(layer, biases=None) if name == "conv1" else layer for name, layer in layers.items()}
    black = report.explain(refvis.chain(biasless, meta(average=None)), np.zeros_like(IMAGE), steps=1, maximize=False)
    assert black.rows[2].cards == ()
    assert "inversion of relu1 and relu2, where" in black.rows[2].left_out[0]


@pytest.mark.parametrize(("count", "expected"), [(1, "1"), (2, "12"), (3, "123"), (4, "134"), (5, "135"), (7, "147")])
def test_first_middle_and_deepest_are_inverted(count, expected):
    layers = {}
    for k in range(1, count + 1):
        layers |= {f"conv{k}": Conv(np.ones((3, 1, 1, 3), "float32")), f"relu{k}": ReLU()}
    net = refvis.chain(layers | {"fc": Conv(np.ones((2, 13, 11, 3), "float32"))}, meta())
    assert layers_to_invert(net, net.preprocess(IMAGE)) == [f"relu{k}" for k in expected]


def test_pages_that_fail_to_be_written_leave_the_old_ones(explained, tmp_path, monkeypatch):
    for name in ("page.html", "a.h5"):
        (tmp_path / name).write_text("before")

    def fails(*arguments, **options):
        raise OSError("disk full")

    monkeypatch.setattr(os, "fsync", fails)
    for write, name in ((report.write_page, "page.html"), (report.write_arrays, "a.h5")):
        with pytest.raises(OSError, match="disk full"):
            write(explained, tmp_path / name)
        assert (tmp_path / name).read_text() == "before"
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("method", ["occlusion", "inversion"])
def test_a_method_that_is_interrupted_ends_the_page(monkeypatch, method):
    whole = getattr(report.methods, method)

    def interrupted(*arguments, **options):
        result = whole(*arguments, **options)
        if method == "inversion":
            return replace(result, ended="interrupted")
        parameters = {**result.record.parameters, "partial": "3 of 9 boxes"}
        return replace(result, record=replace(result.record, parameters=parameters))

    monkeypatch.setattr(report.methods, method, interrupted)
    with pytest.raises(KeyboardInterrupt):
        report.explain(classifier(), IMAGE, steps=2)
