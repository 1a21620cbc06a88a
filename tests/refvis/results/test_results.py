"""Results: maps, colours, overlays, atomic files, and the record of how they were made."""

import io
import re
from dataclasses import replace

import h5py
import numpy as np
import pytest
from PIL import Image
from support.same import assert_same
from support.small_nets import classifier, inputs

import refvis
from refvis import modes, results
from refvis.images import colours
from refvis.version import __version__

VALUES = np.random.default_rng(0).normal(size=(2, 5, 4, 3)).astype("float32")
PICTURE = np.random.default_rng(1).integers(0, 256, (5, 4, 3)).astype(np.uint8)


def heatmap(signed=True, values=VALUES, shown=PICTURE):
    made = results.record("method", classifier(), at="x3", channel=4, share=0.5, fill=(1, 2), none=None, on=True)
    return refvis.Heatmap(values, signed, made, shown)


def test_channels_are_joined_by_sum_or_by_length():
    for i, j in np.ndindex(5, 4):
        one = VALUES[0, i, j].astype(float)
        np.testing.assert_allclose(heatmap(True).map[i, j], sum(one), rtol=1e-5)
        np.testing.assert_allclose(heatmap(False).map[i, j], sum(v * v for v in one) ** 0.5, rtol=1e-5)
    assert heatmap(True).map.shape == (5, 4)
    assert heatmap(True).map.dtype == np.float32
    assert heatmap(values=VALUES.astype(float)).map.dtype == np.float64


def test_signed_scales_have_white_at_zero():
    scale = heatmap(True).scale
    largest = np.quantile(np.abs(heatmap(True).map), colours.QUANTILE)
    np.testing.assert_allclose((scale.low, scale.high), (-largest, largest))
    red, white, blue = scale.colour(np.array([largest, 0, -largest])).astype(int)
    assert white.min() > 240
    assert red[0] > 90 > red[2]
    assert blue[2] > 90 > blue[0]
    assert_same(scale.colour(np.array([9 * largest, -9 * largest])), scale.colour(np.array([largest, -largest])))


def test_unsigned_scales_start_dark():
    scale = heatmap(False).scale
    assert scale.low == 0
    np.testing.assert_allclose(scale.high, np.quantile(heatmap(False).map, colours.QUANTILE))
    dark, bright = scale.colour(np.array([0, scale.high])).astype(int).sum(axis=1)
    assert dark < 30
    assert bright > 500


def test_a_few_large_values_do_not_leave_the_rest_without_colour():
    values = np.ones(1000)
    values[3] = -1000
    assert colours.colour_scale(values, signed=True).high == 1
    alone = np.zeros(1000)
    alone[3] = 2
    assert colours.colour_scale(alone, signed=False).high == 2


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_map_of_zeros_has_the_colour_of_zero(dtype):
    nothing = np.zeros((1, 5, 4, 3), dtype)
    for signed in (True, False):
        expected = colours.colour_scale(np.ones(1), signed).colour(np.zeros((5, 4)))
        assert_same(heatmap(signed, nothing).colours(), expected)


@pytest.mark.parametrize("signed", [True, False])
def test_overlay(signed):
    result = heatmap(signed)
    for opacity in (0, 0.25, 1):
        assert (result.overlay(opacity=opacity).shape, result.overlay().dtype) == ((5, 4, 3), np.uint8)
    assert_same(result.overlay(opacity=1), result.colours())
    gray = np.rint(PICTURE @ np.array([0.299, 0.587, 0.114]))
    for k in range(3):
        np.testing.assert_allclose(result.overlay(opacity=0)[..., k], gray, atol=1)
    expected = 0.25 * result.colours() + 0.75 * (PICTURE @ np.array([0.299, 0.587, 0.114]))[..., None]
    np.testing.assert_allclose(result.overlay(opacity=0.25), expected, atol=0.51)
    other = 255 - PICTURE
    assert_same(result.overlay(other), heatmap(signed, shown=other).overlay())
    assert_same(result.overlay(other.astype(float)), result.overlay(other))
    assert_same(result.overlay(other.tolist()), result.overlay(other))


