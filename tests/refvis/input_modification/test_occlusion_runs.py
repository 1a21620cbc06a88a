"""Runs of occlusion: memory is bounded, the record describes the computation, interrupted runs keep what is done."""

import tracemalloc
import warnings
from dataclasses import replace

import h5py
import numpy as np
import pytest
from PIL import Image
from support.model_zoo import thin
from support.same import assert_same
from support.small_nets import classifier, inputs

import refvis
from refvis.input_modification.boxes.grid import boxes
from refvis.layers import incremental
from refvis.layers.fast import buffers

PLACES = boxes((13, 11), (4, 3), (3, 4))


def stopping(after):
    """A fill of 20 that raises KeyboardInterrupt after `after` boxes."""
    filled = []

    def fill(image, box, rng):
        if len(filled) == after:
            raise KeyboardInterrupt
        filled.append(box)
        return image[:1, :1] * 0 + 20

    return fill, filled


@pytest.mark.parametrize("incremental", [True, False])
@pytest.mark.parametrize("batch", [1, 5])
def test_an_interruption_leaves_the_boxes_that_are_done(incremental, batch):
    net, x = classifier(), inputs(dtype="float64")
    options = {"channel": 5, "incremental": incremental, "batch": batch}
    fill, filled = stopping(8)
    done = 8 // batch * batch
    with pytest.warns(UserWarning, match=f"interrupted: this occlusion is of {done} of 12 boxes"):
        heatmap = refvis.occlusion(net, x, (4, 3), (3, 4), fill, **options)
    assert heatmap.record.parameters["partial"] == f"{done} of 12 boxes"
    before, total, count = net.forward(x)["x8"][0, 0, 0, 5], np.zeros((13, 11)), np.zeros((13, 11))
    for (top, bottom), (left, right) in filled[:done]:
        covered = x.copy()
        covered[0, top:bottom, left:right] = 20
        total[top:bottom, left:right] += before - net.forward(covered)["x8"][0, 0, 0, 5]
        count[top:bottom, left:right] += 1
    assert (count == 0).any()
    np.testing.assert_array_equal(heatmap.covered, count > 0)
    assert heatmap.partial == f"{done} of 12 boxes"
    assert repr(heatmap) == f"Heatmap(occlusion, 1 x 13 x 11 x 1; partial: {done} of 12 boxes)"
    np.testing.assert_allclose(heatmap.map, total / np.maximum(count, 1), rtol=0, atol=1e-10 * np.abs(total).max())


def test_of_several_boxes_a_pixel_needs_all():
    """Two boxes of the second grid are done: only the pixels under them have a value of both grids."""
    first = len(boxes((13, 11), (5, 5), (4, 4)))
    options = {"specs": [(5, 4), ((4, 3), (3, 4))], "batch": 1, "incremental": False, "fill": stopping(first + 2)[0]}
    with pytest.warns(UserWarning, match=f"{first + 2} of {first + 12} boxes"):
        heatmap = refvis.occlusion(classifier(), inputs(), **options)
    expected = np.zeros((13, 11), bool)
    expected[:4, :7] = [True, True, True, False, True, True, True]
    np.testing.assert_array_equal(heatmap.covered, expected)


def test_a_partial_map_shows_what_it_lacks(tmp_path):
    """Pixels that no box covered have no colours; the file and the captions say that the map is partial."""
    with pytest.warns(UserWarning, match="8 of 12 boxes"):
        interrupted = refvis.occlusion(classifier(), inputs(), (4, 3), (3, 4), stopping(8)[0], channel=[5, 2], batch=1)
    whole = refvis.occlusion(classifier(), inputs(), (4, 3), (3, 4), 20.0, channel=[5, 2])
    assert (whole.covered, whole.partial) == (None, "")
    gray, shown = interrupted.overlay(opacity=0.0), interrupted.overlay()
    assert interrupted.covered.any()
    assert not interrupted.covered.all()
    assert_same(shown[~interrupted.covered], gray[~interrupted.covered])
    assert (shown[interrupted.covered] != gray[interrupted.covered]).any(axis=1).all()
    row = replace(interrupted, values=interrupted.values[:1])
    row.save(tmp_path / "one.png")
    assert_same(np.asarray(Image.open(tmp_path / "one.png")), shown)
    captions = [one.contact_sheet()[:14] for one in (interrupted, replace(interrupted, record=whole.record))]
    assert (captions[0] != captions[1]).any()
    interrupted.save(tmp_path / "a.h5")
    whole.save(tmp_path / "b.h5")
    with h5py.File(tmp_path / "a.h5") as partial, h5py.File(tmp_path / "b.h5") as complete:
        assert_same(partial["covered"][()], interrupted.covered)
        assert "covered" not in complete


