"""Examples: the strongest positions by search, the patches by hand, signals that stay within them; and the command."""

import re
from fractions import Fraction
from importlib import import_module

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from support.command_line import run
from support.same import assert_same
from support.small_nets import LABELS, SIZE, classifier

import refvis
from refvis.dataset_examples.patches import checkerboard, cut, receptive_box, signal_picture
from refvis.dataset_examples.ranking import empty_ranking, strongest
from refvis.dataset_examples.sheet import Row, sheet
from refvis.layers import BatchNorm, ReceptiveField

IMAGES = np.random.default_rng(3).integers(0, 256, (12, *SIZE)).astype("uint8")


def by_hand(net, images, at, channel):
    """(score, image, position) of each image's strongest position, the strongest first; equal ones as they come."""
    result = []
    for number, image in enumerate(images):
        values = net.forward(net.preprocess(image))[net.variable(at)][0, :, :, channel]
        y, x = max(np.ndindex(values.shape), key=lambda place: (values[place], -place[0], -place[1]))
        result.append((values[y, x], number, (y, x)))
    return sorted(result, key=lambda one: (-one[0], one[1]))


@pytest.mark.parametrize("batch", [1, 5, 16])
@pytest.mark.parametrize("at", ["conv1", "relu2"])
def test_the_strongest_are_found(at, batch):
    net = classifier()
    result = refvis.examples(net, IMAGES, at, [6, 2], top=4, batch=batch)
    for row, channel in enumerate((6, 2)):
        expected = by_hand(net, IMAGES, at, channel)[:4]
        np.testing.assert_allclose(result.scores[row], [score for score, _, _ in expected], rtol=1e-5)
        np.testing.assert_array_equal(result.images[row], [number for _, number, _ in expected])
        np.testing.assert_array_equal(result.positions[row], [place for _, _, place in expected])
        assert result.names[row] == tuple(f"image {number}" for _, number, _ in expected)
    assert (result.channels, result.seen, result.ended, result.partial) == ((6, 2), 12, "all images", False)
    assert result.titles == tuple(f"channel {k} of {at} ({net.variable(at)})" for k in (6, 2))


@given(st.lists(st.lists(st.integers(-2, 2), min_size=3, max_size=3), min_size=1, max_size=9), st.integers(1, 5))
def test_a_ranking_is_a_sort(scores, top):
    ranking, values = empty_ranking(3, top), np.array(scores, "float32")
    for first in range(0, len(values), 2):
        numbers = list(range(first, min(first + 2, len(values))))
        places = np.array([[(number, k) for k in range(3)] for number in numbers])
        ranking = ranking.with_more(values[numbers], numbers, places)
    for k in range(3):
        order = sorted(range(len(values)), key=lambda number: (-values[number, k], number))[:top]
        np.testing.assert_array_equal(ranking.images[k], order)
        np.testing.assert_array_equal(ranking.scores[k], values[order, k])
        np.testing.assert_array_equal(ranking.positions[k], [(number, k) for number in order])
    assert (ranking.seen, ranking.scores.dtype) == (len(values), "float32")


def test_equal_values_go_to_the_first_in_rows():
    values = np.zeros((2, 3, 4, 2))
    values[1, 1, 3] = values[1, 2, 0] = 5
    scores, positions = strongest(values)
    np.testing.assert_array_equal(scores, [[0, 0], [5, 5]])
    np.testing.assert_array_equal(positions, [[(0, 0)] * 2, [(1, 3)] * 2])


def test_patches_are_the_receptive_fields():
    net = classifier()
    result = refvis.examples(net, IMAGES, "conv2", 4, top=12)
    size, stride, offset = refvis.layers.receptive_fields(net)[net.variable("conv2")]
    wide = np.full((60, 60, 3), -1)
    for box, patch, position, number in zip(
        result.boxes[0], result.patches[0], result.positions[0], result.images[0], strict=True
    ):
        first = position * stride + offset
        np.testing.assert_array_equal(box, [*first, *(first + size)])
        wide[20 : 20 + SIZE[0], 20 : 20 + SIZE[1]] = IMAGES[number]
        expected = wide[20 + box[0] : 20 + box[2], 20 + box[1] : 20 + box[3]]
        np.testing.assert_array_equal(patch, np.where(expected < 0, checkerboard(*size), expected))
    assert (result.boxes[0, :, :2] < 0).any(), "no patch sticks out: the test shows nothing"