def test_overlay_needs_a_picture_that_fits():
    with pytest.raises(ValueError, match=r"has no picture to lie over"):
        heatmap(shown=None).overlay()
    for shape in ((4, 5, 3), (5, 4), (5, 4, 1), (1, 5, 4, 3)):
        with pytest.raises(ValueError, match=r"expected \(5, 4, 3\)"):
            heatmap().overlay(np.zeros(shape, np.uint8))


def test_the_record():
    net, x = classifier(name="mine"), inputs()
    made = refvis.deconvolution(net, x, "gradient", at="conv2", channel=6).record
    assert (made.method, made.model, made.fingerprint) == ("deconvolution", "mine", net.fingerprint)
    assert made.parameters == {"mode": "gradient", "at": "x5", "channel": 6, "seed": "one"}
    assert made.versions == {"refvis": __version__, "numpy": np.__version__}
    assert (made.layer, made.units, made.explained) == ("conv2", ("6",), "conv2 (x5), channel 6")
    assert made.flat() == {
        "method": "deconvolution",
        "model": "mine",
        "fingerprint": net.fingerprint,
        "input": made.input,
        "layer": "conv2",
        "explained": "conv2 (x5), channel 6",
        "parameter mode": "gradient",
        "parameter at": "x5",
        "parameter channel": 6,
        "parameter seed": "one",
        "version refvis": __version__,
        "version numpy": np.__version__,
    }


def test_the_record_knows_the_input():
    net, x = classifier(), inputs(2)
    first, again, other = (refvis.deconvolution(net, one, "gradient").record.input for one in (x, x.copy(), x[::-1]))
    assert first == again != other
    assert re.fullmatch("[0-9a-f]{12}", first)
    assert refvis.deconvolution(net, x.astype("float64"), "gradient").record.input != first


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"at": "x8", "channel": 3}, "fc3 (x8), channel 3 (dog)"),
        ({"at": "x9", "channel": [3, 0]}, "prob (x9), channels 3 (dog), 0 (ant)"),
        (
            {"at": "x8", "channel": 3, "position": (0, 0), "against": 2},
            "fc3 (x8), channel 3 (dog), position (0, 0), against 2 (cat)",
        ),
        ({"at": "x5", "channel": "all"}, "conv2 (x5), all channels"),
        ({"at": "x5", "channel": list(range(10))}, "conv2 (x5), channels 0, 1, 2, 3, 4, 5, 6, 7, ... (10 in all)"),
        ({"at": "x5", "seed_channels": "2, 3"}, "conv2 (x5), seed in channels 2, 3"),
        ({"at": "nowhere", "channel": 3}, ""),
        ({"steps": 3}, ""),
    ],
)
def test_the_record_says_what_is_explained(parameters, words):
    record = results.record("method", classifier(), **parameters)
    assert record.explained == words


@pytest.mark.parametrize("signed", [True, False])
def test_heatmaps_are_saved_as_arrays(tmp_path, signed):
    result = heatmap(signed)
    result.save(tmp_path / "a.h5")
    with h5py.File(tmp_path / "a.h5") as file:
        assert set(file) == {"values", "map", "maps"}
        assert_same(file["values"][()], VALUES)
        assert_same(file["maps"][()], result.maps)
        assert_same(file["map"][()], result.map)
        attributes = dict(file.attrs)
    expected = result.record.flat()
    assert set(attributes) == set(expected)
    for name, value in expected.items():
        assert attributes[name] == value, name
    assert attributes["parameter fill"] == "(1, 2)"
    assert attributes["parameter none"] == "None"


def test_every_row_has_a_map():
    for signed in (True, False):
        result = heatmap(signed)
        assert result.maps.shape == (2, 5, 4)
        assert_same(result.maps[0], result.map)
        assert_same(result.maps[1], heatmap(signed, VALUES[1:]).map)


def test_measures_are_saved_and_shown(tmp_path):
    measures = {"completeness_error": np.array([0.001234, -2.0]), "other": np.array([3.0, 4.0])}
    result = replace(heatmap(), measures=measures)
    assert repr(result) == "Heatmap(method, 2 x 5 x 4 x 3; completeness_error 0.00123, -2; other 3, 4)"
    assert repr(heatmap()) == "Heatmap(method, 2 x 5 x 4 x 3)"
    result.save(tmp_path / "a.h5")
    with h5py.File(tmp_path / "a.h5") as file:
        assert {name: list(values) for name, values in file["measures"].items()} == {
            "completeness_error": [0.001234, -2.0],
            "other": [3.0, 4.0],
        }


