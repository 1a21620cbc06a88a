"""Networks: scores, classes, fingerprint, saving and loading."""

import inspect
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from support.same import assert_same
from support.small_nets import LABELS, classifier, conv, inputs, linear, meta

import refvis
from refvis import layers as operators
from refvis.layers import LRN, Conv, Dropout, Loss, Node, Pool, ReLU, Softmax, SoftmaxLoss
from refvis.weights import Remark

RANDOM = np.random.default_rng(0)


def changed(net, name, **fields):
    """The network with some fields of one layer replaced."""
    return replace(
        net, nodes=tuple(replace(n, layer=replace(n.layer, **fields)) if n.name == name else n for n in net.nodes)
    )


def test_scores_stand_before_softmax_and_losses():
    layers = {"fc": conv(RANDOM, (5, 4, 3, 2)), "relu": ReLU()}
    for ending in ({}, {"prob": Softmax()}, {"loss": SoftmaxLoss()}, {"prob": Softmax(), "loss": Loss("log")}):
        assert refvis.chain(layers | ending).scores == "x2"
    assert classifier().scores == "x8"


def test_scores_of_several_outputs_are_refused():
    one = conv(RANDOM, (5, 4, 3, 2))
    net = refvis.Network([Node("a", one, "x", "y"), Node("b", one, "x", "z"), Node("p", Softmax(), "y", "p")])
    with pytest.raises(ValueError, match=r"several outputs \(z, y\): name one"):
        _ = net.scores


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_classes_are_the_softmax_output(dtype):
    net, x = classifier(), inputs(dtype=dtype)
    classes = net.classify(x, top=7)
    output = net.forward(x).output[0, 0, 0]
    assert [label for label, _ in classes] == [LABELS[k] for k in np.argsort(-output)]
    np.testing.assert_allclose([p for _, p in classes], np.sort(output)[::-1], rtol=1e-6)
    np.testing.assert_allclose(sum(p for _, p in classes), 1, rtol=1e-6)
    assert net.classify(x, top=3) == classes[:3]
    assert net.classify(x) == classes[:5]
    assert net.classify(x, top=99) == classes


def test_classes_of_an_image_are_those_of_its_input():
    image = np.random.default_rng(1).integers(0, 256, (30, 20, 3)).astype(np.uint8)
    net = classifier()
    assert net.classify(image) == net.classify(net.preprocess(image))


def test_classes_without_softmax_and_with_loss():
    net, x = classifier(), inputs()
    for other in (refvis.chain({n.name: n.layer for n in net.nodes[:-1]}, net.meta), replace_ending(net)):
        assert other.classify(x) == net.classify(x)


def replace_ending(net):
    layers = {n.name: n.layer for n in net.nodes[:-1]}
    return refvis.chain(layers | {"loss": SoftmaxLoss()}, net.meta)


def test_classes_of_several_positions_are_averaged():
    net, x = classifier(), inputs(size=(17, 19, 3))
    scores = net.upto("fc3").forward(x).output
    assert scores.shape == (1, 3, 5, 7)
    mean = scores.astype("float64").mean(axis=(1, 2))[0]
    expected = np.exp(mean) / np.exp(mean).sum()
    probabilities = dict(net.classify(x, top=7))
    np.testing.assert_allclose([probabilities[label] for label in LABELS], expected, rtol=1e-4)


def test_labels_fall_back():
    bare = linear()
    assert bare.labels is None
    assert bare.label(3) == "class 3"
    named = refvis.chain({"relu": ReLU()}, {"classes": {"name": ["n01", "n02"], "description": ["tench", "goldfish"]}})
    assert named.labels == ["tench", "goldfish"]
    assert (named.label(1), named.label(2)) == ("goldfish", "class 2")
    assert refvis.chain({"relu": ReLU()}, {"classes": {"name": ["n01"]}}).labels == ["n01"]
    for classes in ({}, {"name": [], "description": []}, (), None, "cat"):
        assert refvis.chain({"relu": ReLU()}, {"classes": classes}).labels is None