def test_signals_are_those_of_the_position_and_end_with_the_patch():
    net = classifier()
    result = refvis.examples(net, IMAGES, "relu2", [1, 7], top=3)
    for row, rank in np.ndindex(2, 3):
        x = net.preprocess(IMAGES[result.images[row, rank]])
        place = tuple(map(int, result.positions[row, rank]))
        values = refvis.deconvolution(net, x, "deconvnet", "relu2", result.channels[row], position=place).values[0]
        top, left, bottom, right = np.maximum(result.boxes[row, rank], 0)
        inside = values[top:bottom, left:right]
        assert np.count_nonzero(inside) == np.count_nonzero(values) > 0
        np.testing.assert_allclose(result.scales[row, rank], np.abs(values).max(), rtol=1e-6)
        drawn = cut(signal_picture(values)[0], tuple(result.boxes[row, rank]))
        np.testing.assert_array_equal(result.signals[row, rank], drawn)


def test_signal_pictures():
    values = np.array([-2.0, 0.0, 1.0, 4.0]).reshape(2, 2, 1)
    picture, scale = signal_picture(values)
    np.testing.assert_array_equal(picture[..., 2].ravel(), [64, 128, 159, 255])
    assert (picture.shape, picture.dtype, scale) == ((2, 2, 3), np.uint8, 4.0)
    np.testing.assert_array_equal(signal_picture(0 * values)[0], 128)


def test_fields_of_fractions_and_of_the_whole_image():
    field = ReceptiveField((Fraction(5, 2), 3), (Fraction(1, 2), 2), (Fraction(-1, 2), -1))
    assert receptive_box(field, (0, 0), (9, 9)) == (0, -1, 2, 2)  # rows -1/2 ... 1
    assert receptive_box(field, (3, 2), (9, 9)) == (1, 3, 3, 6)  # rows 1 ... 5/2
    assert receptive_box(None, (0, 0), (7, 9)) == (0, 0, 7, 9)


def test_images_of_several_sizes_without_a_receptive_field():
    net = refvis.chain(
        {"norm": refvis.layers.NormalizeLp(spatial=True)}, {"normalization": {"averageImage": np.zeros(3)}}
    )
    images = [IMAGES[0], IMAGES[1, :9], IMAGES[2, :, :7]]
    result = refvis.examples(net, images, "norm", 2)
    assert result.patches.shape == (1, 3, *SIZE)
    for number, box, patch in zip(result.images[0], result.boxes[0], result.patches[0], strict=True):
        height, width = images[number].shape[:2]
        np.testing.assert_array_equal(box, (0, 0, height, width))
        np.testing.assert_array_equal(patch[:height, :width], images[number])
        np.testing.assert_array_equal(patch[height:], checkerboard(*SIZE[:2])[height:])


def test_scores_are_the_default_and_have_names():
    net = classifier()
    result = refvis.examples(net, IMAGES[:3])
    assert result.titles == tuple(LABELS)
    assert result.record.parameters["at"] == net.scores
    np.testing.assert_allclose(
        result.scores[2],
        -np.sort([-net.forward(net.preprocess(i))[net.scores][0, 0, 0, 2] for i in IMAGES[:3]]),
        rtol=1e-5,
    )


def test_classes_may_be_named():
    net = classifier()
    named, numbered = (refvis.examples(net, IMAGES, channel=channel, top=2) for channel in (["cat", "ant"], [2, 0]))
    assert named.channels == numbered.channels == (2, 0)
    assert named.titles == ("cat", "ant")
    assert_same(named.patches, numbered.patches)
    assert named.record == numbered.record


def test_layers_that_mix_images_see_one_at_a_time():
    ones = np.ones(8, "float32")
    net = refvis.Network(classifier().nodes[:2])
    mixing = refvis.chain({"conv1": net.nodes[0].layer, "norm": BatchNorm(ones, 0 * ones), "relu": net.nodes[1].layer})
    alone = refvis.examples(mixing, IMAGES, "relu", 3, top=4, batch=1)
    assert_same(refvis.examples(mixing, IMAGES, "relu", 3, top=4, batch=6).scores, alone.scores)


def test_all_ways_to_give_images(tmp_path):
    net, expected = classifier(), refvis.examples(classifier(), IMAGES[:5], "conv2", 3, top=3)
    (tmp_path / "sub").mkdir()
    paths = [tmp_path / "sub" / f"{number}.png" for number in range(5)]
    for path, image in zip(paths, IMAGES, strict=False):
        Image.fromarray(image).save(path)
    (tmp_path / "sub" / "notes.txt").write_text("no image")
    (tmp_path / "broken.png").write_bytes(b"nothing")
    by_name = {f"number {number}": image for number, image in enumerate(IMAGES[:5])}
    folder = refvis.examples(net, tmp_path, "conv2", 3, top=3)
    for result in (
        folder,
        refvis.examples(net, paths, "conv2", 3, top=3),
        refvis.examples(net, by_name, "conv2", 3, top=3),
    ):
        assert_same(result.patches, expected.patches)
        assert_same(result.scores, expected.scores)
    assert folder.names == (tuple(f"sub/{number}.png" for number in expected.images[0]),)
    assert (list(folder.skipped), folder.seen) == (["broken.png"], 5)
    assert "not an image" in folder.skipped["broken.png"]


