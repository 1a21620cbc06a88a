"""Maximised images of the report: when they are made, in which sizes, and the reasons given for the others."""

from dataclasses import replace
from math import prod

import numpy as np
import pytest
from support.same import assert_same
from support.small_nets import AVERAGE, classifier, conv, inputs, meta

import refvis
from refvis import report
from refvis.input_reconstruction.image.generator_codes import fitting_generator
from refvis.layers import BatchNorm, Conv, ConvTranspose, FullyConnected, ReLU, Sum
from refvis.report import maximization, methods
from refvis.report.page import card_view
from refvis.scenes import scene

IMAGE = np.random.default_rng(0).integers(0, 256, (26, 22, 3)).astype(np.uint8)


def cards(explained):
    return {card.key.removeprefix("reconstruction/"): card for card in explained.rows[2].cards}


@pytest.mark.parametrize("average", [AVERAGE, None, np.arange(13 * 11 * 3, dtype="float32").reshape(13, 11, 3)])
def test_the_score_and_the_channels_of_a_layer_are_maximised(average):
    net = replace(classifier(), meta=meta(average))
    explained = report.explain(net, IMAGE, steps=1, seed=4, channel="dog")
    maximized = cards(explained)["maximization"].result
    same = refvis.activation_maximization(net, channel=3, size=(13, 11), steps=maximization.STEPS, seed=4)
    assert_same(maximized.x, same.x)
    own = net.forward(explained.x)[net.scores][0, 0, 0, 3]
    assert maximized.measures["activation"][0] > own == maximized.measures["activation_of_input"][0]
    units = cards(explained)["units-relu2"].result
    assert units.x.shape == (10, 9, 9, 3)  # ten channels, each of which sees 9 x 9 pixels
    assert units.image.shape == (3 * 11 - 2, 4 * 11 - 2, 3)
    assert (units.measures["activation"] > 0).all()
    first = units.x[:1] + (0 if average is None else np.mean(average, axis=tuple(range(average.ndim - 1))))
    assert_same(units.image[:9, :9], np.clip(np.rint(first[0]), 0, 255).astype(np.uint8))
    assert [card_view(card)["wide"] for card in cards(explained).values()] == [False, False, False, True]


def test_a_channel_that_is_found_excites_its_channel_more_than_others_do():
    net = classifier()
    maximized = maximization.maximize_channels(net, maximization.LayerChannels("relu1", (7, 5)), seed=0, progress=False)
    values = net.upto("relu1").forward(maximized.x).output.mean(axis=(1, 2))
    assert (values.argmax(axis=0) == np.arange(8)).all()


def test_what_takes_long_is_left_out_and_said(monkeypatch):
    net = classifier()
    x = net.preprocess(IMAGE)
    monkeypatch.setattr(
        maximization, "MAX_WORK", maximization.STEPS * maximization.multiplications(net, net.scores, x.shape) - 1
    )
    for maximize, score, told in ((None, False, 1), (True, True, 0), (False, False, 0)):
        row = report.explain(net, IMAGE, steps=1, maximize=maximize).rows[2]
        keys = [card.key for card in row.cards]
        assert ("reconstruction/maximization" in keys) == score
        assert ("reconstruction/units-relu2" in keys) == (maximize is not False)
        assert len(row.left_out) == told
        assert all("--maximize" in text and "64 steps" in text for text in row.left_out)
    monkeypatch.setattr(maximization, "MAX_WORK", maximization.MAX_WORK + 1)
    assert report.explain(net, IMAGE, steps=1).rows[2].left_out == ()


@pytest.mark.parametrize(
    ("filters", "pad", "labels", "made"),
    [(3, 1, [], True), (3, 2, [], True), (3, 0, [], False), (2, 1, [], False), (3, 1, ["cup", "sky", "sea"], False)],
)
def test_an_output_that_is_an_image_has_no_score(filters, pad, labels, made):
    layers = {"conv1": conv(np.random.default_rng(0), (4, 3, 3, 3), pad=1), "relu1": ReLU()}
    layers |= {"conv2": conv(np.random.default_rng(1), (filters, 3, 3, 4), pad=pad)}
    net = refvis.chain(layers, meta() | {"classes": {"name": labels, "description": labels}})
    row = report.explain(net, IMAGE, steps=1, maximize=True).rows[2]
    assert (methods.LEFT_OUT["image"] in row.left_out) == made
    assert any(card.key == "reconstruction/maximization" for card in row.cards) != made
    assert row.cards[-1].key == "reconstruction/units-relu1"


