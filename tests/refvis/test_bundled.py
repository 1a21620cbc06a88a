"""The bundled network is an ordinary model file, and good at what it was trained for."""

import warnings

import numpy as np
import pytest

import refvis
from refvis import layers, scenes
from refvis.weights import bundled_path, read_model

NAME = "scenes"
HELD_OUT = 300


@pytest.fixture(scope="module")
def net():
    return refvis.load(NAME)


def test_it_is_bundled(net):
    assert NAME in refvis.bundled()
    assert net.name == NAME
    assert bundled_path(NAME).stat().st_size < 3e6


def test_it_is_read_by_the_ordinary_loader_without_a_remark(net):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = read_model(bundled_path(NAME))
    assert model.report == []
    assert net.load_report == ()
    assert refvis.load(bundled_path(NAME)).fingerprint == net.fingerprint


def test_it_has_alexnets_kinds_of_layers(net):
    kinds = {type(node.layer) for node in net.nodes}
    expected = {layers.Conv, layers.ReLU, layers.LRN, layers.Pool, layers.Dropout, layers.Softmax}
    assert kinds == expected
    grouped = [n.name for n in net.nodes if n.name in ("conv2", "conv4", "conv5")]
    shapes = net.shapes(x0=(1, scenes.SIDE, scenes.SIDE, 3))
    for name in grouped:
        node = net.node(name)
        assert shapes[node.inputs[0]][3] == 2 * node.layer.filters.shape[3], f"{name} has two groups"
    assert {n.layer.filters.dtype.name for n in net.nodes if isinstance(n.layer, layers.Conv)} == {"float32"}


def test_its_meta_data(net):
    assert net.labels == list(scenes.CLASSES)
    assert net.input_size == (scenes.SIDE, scenes.SIDE)
    assert net.channels == 3
    assert net.shapes(x0=(1, scenes.SIDE, scenes.SIDE, 3))[net.scores] == (1, 1, 1, len(scenes.CLASSES))


def test_held_out_accuracy(net):
    assert all(seed in scenes.TEST_SEEDS and seed not in scenes.TRAINING_SEEDS for seed in range(HELD_OUT))
    right = 0
    for first in range(0, HELD_OUT, 50):
        images, labels = scenes.batch(range(first, first + 50))[:2]
        x = np.concatenate([net.preprocess(image) for image in images])
        right += int((net.forward(x).output[:, 0, 0].argmax(axis=1) == labels).sum())
    assert right / HELD_OUT >= 0.95


def test_it_names_the_class_of_a_scene(net):
    found = [net.classify(scenes.scene(number).image, top=1)[0][0] for number in range(20)]
    assert sum(label == scenes.scene(number).name for number, label in enumerate(found)) >= 18