def test_masks_are_no_images(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert run(monkeypatch, capsys, "scenes", "all/sub", "--count", 3)[0] == 0
    (tmp_path / "images").mkdir()
    for path in sorted((tmp_path / "all" / "sub").glob("*.png")):
        if not path.stem.endswith("-mask"):
            (tmp_path / "images" / path.name).write_bytes(path.read_bytes())
    result, expected = (refvis.examples(classifier(), folder, "conv2", 3) for folder in ("all", "images"))
    assert_same(result.patches, expected.patches)
    assert (result.seen, result.masks, expected.seen, expected.masks) == (3, 3, 3, 0)
    alone = tmp_path / "images" / "alone-mask.png"
    alone.write_bytes(next((tmp_path / "all" / "sub").glob("*-mask.png")).read_bytes())
    assert refvis.examples(classifier(), "images", "conv2", 3).seen == 4
    refvis.save(classifier(), "small.mat")
    _, _, err = run(monkeypatch, capsys, "examples", "all", "--model", "small.mat", "--all")
    assert "skipped 3 masks (NAME-mask.png beside NAME.png)" in err


class Interrupted(list):
    """Images of which one is interrupted, the first time it is asked for."""

    asked = False

    def __getitem__(self, number):
        if number == 7 and not self.asked:
            self.asked = True
            raise KeyboardInterrupt
        return super().__getitem__(number)


def test_an_interruption_keeps_the_best_so_far():
    with pytest.warns(UserWarning, match="interrupted: this ranking is of 6 of 12 images"):
        result = refvis.examples(classifier(), Interrupted(IMAGES), "conv2", 3, top=2, batch=3)
    assert (result.partial, result.seen) == (True, 6)
    assert_same(result.patches, refvis.examples(classifier(), IMAGES[:6], "conv2", 3, top=2).patches)
    with pytest.raises(KeyboardInterrupt):
        refvis.examples(classifier(), Interrupted(IMAGES), "conv2", 3, batch=8)


class Numbered(list):
    """Images of which one is interrupted: the one that is asked for after so many others."""

    def __init__(self, images, others):
        super().__init__(images)
        self.left = others

    def __getitem__(self, number):
        self.left -= 1
        if self.left == -1:
            raise KeyboardInterrupt
        return super().__getitem__(number)


@pytest.mark.parametrize("drawn", [0, 2])
def test_an_interruption_while_drawing_keeps_what_was_found(drawn):
    """The first image is read to know the channels, then all are; then those that won, in order of their numbers."""
    whole = refvis.examples(classifier(), IMAGES, "conv2", [3, 6], top=3)
    needed = len(np.unique(whole.images))
    with pytest.warns(UserWarning, match=f"interrupted: this sheet is of {drawn} of the {needed} images"):
        result = refvis.examples(classifier(), Numbered(IMAGES, 1 + len(IMAGES) + drawn), "conv2", [3, 6], top=3)
    assert (result.partial, result.seen, whole.partial) == (True, len(IMAGES), False)
    for name in ("scores", "images", "positions", "names"):
        assert_same(getattr(result, name), getattr(whole, name))
    done = np.isin(whole.images, np.unique(whole.images)[:drawn])
    assert done.any() == (drawn > 0)
    assert not done.all()
    for name in ("boxes", "scales"):
        assert_same(getattr(result, name)[done], getattr(whole, name)[done])
        assert not getattr(result, name)[~done].any()
    height, width = result.patches.shape[2:4]
    for name in ("patches", "signals"):
        shown = getattr(result, name)
        assert_same(shown[done], getattr(whole, name)[done][:, :height, :width])
        assert (shown[~done] == checkerboard(height, width)).all()
    assert result.sheet().ndim == 3


def test_an_interrupted_command_says_so_once(tmp_path, monkeypatch, capsys):
    """What was done is written, a line tells of it, and the exit code is that of a program that Ctrl-C ended."""
    monkeypatch.chdir(tmp_path)
    refvis.save(classifier(), "small.mat")
    command = import_module("refvis.commands.examples")  # its function has the same name
    monkeypatch.setattr(command, "_scenes", lambda count: Numbered(IMAGES, 1 + len(IMAGES) + 2))
    code, out, err = run(monkeypatch, capsys, "examples", "--model", "small.mat", "--at", "conv2", "--channel", 3)
    assert (code, out.splitlines()[-1]) == (130, "sheet: examples.png")
    assert err.endswith("refvis: interrupted: these are the strongest of 12 images\n")
    assert "interrupted: this" not in err
    assert (tmp_path / "examples.png").stat().st_size


def test_save(tmp_path):
    result = refvis.examples(classifier(), IMAGES, "conv2", [3, 9], top=5)
    result.save(tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as shown:
        np.testing.assert_array_equal(np.asarray(shown), result.sheet())
    result.save(tmp_path / "a.h5")
    with h5py.File(tmp_path / "a.h5") as file:
        for name in ("scores", "images", "positions", "boxes", "patches", "signals", "scales"):
            assert_same(file[name][()], getattr(result, name))
        assert file["names"][1, 2].decode() == result.names[1][2]
        assert (file.attrs["seen"], file.attrs["parameter top"]) == (12, 5)
    with pytest.raises(ValueError, match=r"ends in \.png or \.h5"):
        result.save(tmp_path / "a.jpg")


def test_the_sheet_shows_every_patch():
    pictures = np.random.default_rng(0).integers(0, 256, (2, 2, 5, 20, 24, 3)).astype("uint8")
    page = sheet([Row(f"unit {k}", np.arange(5.0), *pictures[k]) for k in (0, 1)])
    for picture in pictures.reshape(-1, 20, 24, 3):
        expected = picture.repeat(2, axis=0).repeat(2, axis=1)  # the least size at which 24 pixels are 48
        y, x = np.argwhere((page == expected[0, 0]).all(axis=2))[0]
        np.testing.assert_array_equal(page[y : y + 40, x : x + 48], expected)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"at": "conv9"}, "no layer or variable 'conv9'"),
        ({"at": "x0"}, "'x0' is the network's input"),
        ({"at": "conv1", "channel": 8}, r"channel 8 of 'conv1 \(x1\)': expected 0 ... 7"),
        ({"channel": "all"}, "there is no class 'all'"),
        ({"at": "conv1", "channel": "cat"}, "there is no named channel 'cat'"),
        ({"top": 0}, "top is 0"),
        ({"batch": 0}, "batch is 0"),
        ({"mode": "deconv"}, "deconv"),
        ({"images": []}, "no image was given"),
        ({"images": (image for image in IMAGES)}, r"give list\(images\)"),
        ({"images": [IMAGES[0], np.full(SIZE, np.nan)]}, "image 1: .* NaN"),
    ],
)
def test_what_cannot_be_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        refvis.examples(classifier(), **({"images": IMAGES} | options))


