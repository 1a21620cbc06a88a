"""Copies of MatConvNet's models count, save, load, show and run: a sixteenth as wide, in full where marked slow."""

from functools import cache

import numpy as np
import pytest
import scipy.io
from support.model_zoo import CHAINS, MODELS, hollow, image_shape, thin
from support.same import assert_same

import refvis
from refvis.show.table import described
from refvis.weights import read_mat

FC = 16_781_312 + 4_097_000
"""4096 (4096 + 1) + 1000 (4096 + 1): the last two layers for a thousand classes."""
VGG_16 = 14_714_688
"""Its thirteen convolutions: a layer of K filters of size S and depth C has K (S S C + 1) parameters."""
FC6_7, FC7 = 102_764_544, 16_781_312
"""4096 (7 * 7 * 512 + 1) and 4096 (4096 + 1)."""

COUNTS = {
    # Published: the grouped convolutions count with half the depth.
    "imagenet-matconvnet-alex": 60_965_224,
    "imagenet-caffe-ref": 60_965_224,
    # By hand: conv1 + conv2 + conv3 to conv5 + fc6 + the rest.
    "imagenet-vgg-f": 23_296 + 409_856 + 3 * 590_080 + 37_752_832 + FC,
    "imagenet-vgg-m": 14_208 + 614_656 + 1_180_160 + 2 * 2_359_808 + 75_501_568 + FC,
    "imagenet-vgg-s": 14_208 + 614_656 + 1_180_160 + 2 * 2_359_808 + 75_501_568 + FC,
    # Published.
    "imagenet-vgg-verydeep-16": 138_357_544,
    "imagenet-vgg-verydeep-19": 143_667_240,
    # VGG-16 with 2622 classes: 2622 (4096 + 1) in place of 1000 (4096 + 1).
    "vgg-face": 138_357_544 - 4_097_000 + 2_622 * 4_097,
    # Published for the main branch.
    "imagenet-googlenet-dag": 6_998_552,
    # Published with scale and offset for networks whose first convolution has no biases; Caffe's has 64.
    "imagenet-resnet-50-dag": 25_557_032 + 64,
    # By hand: 21 (C + 1) for the scores at C = 4096, 512 and 256 channels, and 21 * 21 * S * S for the upsamplings.
    "pascal-fcn8s-dag": VGG_16 + FC6_7 + FC7 + 21 * (4_097 + 513 + 257) + 441 * (2 * 4 * 4 + 16 * 16),
    # By hand: heads of 21 and 84 channels on 1024 or 4096.
    "fast-rcnn-vggm1k-pascal07-dagnn": (
        14_208 + 614_656 + 1_180_160 + 2 * 2_359_808 + 75_501_568 + 1_024 * 4_097 + (21 + 84) * 1_025
    ),
    "fast-rcnn-vgg16-pascal07-dagnn": VGG_16 + FC6_7 + FC7 + (21 + 84) * 4_097,
}
SIDES = {"pascal-fcn8s-dag": (36, 45), "fast-rcnn-vggm1k-pascal07-dagnn": (97, 118)}
SIDES |= {"fast-rcnn-vgg16-pascal07-dagnn": (97, 118)}
"""Height and width of smaller images for the networks that take any."""
REGIONS = np.array([[1, 5, 9, 60, 80], [1, 33, 2, 110, 95]], "float32").T
"""Two regions of the smaller images: image, then left, top, right and bottom, from 1."""


DAG = {"vars", "params"}
"""What a DagNN's struct has beside layers and meta."""


@cache
def narrow(name):
    return thin(name)


def inputs(name, net, seed=1):
    """The network's inputs: a random image, prepared as its meta data say, or smaller."""
    random = np.random.default_rng(seed)
    if name not in SIDES:
        return {net.inputs[0]: net.preprocess(random.integers(0, 256, (60, 50, 3)).astype("uint8"))}
    pixels = random.uniform(0, 255, (1, *SIDES[name], 3)).astype("float32")
    given = {"data": pixels - net.normalization["averageImage"]}
    return given | ({"rois": REGIONS} if MODELS[name].regions else {})


def check_counts(net, count):
    lines = described(net).splitlines()
    assert f"parameters: {count:,} ({count * 4 / 2**20:.1f} MB)" in lines
    assert [line.split()[0] for line in lines[2 : 2 + len(net.nodes)]] == [node.name for node in net.nodes]


def check_same(found, net):
    """The same nodes; those of a graph are loaded in MatConvNet's order, those of a chain in their own."""
    if net.name in CHAINS:
        assert_same(found.nodes, net.nodes)
        assert found.fingerprint == net.fingerprint
    assert_same({node.name: node for node in found.nodes}, {node.name: node for node in net.nodes})
    assert_same(found.meta, net.meta)
    assert (found.inputs, set(found.outputs)) == (net.inputs, set(net.outputs))