def test_input_size_and_channels():
    net = classifier()
    assert (net.input_size, net.channels) == ((13, 11), 3)
    assert (linear().input_size, linear().channels) == (None, 3)
    layers = {n.name: n.layer for n in net.nodes}
    assert refvis.chain(layers, {"inputs": {"name": "data", "size": (8, 9, 3, 1)}}).input_size == (8, 9)
    gray = refvis.chain(layers, {"normalization": {"imageSize": (8, 9, 1)}})
    assert (gray.input_size, gray.channels) == ((8, 9), 1)
    for size in ((), (0, 0, 3), (5,), None):
        assert refvis.chain(layers, {"normalization": {"imageSize": size}}).input_size is None
    assert refvis.chain({"relu": ReLU()}).channels is None
    assert refvis.chain({"relu": ReLU()}, {"normalization": "none"}).normalization == {}


def test_fingerprint_is_the_same_for_the_same_network():
    first = classifier().fingerprint
    assert len(first) == 64
    assert int(first, 16) > 0
    assert classifier(name="other").fingerprint == first
    assert replace(classifier(), meta={}).fingerprint == first
    wide = classifier().astype("float64")
    assert wide.fingerprint != first
    assert wide.astype("float32").fingerprint == first
    column_major = np.asfortranarray(classifier().node("conv2").layer.filters)
    assert changed(classifier(), "conv2", filters=column_major).fingerprint == first