def test_what_is_interrupted_before_the_first_box_gives_nothing():
    with pytest.raises(KeyboardInterrupt):
        refvis.occlusion(classifier(), inputs(), (4, 3), (3, 4), stopping(3)[0], batch=5)


def test_draws_that_are_done_count():
    net, x = classifier(), inputs(dtype="float64")
    with pytest.warns(UserWarning, match="8 of 24 boxes"):
        heatmap = refvis.occlusion(net, x, (4, 3), (3, 4), stopping(8)[0], draws=2, batch=1, incremental=False)
    half = {place for n, place in enumerate(PLACES) if n < 4}
    covered = np.zeros((13, 11), bool)
    for (top, bottom), (left, right) in half:
        covered[top:bottom, left:right] = True
    assert_same(heatmap.map != 0, covered)
    with pytest.warns(UserWarning, match="23 of 24 boxes"):
        heatmap = refvis.occlusion(net, x, (4, 3), (3, 4), stopping(23)[0], draws=2, batch=1, incremental=False)
    assert heatmap.partial == "23 of 24 boxes"
    for (top, bottom), (left, right) in PLACES:
        covered[top:bottom, left:right] = True
    np.testing.assert_array_equal(heatmap.covered, covered)


def test_a_whole_run_is_not_partial():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        heatmap = refvis.occlusion(classifier(), inputs(), 4, 3)
    assert "partial" not in heatmap.record.parameters


def test_the_record_says_what_is_computed():
    net, x = classifier(), inputs()
    for options, words in (
        ({}, "windows up to drop2, then everything"),
        ({"at": "norm1", "channel": 2}, "windows throughout"),
        ({"size": (13, 11)}, "everything"),
        ({"incremental": False}, "everything"),
    ):
        heatmap = refvis.occlusion(net, x, **({"size": (2, 3), "stride": 2} | options))
        assert heatmap.record.parameters["computed"] == words


def test_by_definition_everything_is_computed(monkeypatch):
    net, x = classifier(), inputs(dtype="float64")
    fast = refvis.occlusion(net, x, 4, 3, channel=2)
    monkeypatch.setattr(incremental, "Plan", None)  # nobody asks for it
    with refvis.exact():
        exact = refvis.occlusion(net, x, 4, 3, channel=2)
    assert exact.record.parameters["computed"] == "everything"
    np.testing.assert_allclose(exact.values, fast.values, rtol=0, atol=1e-11 * np.abs(fast.values).max())


def test_memory_is_bounded():
    """The second run is measured, when modules and scratch arrays exist already; pooled buffers are freed before."""
    net = thin("imagenet-matconvnet-alex", 4)
    assert net.fingerprint, "its memory is not counted here"
    x = np.random.default_rng(2).normal(0, 50, (1, 227, 227, 3)).astype("float32")
    peaks, maps = [], []
    for options in ({"memory": 1 << 20}, {}):
        refvis.occlusion(net, x, 32, 24, "random", **options)
        buffers._FREE.clear()
        tracemalloc.start()
        maps.append(refvis.occlusion(net, x, 32, 24, "random", **options).values)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    trace = sum(values.nbytes for values in net.forward(x).values())
    assert peaks[0] < trace + (3 << 20) < peaks[1]
    np.testing.assert_allclose(*maps, rtol=0, atol=2e-5 * np.abs(maps[0]).max())


@pytest.mark.parametrize("name", ["imagenet-matconvnet-alex", "imagenet-googlenet-dag"])
def test_known_architectures(name):
    net = thin(name).astype("float64")
    x = np.random.default_rng(3).normal(0, 50, (1, *net.input_size, 3))
    options = {"size": 40, "stride": 60, "fill": "random", "channel": (7, 400)}
    fast, slow = (refvis.occlusion(net, x, incremental=which, **options).values for which in (True, False))
    np.testing.assert_allclose(fast, slow, rtol=0, atol=1e-10 * np.abs(slow).max())