def test_a_reconstruction_is_one_line():
    made = results.record("inversion", classifier(), at="x5", channel=3, seed=4)
    x, measures = np.zeros((1, 13, 11, 3)), {"norm": np.array([0.01234]), "objective": np.arange(10.0).reshape(1, 10)}
    reconstruction = refvis.Reconstruction(x, PICTURE, {}, made, measures)
    start = "Reconstruction(inversion of conv2 (x5), channel 3, 1 x 13 x 11 x 3; seed 4"
    end = "norm 0.0123; objective 0, 1, 2, 3, 4, 5, 6, 7, ... (10 in all))"
    assert repr(reconstruction) == str(reconstruction) == f"{start}; {end}"
    assert repr(replace(reconstruction, ended="interrupted")) == f"{start}; interrupted; {end}"
    assert repr(replace(reconstruction, ended="patience")) == f"{start}; ended by patience; {end}"
    bare = refvis.Reconstruction(x, PICTURE, {}, results.record("deepdream", classifier()))
    assert repr(bare) == "Reconstruction(deepdream, 1 x 13 x 11 x 3)"


def test_a_map_for_each_of_many_images_is_one_line():
    result = replace(heatmap(), measures={"error": np.arange(9) / 4})
    assert repr(result).endswith("error 0, 0.25, 0.5, 0.75, 1, 1.25, 1.5, 1.75, ... (9 in all))")


def test_one_map_is_saved_once(tmp_path):
    heatmap(values=VALUES[:1]).save(tmp_path / "a.h5")
    with h5py.File(tmp_path / "a.h5") as file:
        assert set(file) == {"values", "map"}


def test_several_maps_are_a_contact_sheet(tmp_path):
    """Every map, in a scale of its own, in order; of one image they lie over it."""
    made = results.record("method", classifier(), at="x8", channel=[4, 2])
    result = refvis.Heatmap(VALUES, True, made, PICTURE)
    result.save(tmp_path / "a.png")
    shown = np.asarray(Image.open(tmp_path / "a.png"))
    assert_same(shown, result.contact_sheet())
    assert shown.shape == (14 + 5 * 28, 2 * 112 + 4, 3)
    alone = [refvis.Heatmap(VALUES[row : row + 1], True, made, PICTURE) for row in range(2)]
    for left, one in zip((0, 116), alone, strict=True):
        assert_same(np.ascontiguousarray(shown[14::28, left : left + 112 : 28]), one.overlay())
        assert (shown[:14, left : left + 112] < 100).any(), "there is no caption"
    captions = [shown[:14, :112], shown[:14, 116:]]
    assert (captions[0] != captions[1]).any()
    images = heatmap().contact_sheet()
    assert_same(np.ascontiguousarray(images[14::28, :112:28]), heatmap().colours())
    many = refvis.Heatmap(np.repeat(VALUES, 5, axis=0), True, results.record("method", classifier()), None)
    assert many.contact_sheet().shape == (2 * (14 + 5 * 28) + 4, 8 * 116 - 4, 3)


def test_pictures_keep_the_record(tmp_path):
    result = heatmap()
    result.save(tmp_path / "a.png")
    texts = Image.open(tmp_path / "a.png").text
    assert texts == {name: str(value) for name, value in result.record.flat().items()}
    assert texts["parameter at"] == "x3"
    net = classifier(name="Größe 大")
    refvis.deconvolution(net, inputs(), modes.GUIDED).save(tmp_path / "b.png")
    texts = Image.open(tmp_path / "b.png").text
    assert texts["model"] == "Größe 大"
    assert "conv1  conv.gradient\nrelu1  relu.guided" in texts["parameter mode"]


def test_heatmaps_are_saved_as_pictures(tmp_path):
    result = heatmap(values=VALUES[:1])
    result.save(tmp_path / "a.png")
    assert_same(np.asarray(Image.open(tmp_path / "a.png")), result.overlay())
    bare = heatmap(values=VALUES[:1], shown=None)
    bare.save(str(tmp_path / "b.PNG"))
    assert_same(np.asarray(Image.open(tmp_path / "b.PNG")), result.colours())