@pytest.mark.parametrize("name", ["conv1", "conv2", "fc3"])
@pytest.mark.parametrize("field", ["filters", "biases"])
def test_fingerprint_changes_with_every_parameter(name, field):
    net = classifier()
    values = getattr(net.node(name).layer, field)
    fingerprints = {net.fingerprint}
    for at in (0, values.size // 2, values.size - 1):
        other = values.copy()
        other.flat[at] = np.nextafter(other.flat[at], np.float32(np.inf))
        fingerprints.add(changed(net, name, **{field: other}).fingerprint)
    assert len(fingerprints) == 4


def test_fingerprint_changes_with_layers_and_wiring():
    net = classifier()
    others = [
        changed(net, "relu1", leak=0.1),
        changed(net, "pool1", method="avg"),
        changed(net, "conv1", stride=2),
        changed(net, "norm1", alpha=0.06),
        changed(net, "drop2", rate=0.4),
        changed(net, "conv1", biases=None),
        net.upto("fc3"),
        replace(net, nodes=tuple(replace(n, name=f"{n.name}.") for n in net.nodes)),
        classifier(seed=6),
    ]
    assert len({one.fingerprint for one in [net, *others]}) == 10


def test_save_and_load(tmp_path):
    net = classifier()
    refvis.save(net, tmp_path / "other name.mat")
    again = refvis.load(tmp_path / "other name.mat")
    assert isinstance(again, refvis.Network)
    assert again.fingerprint == net.fingerprint
    assert again.name == "other name"
    assert again.load_report == ()
    assert_same(again.nodes, net.nodes)
    assert again.labels == LABELS
    assert_same(again.normalization["averageImage"], net.normalization["averageImage"])
    assert again.input_size == (13, 11)
    image = np.random.default_rng(1).integers(0, 256, (30, 20, 3)).astype(np.uint8)
    assert_same(again.preprocess(image), net.preprocess(image))
    assert again.classify(image) == net.classify(image)
    refvis.save(again, tmp_path / "2.mat")
    assert refvis.load(str(tmp_path / "2.mat")).fingerprint == net.fingerprint


def test_average_image_survives_saving(tmp_path):
    average = np.random.default_rng(5).uniform(90, 130, (13, 11, 3)).astype("float32")
    net = replace(classifier(), meta=meta(average))
    refvis.save(net, tmp_path / "a.mat")
    assert_same(refvis.load(tmp_path / "a.mat").normalization["averageImage"], average)


def test_graphs_are_saved_and_share_what_they_shared(tmp_path):
    one = conv(RANDOM, (5, 4, 3, 2))
    net = refvis.Network([Node("a", one, "x", "y"), Node("b", one, "x", "z")], meta={"info": "two of one"})
    refvis.save(net, tmp_path / "a.mat")
    again = refvis.load(tmp_path / "a.mat")
    assert_same(again.nodes, net.nodes)
    assert again.meta == net.meta
    assert again.nodes[0].layer.filters is again.nodes[1].layer.filters


def test_changes_keep_meta_name_and_report():
    net = replace(classifier(), load_report=(Remark("net", "default", "something"),))
    for other in (net.upto("relu2"), net.upto("x3"), net.to("numpy"), net.astype("float64"), net.astype(np.float32)):
        assert type(other) is refvis.Network
        assert other.meta is net.meta
        assert other.load_report == net.load_report
        assert other.name == net.name
    assert [n.name for n in net.upto("x3").nodes] == ["conv1", "relu1", "norm1"]
    assert net.upto("x3").scores == "x3"
    assert net.astype("float64").node("conv1").layer.filters.dtype == np.float64
    with pytest.raises(ValueError, match="cuda"):
        net.to("cuda")


def test_parameters_may_be_numpy_numbers():
    net = refvis.chain(
        {
            "drop": Dropout(np.float64(0.25)),
            "norm": LRN(np.int64(5), np.float64(1), np.float64(0.1), np.float64(0.5)),
            "pool": Pool(np.int64(2), np.int64(2)),
        }
    )
    plain = refvis.chain({"drop": Dropout(0.25), "norm": LRN(5, 1.0, 0.1, 0.5), "pool": Pool(2, 2)})
    x = inputs()
    assert_same(net.forward(x).output, plain.forward(x).output)
    assert net.fingerprint == plain.fingerprint


def test_unknown_names_and_missing_files(tmp_path):
    with pytest.raises(FileNotFoundError, match="no file 'nothing', and no bundled network of that name"):
        refvis.load("nothing")
    with pytest.raises(FileNotFoundError, match=r"nothing\.mat"):
        refvis.load(tmp_path / "nothing.mat")
    text = tmp_path / "text.mat"
    text.write_text("this is no model")
    with pytest.raises(refvis.ModelFormatError, match=r"text\.mat"):
        refvis.load(text)
    with pytest.raises(ValueError, match=r"no layer or variable 'conv9'.*did you mean 'conv"):
        classifier().upto("conv9")


def test_bundled_names_can_be_loaded():
    names = refvis.bundled()
    assert isinstance(names, tuple)
    for name in names:
        assert refvis.load(name).name == name


def test_a_file_wins_over_a_bundled_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    refvis.save(linear(dtype="float32"), "scenes")
    assert [n.name for n in refvis.load("scenes").nodes] == ["sum"]


def test_public_names():
    for name in refvis.__all__:
        assert getattr(refvis, name) is not None
    assert issubclass(refvis.ModelFormatError, ValueError)
    assert issubclass(refvis.ShapeError, ValueError)
    assert isinstance(refvis.chain({"conv": Conv(np.ones((2, 1, 1, 3)))}), refvis.Network)


def test_what_a_model_does_not_say_can_be_given(tmp_path):
    bare = replace(classifier(), meta={})
    refvis.save(bare, tmp_path / "bare.mat")
    loaded = refvis.load(tmp_path / "bare.mat")
    warned = {remark.place for remark in loaded.load_report if remark.kind == "warning"}
    assert warned == {"meta.normalization.averageImage", "meta.normalization.imageSize"}
    average = np.arange(13 * 11 * 3, dtype="float32").reshape(13, 11, 3) / 4
    full = loaded.with_images((13, 11), average, ["a", "b", "c", "d", "e", "f", "g"])
    assert [remark for remark in full.load_report if remark.kind == "warning"] == []
    image = np.random.default_rng(0).integers(0, 256, (13, 11, 3)).astype("uint8")
    np.testing.assert_allclose(full.preprocess(image)[0], image - average, atol=1e-5)
    assert full.preprocess(np.zeros((20, 30, 3))).shape == (1, 13, 11, 3)
    assert full.label(2) == "c"
    assert loaded.input_size is None
    assert full.with_images(classes=["x"]).input_size == (13, 11)
    refvis.save(full, tmp_path / "full.mat")
    again = refvis.load(tmp_path / "full.mat")
    assert_same(again.preprocess(image), full.preprocess(image))
    assert again.labels == full.labels
    assert repr(again) == "Network('full': 9 layers, x0 -> x9)"


def test_nan_is_not_classified():
    with pytest.raises(ValueError, match="429 values that are NaN"):
        classifier().classify(np.full((1, 13, 11, 3), np.nan, "float32"))


def test_raw_pixels_are_warned_of():
    """An input from which the average image was not subtracted gives other scores, in silence."""
    net, picture = refvis.load("scenes"), refvis.scenes.scene(7).image
    raw, x = picture.astype("float32")[None], net.preprocess(picture)
    for method in (
        lambda: net.classify(raw),
        lambda: refvis.deconvolution(net, raw),
        lambda: refvis.occlusion(net, raw, size=32, stride=32),
        lambda: refvis.inversion(net, raw, steps=1),
    ):
        with pytest.warns(UserWarning, match=r"looks like pixels 0 ... 255 .*; net.preprocess\(image\)") as caught:
            method()
        assert not Path(caught[0].filename).is_relative_to(Path(refvis.__file__).parent), "the caller's line"
    with pytest.raises(TypeError, match=r"the input is uint8, .* net.preprocess"):
        refvis.deconvolution(net, picture[None])
    white = net.preprocess(np.full((64, 64, 3), 255, "uint8"))
    assert white.min() > 0, "brighter than the average everywhere, and a sound input"
    for sound in (x, white, abs(x), raw / 255):
        net.classify(sound)
        refvis.deconvolution(net, sound)
    refvis.deconvolution(net.with_images(size=(64, 64), average=np.zeros(3)), x)


def test_networks_without_an_average_take_pixels_as_they_are():
    net = classifier()
    net = replace(net, meta={})
    net.classify(100 + 10 * inputs())


NAMED = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
"""Kinds of parameters that a call may name."""


def methods() -> list[object]:
    """Return every public function whose first argument is a network, but those that take any graph."""
    found = [getattr(place, name) for place in (refvis, refvis.featurevis) for name in dir(place)]
    functions = [one for one in found if inspect.isfunction(one) and one.__module__ != "refvis.layers.surgery"]
    return [one for one in functions if next(iter(inspect.signature(one).parameters), "") in ("net", "network")]


@pytest.mark.parametrize("method", methods(), ids=lambda one: f"{one.__module__}.{one.__name__}")
def test_nodes_in_place_of_a_network_are_refused(method):
    """`layers.chain` makes nodes, `refvis.chain` a network: every method says so."""
    nodes = operators.chain({"a": ReLU()})
    _, *others = inspect.signature(method).parameters.values()
    required = {one.name: "a" for one in others[1:] if one.default is one.empty and one.kind in NAMED}
    with pytest.raises(TypeError, match=r"the network is a tuple, expected a refvis.Network .*use refvis.chain"):
        method(nodes, np.ones((1, 4, 4, 3), "float32"), **required)


def test_there_are_methods():
    assert len(methods()) > 30


@pytest.mark.parametrize("meta", [{"normalization": {"imageSize": (6, 5, -3)}}, {"inputs": ["data", (6, 5, 0)]}])
def test_channels_that_no_image_has_are_unknown(meta):
    filters = np.ones((2, 1, 1, 4), "float32")
    assert refvis.chain({"conv": Conv(filters)}, meta).channels == 4
    assert refvis.chain({"relu": ReLU()}, meta).channels is None