def check_runs(name, net):
    """Forward, and guided back from the strongest score of each output, to every input."""
    given = inputs(name, net)
    trace = net.forward(**given)
    shapes = MODELS[name].outputs
    assert trace.ends == tuple(shapes)
    for end, shape in shapes.items():
        expected = (*shape[:1], *SIDES[name], shape[3]) if name == "pascal-fcn8s-dag" else shape
        assert trace[end].shape == expected, end
    for variable, values in trace.items():
        assert np.isfinite(values).all(), variable
        assert values.dtype == "float32", variable
    ends = [end for end in shapes if net.node(end).layer.__class__.__name__ == "Softmax"]
    for end in ends:
        np.testing.assert_allclose(trace[end].sum(axis=3), 1, rtol=1e-5)
    for mode in ("gradient", "guided"):
        seeds = {}
        for end in shapes:
            scores = net.node(end).inputs[0] if end in ends else end
            seeds[scores] = (trace[scores] == trace[scores].max()).astype("float32")
        signals = net.backward(trace, seeds, mode)
        signal = signals[net.inputs[0]]
        assert signal.shape == given[net.inputs[0]].shape
        assert np.isfinite(signal).all()
        assert np.count_nonzero(signal) > signal.size / 10, mode


def old_layout(net, folder):
    """Write a saved simplenn struct again as files of 2014 hold it: filters and biases, no meta; return the path."""
    layers = np.empty((1, len(net["layers"])), dtype=object)
    for index, layer in enumerate(net["layers"]):
        kept = {key: value for key, value in layer.items() if key in ("name", "pool", "method", "param", "leak")}
        kept["type"] = "normalize" if layer["type"] == "lrn" else layer["type"]
        kept |= {key: layer[key] for key in ("stride", "pad") if key in layer}
        if layer["type"] == "conv":
            kept |= {"filters": layer["weights"][0], "biases": layer["weights"][1]}
            kept |= {"filtersLearningRate": 1.0, "biasesLearningRate": 2.0}
            kept |= {"filtersWeightDecay": 1.0, "biasesWeightDecay": 0.0}
        layers[0, index] = kept
    normalization = {key: value for key, value in net["meta"]["normalization"].items() if key != "cropSize"}
    classes = {key: np.array([value], dtype=object) for key, value in net["meta"]["classes"].items()}
    whole = {"layers": layers, "normalization": normalization, "classes": classes}
    scipy.io.savemat(folder / "old.mat", whole)
    return folder / "old.mat"


@pytest.mark.parametrize("name", MODELS)
def test_counts_in_full_size(name):
    net = hollow(name)
    assert net.name == name
    assert len(net.nodes) == MODELS[name].layers
    check_counts(net, COUNTS[name])
    regions = {"rois": REGIONS.shape} if MODELS[name].regions else {}
    shapes = net.shapes(**image_shape(net), **regions)
    assert {end: shapes[end] for end in net.outputs} == MODELS[name].outputs


def test_biases_below_a_batch_normalisation_are_the_difference_to_the_published_count():
    net = hollow("imagenet-resnet-50-dag")
    assert net.node("conv1").layer.biases.shape == (64,)
    assert COUNTS["imagenet-resnet-50-dag"] - 64 == 25_557_032
    others = [node for node in net.nodes if node.name.startswith("res") and hasattr(node.layer, "filters")]
    assert len(others) == 52
    assert all(node.layer.biases is None for node in others)


@pytest.mark.parametrize("name", MODELS)
def test_saved_and_loaded(name, tmp_path):
    net = narrow(name)
    refvis.save(net, tmp_path / "a.mat")
    struct = read_mat(tmp_path / "a.mat")["net"]
    assert set(struct) == {"layers", "meta"} | (set() if name in CHAINS else DAG)
    loaded = refvis.load(tmp_path / "a.mat")
    check_same(loaded, net)
    table, _, remarks = described(loaded).partition("\n\nremarks of loading")
    assert sorted(table.splitlines()) == sorted(described(net).splitlines())
    assert ("border" in remarks) == ("border" in net.normalization)
    if name not in CHAINS:
        refvis.save(loaded, tmp_path / "b.mat")
        assert refvis.load(tmp_path / "b.mat").fingerprint == loaded.fingerprint
    else:
        old = refvis.load(old_layout(struct, tmp_path))
        check_same(old, net)
        assert {remark.place for remark in old.load_report} >= {"classes", "normalization"}


@pytest.mark.parametrize("name", MODELS)
def test_forward_and_backward(name):
    check_runs(name, narrow(name))


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
def test_full_size(name, tmp_path):
    """All of the above in full: 11 minutes of one core for the 13 models, 1.2 GB on the disk at most."""
    net = thin(name, width=1)
    check_counts(net, COUNTS[name])
    refvis.save(net, tmp_path / "a.mat")
    check_same(refvis.load(tmp_path / "a.mat"), net)
    if name in CHAINS:
        check_same(refvis.load(old_layout(read_mat(tmp_path / "a.mat")["net"], tmp_path)), net)
    for path in tmp_path.iterdir():
        path.unlink()
    check_runs(name, net)