def test_folders_without_images_are_refused(tmp_path):
    with pytest.raises(ValueError, match="there is no image in"):
        refvis.examples(classifier(), tmp_path)
    (tmp_path / "broken.png").write_bytes(b"nothing")
    with pytest.raises(ValueError, match=r"none of the 1 images can be read; broken\.png"):
        refvis.examples(classifier(), tmp_path)
    with pytest.raises(NotADirectoryError, match="is not a folder"):
        refvis.examples(classifier(), tmp_path / "broken.png")


def test_the_command(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "images").mkdir()
    refvis.save(classifier(), "small.mat")
    for number, image in enumerate(IMAGES):
        Image.fromarray(image).save(f"images/{number}.png")
    (tmp_path / "images" / "broken.png").write_bytes(b"nothing")
    model = ("--model", "small.mat")
    code, out, err = run(
        monkeypatch, capsys, "examples", "images", *model, "--layer", "conv2", "--channel", 5, "--out", "a.h5"
    )
    result = refvis.examples(classifier(), tmp_path / "images", "conv2", 5)
    assert code == 0
    each = zip(result.scores[0], result.names[0], strict=True)
    assert out.splitlines() == [
        *(f"channel 5 of conv2 (x5): {score:.4g} in {name}" for score, name in each),
        "sheet: a.h5",
    ]
    assert "skipped broken.png" in err
    with h5py.File("a.h5") as file:
        assert_same(file["patches"][()], result.patches)
    code, out, _ = run(monkeypatch, capsys, "examples", "images", *model, "--all", "--top", 2)
    assert (code, len(out.splitlines())) == (0, len(LABELS) + 1)
    code, _, _ = run(monkeypatch, capsys, "examples", "--scenes", 3, "--at", "relu1", "--channel", 2, "-o", "s.png")
    assert code == 0
    with Image.open("s.png") as shown:
        assert shown.width > 100
    for wrong in ([], ["--all", "--channel", "2"]):
        code, _, err = run(monkeypatch, capsys, "examples", "images", *model, *wrong)
        assert code == 2
        assert re.search("give one channel with --channel, or --all", err)
    code, _, err = run(monkeypatch, capsys, "examples", "none", *model)
    assert (code, err) == (2, "refvis: error: 'none' is not a folder: give a folder of images\n")
    code, _, err = run(monkeypatch, capsys, "examples", "images", *model, "--channel", "all")
    assert (code, "there is no class 'all'" in err) == (2, True)