def test_the_deepest_layer_that_is_quick_is_shown(monkeypatch):
    net = classifier()
    x = net.preprocess(IMAGE)
    nodes = methods.relu_nodes(net, x)
    assert maximization.quick_channels(net, x, nodes) == maximization.LayerChannels("relu2", (9, 9))
    shallow = maximization.CHANNEL_STEPS * 8 * maximization.multiplications(net, "relu1", (1, 3, 3, 3))
    monkeypatch.setattr(maximization, "MAX_CHANNEL_WORK", shallow)
    assert maximization.quick_channels(net, x, nodes) == maximization.LayerChannels("relu1", (3, 3))
    monkeypatch.setattr(maximization, "MAX_CHANNEL_WORK", shallow - 1)
    assert maximization.quick_channels(net, x, nodes) is None
    assert report.explain(net, IMAGE, steps=1).rows[2].left_out == (methods.LEFT_OUT["units"],)
    assert report.explain(net, IMAGE, steps=1, maximize=False).rows[2].left_out == ()


def test_layers_that_cannot_be_shown_are_passed_over():
    """One that mixes the images of a batch; one of which no window tells what it sees; one that takes one size only."""
    random, x = np.random.default_rng(0), inputs()
    first = {"conv1": conv(random, (4, 3, 3, 3)), "relu1": ReLU()}
    mixed = refvis.chain(first | {"norm": BatchNorm(np.ones(4, "f4"), np.zeros(4, "f4")), "relu2": ReLU()})
    whole = refvis.chain(
        first | {"fc": FullyConnected(np.ones((6, 11 * 9 * 4), "f4")), "up": ConvTranspose(np.ones((6, 2, 2, 5), "f4"))}
    )
    fixed = refvis.Network(
        [
            refvis.Node("three", conv(random, (4, 3, 3, 3), stride=2), "x", "a"),
            refvis.Node("relu1", ReLU(), "a", "b"),
            refvis.Node("four", conv(random, (4, 4, 4, 3), stride=2, pad=(0, 2, 0, 2)), "x", "c"),
            refvis.Node("sum", Sum(), ("b", "c"), "d"),  # of 13 x 11 pixels, 6 x 5 positions each; of 4 x 4, not
            refvis.Node("relu2", ReLU(), "d", "e"),
        ]
    )
    for net in (mixed, whole, fixed):
        nodes = methods.relu_nodes(net, x) if net is not whole else methods.nodes_with_positions(net, x)
        layer = maximization.quick_channels(net, x, nodes)
        assert layer == maximization.LayerChannels("relu1", (3, 3)), net
        maximization.maximize_channels(net, layer, seed=0, progress=False)


def test_searches_that_go_astray_are_left_out_and_said(monkeypatch):
    def fails(*arguments, **options):
        raise ValueError("the objective grew")

    monkeypatch.setattr(maximization, "activation_maximization", fails)
    row = report.explain(classifier(), IMAGE, steps=1).rows[2]
    assert [card.key for card in row.cards] == ["reconstruction/inversion-relu1", "reconstruction/inversion-relu2"]
    assert [text.split(".")[0] for text in row.left_out] == [
        "Left out: Maximised score",
        "Left out: Maximised channels of relu2",
    ]
    assert all("the objective grew" in text for text in row.left_out)


def test_multiplications_are_counted():
    """Each weight once for each output it goes to, padding included; transposed, for each input it comes from."""
    net = refvis.chain(
        {
            "conv": Conv(np.ones((6, 3, 2, 4), "f4"), stride=(2, 1), pad=1),
            "up": ConvTranspose(np.ones((6, 2, 3, 5), "f4"), upsample=2),
            "relu": ReLU(),
            "same": Conv(None, np.ones(5, "f4")),
            "fc": FullyConnected(np.ones((7, 14 * 25 * 5), "f4")),
        }
    )
    conv1, up = 2 * 7 * 12 * prod((6, 3, 2, 4)), 2 * 7 * 12 * prod((6, 2, 3, 5))
    assert maximization.multiplications(net, "conv", (2, 13, 11, 8)) == conv1
    assert maximization.multiplications(net, "same", (2, 13, 11, 8)) == conv1 + up
    assert maximization.multiplications(net, "fc", (2, 13, 11, 8)) == conv1 + up + 2 * 7 * 14 * 25 * 5


def test_generators_draw_where_there_are_some():
    """Of the bundled network, what they draw of the image's own code; of no other one, were it called the same."""
    net = refvis.load("scenes")
    image = scene(7).image
    row = [*methods.reconstructions(net, net.preprocess(image), 7, 1, 0, False, False)]
    assert [name for name, _, _ in row] == [f"inversion-relu{k}" for k in (1, 3, 5)] + [
        "generator-relu3",
        "generator-relu5",
    ]
    assert_same(row[-1][2].x, refvis.generator_inversion(net, net.preprocess(image), "relu5").x)
    other = [*methods.reconstructions(classifier(name="scenes"), inputs(), 0, 1, 0, False, False)]
    assert [name for name, _, _ in other] == ["inversion-relu1", "inversion-relu2"]
    assert fitting_generator(net, "relu3", np.zeros((1, 96, 64, 3), "f4")).outputs
    assert fitting_generator(net, "relu3", np.zeros((1, 70, 67, 3), "f4")) is None