def test_notebooks_show_results_enlarged():
    one = heatmap(values=VALUES[:1])
    for result, expected in ((one, one.overlay()), (heatmap(values=VALUES[:1], shown=None), one.colours())):
        shown = np.asarray(Image.open(io.BytesIO(result._repr_png_())))
        assert shown.shape == (20, 16, 3)
        assert_same(np.ascontiguousarray(shown[1::4, 2::4]), expected)
    assert_same(np.asarray(Image.open(io.BytesIO(heatmap()._repr_png_()))), heatmap().contact_sheet())


def test_reconstructions_are_saved(tmp_path):
    net, x = classifier(), inputs()
    reconstruction = refvis.inversion(net, x, at="relu1", steps=3)
    reconstruction.save(tmp_path / "a.h5")
    with h5py.File(tmp_path / "a.h5") as file:
        assert set(file) == {"x", "image", "history", "measures"}
        assert set(file["history"]) == {"code", "lp", "tv"}
        assert_same(file["x"][()], reconstruction.x)
        assert_same(file["image"][()], reconstruction.image)
        for name, values in reconstruction.history.items():
            assert_same(file["history"][name][()], values)
        assert file.attrs["method"] == "inversion"
        assert file.attrs["parameter steps"] == 3
    reconstruction.save(tmp_path / "a.png")
    assert_same(np.asarray(Image.open(tmp_path / "a.png")), reconstruction.image)
    assert np.asarray(Image.open(io.BytesIO(reconstruction._repr_png_()))).shape == (52, 44, 3)


@pytest.mark.parametrize("name", ["a.jpg", "a", "a.h5.txt", ".h5"])
def test_other_suffixes_are_refused(tmp_path, name):
    with pytest.raises(ValueError, match=r"expected a name that ends in \.png or \.h5"):
        heatmap().save(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_missing_folders_are_said(tmp_path):
    with pytest.raises(FileNotFoundError):
        heatmap().save(tmp_path / "nowhere" / "a.png")


def test_results_that_fail_to_be_written_leave_the_old_file(tmp_path, monkeypatch):
    result = heatmap()
    for name in ("a.h5", "a.png"):
        result.save(tmp_path / name)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    def fails(*arguments, **options):
        raise OSError("disk full")

    monkeypatch.setattr(h5py.AttributeManager, "update", fails)
    monkeypatch.setattr(Image.Image, "save", fails)
    for name in ("a.h5", "a.png"):
        with pytest.raises(OSError, match="disk full"):
            heatmap(False).save(tmp_path / name)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_batch_records_each_images_own_channel(tmp_path):
    """Several images without a channel are explained for the strongest of each: record, captions and files say it."""
    net, x = classifier(), inputs(6)
    best = net.forward(x)["x8"].reshape(6, 7).argmax(axis=1).tolist()
    assert len(set(best)) > 1, "the images are expected to differ"
    labels = [f"{k} ({name})" for k, name in enumerate(net.labels_at("x8"))]
    names = [labels[k] for k in best]
    height, width = x.shape[1:3]
    three = np.arange(height * width).reshape(height, width) * 3 // (height * width)
    for method, options in (
        (refvis.deconvolution, {}),
        (refvis.smoothgrad, {"samples": 2}),
        (refvis.integrated_gradients, {"steps": 2}),
        (refvis.rise, {"masks": 3, "cells": 2}),
        (refvis.lime, {"samples": 6, "segments": three}),
        (refvis.kernel_shap, {"samples": 6, "segments": three}),
        (refvis.meaningful_perturbation, {"steps": 1, "cells": 2}),
        (refvis.ledger, {}),
    ):
        result = method(net, x, **options)
        record = result.record
        assert record.parameters["channel"] == [[k] for k in best], method
        assert (record.units, record.images) == (tuple(names), 6)
        assert f"channels of each image: {names[0]}, {names[1]}" in record.explained
    same = refvis.deconvolution(net, x, channel=[2, 5]).record
    assert (same.parameters["channel"], same.units, same.images) == (
        [2, 5],
        (labels[2], labels[5]),
        1,
    )
    heatmap = refvis.deconvolution(net, x)
    assert [heatmap._caption(row) for row in range(6)] == [f"image {row}, {name}" for row, name in enumerate(names)]
    heatmap.save(tmp_path / "a.h5")
    with h5py.File(tmp_path / "a.h5") as file:
        assert file.attrs["parameter channel"] == str([[k] for k in best])
