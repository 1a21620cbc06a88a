"""Endings: what the score is, whatever ends a network; several outputs; networks without classes."""

from typing import Any

import numpy as np
import pytest
from support.command_line import fill, run
from support.shared_files import shared
from support.small_nets import LABELS, SIZE, classifier, conv, inputs, meta

import refvis
from refvis import report
from refvis.layers import (
    ConvTranspose,
    EuclideanLoss,
    L2Loss,
    Loss,
    Node,
    PairwiseDistance,
    Pool,
    ReLU,
    Softmax,
    SoftmaxLoss,
    Sum,
    Unknown,
)

RANDOM = np.random.default_rng(0)
BODY = (
    Node("conv1", conv(RANDOM, (4, 3, 3, 3), pad=1), "x", "a"),
    Node("relu1", ReLU(), "a", "b"),
    Node("fc2", conv(RANDOM, (5, 13, 11, 4)), "b", "y"),
)
ENDINGS: dict[str, tuple[Node, ...]] = {
    "nothing": (),
    "loss": (Node("loss", Loss("softmaxlog"), ("y", "label"), "l"),),
    "softmax and loss": (Node("prob", Softmax(), "y", "p"), Node("loss", Loss("log"), ("p", "label"), "l")),
    "distance of labels": (Node("loss", PairwiseDistance(no_root=True, aggregate=True), ("y", "label"), "l"),),
    "squares of labels": (Node("loss", EuclideanLoss(), ("y", "label"), "l"),),
    "weighted squares of labels": (Node("loss", L2Loss(), ("y", "label", "weights"), "l"),),
    "unknown": (Node("loss", Unknown("mineloss"), "y", "l"),),
    "unknown with labels": (Node("loss", Unknown("dagnn.Mine"), ("y", "label"), "l"),),
    "unknown with labels first": (Node("loss", Unknown("dagnn.Mine"), ("label", "y"), "l"),),
    "loss and error": (
        Node("loss", SoftmaxLoss(), ("y", "label"), "l"),
        Node("error", Loss("classerror"), ("y", "label"), "e"),
        Node("mine", Unknown("dagnn.Mine"), ("y", "label"), "m"),
    ),
    "sum of losses": (
        Node("loss", SoftmaxLoss(), ("y", "label"), "l"),
        Node("near", PairwiseDistance(aggregate=True), ("y", "target"), "n"),
        Node("total", Sum(), ("l", "n"), "t"),
    ),
}


def result(one: Any) -> Any:
    """The values of a heatmap, or the images of a reconstruction."""
    return one.x if hasattr(one, "x") else one.values


def ending(name: str, **more: Any) -> refvis.Network:
    """The body with an ending."""
    return refvis.Network((*BODY, *ENDINGS[name]), **more)


@pytest.mark.parametrize("name", ENDINGS)
def test_every_ending_is_left_out_everywhere(name):
    """Whatever ends the network, each method explains what enters it, with the same numbers."""
    net, bare, x = ending(name), ending("nothing"), inputs()
    assert net.scores == "y"
    assert net.labels_at("y") == []
    np.testing.assert_array_equal(net.forward(x)["y"], bare.forward(x)["y"])
    for method in (
        lambda net: refvis.deconvolution(net, x, "epsilon"),
        lambda net: refvis.occlusion(net, x, 5, 3),
        lambda net: refvis.integrated_gradients(net, x),
        lambda net: refvis.rise(net, x, masks=8),
        lambda net: refvis.inversion(net, x, steps=2),
        lambda net: refvis.activation_maximization(net, channel=2, size=(13, 11), steps=2),
    ):
        one, other = method(net), method(bare)
        np.testing.assert_array_equal(result(one), result(other))
    assert refvis.ledger(net, x).entries == refvis.ledger(bare, x).entries


@pytest.mark.parametrize("name", ENDINGS)
def test_classes_of_every_ending(name):
    named = ending(name, meta={"classes": {"name": LABELS[:5], "description": LABELS[:5]}})
    expected = ending("softmax and loss").classify(inputs())
    assert [(LABELS.index(label), p) for label, p in named.classify(inputs())] == [
        (int(label.split()[1]), p) for label, p in expected
    ]


def test_unknown_endings_of_chains():
    layers = {node.name: node.layer for node in BODY}
    net = refvis.chain(layers | {"loss": Unknown("l2loss")})
    x = inputs()
    assert net.scores == "x3"
    np.testing.assert_array_equal(net.forward(x).output, refvis.chain(layers).forward(x).output)
    with pytest.raises(ValueError, match=r"layer 'loss': no implementation for unknown 'l2loss'"):
        refvis.deconvolution(net, x, at="loss")


def test_unknown_layers_inside_still_stop():
    layers = {node.name: node.layer for node in BODY}
    net = refvis.chain({"mine": Unknown("mine")} | layers)
    with pytest.raises(ValueError, match=r"layer 'mine' .*no implementation for unknown 'mine'"):
        net.forward(inputs())


def test_a_distance_from_the_input_is_a_loss():
    """An autoencoder compares its output with the image."""
    nodes = (BODY[0], Node("c", conv(RANDOM, (3, 3, 3, 4), pad=1), "a", "y"))
    net, x = refvis.Network((*nodes, Node("loss", PairwiseDistance(), ("y", "x"), "l"))), inputs()
    assert net.scores == "y"
    assert net.forward(x)["l"].shape == (1, 13, 11, 1)
    assert refvis.deconvolution(net, x, at="loss", channel=0).values.shape == x.shape


def test_a_distance_of_two_layers_is_a_score():
    """A siamese network compares two codes: that is no loss."""
    two = (*BODY, Node("pool", Pool(3), "x", "c"), Node("fc3", conv(RANDOM, (5, 11, 9, 3)), "c", "z"))
    net = refvis.Network((*two, Node("near", PairwiseDistance(), ("y", "z"), "d")))
    assert net.scores == "d"
    assert refvis.deconvolution(net, inputs(), "gradient").values.shape == (1, *SIZE)


def heads() -> refvis.Network:
    """Two outputs: 5 channels with the names of classes, and 2 without."""
    names = {"classes": {"name": LABELS[:5], "description": LABELS[:5]}, "normalization": meta()["normalization"]}
    return refvis.Network((*BODY, Node("fc3", conv(RANDOM, (2, 13, 11, 4)), "b", "z")), meta=names)


def test_several_outputs_are_chosen_by_name():
    net, x = heads(), inputs()
    for call in (
        net.classify,
        lambda x: refvis.deconvolution(net, x),
        lambda x: refvis.occlusion(net, x, 5),
        lambda x: report.explain(net, np.zeros(SIZE, "uint8")),
    ):
        with pytest.raises(ValueError, match=r"several outputs \(y, z\): name one with at=$"):
            call(x)
    assert sorted(label for label, _ in net.classify(x, at="y")) == LABELS[:5]
    assert net.classify(x, at="fc2") == net.classify(x, at="y")
    with pytest.raises(ValueError, match=r"the 2 channels of fc3 .*have no names"):
        net.classify(x, at="z")


def test_commands_name_their_option(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    fill(tmp_path)
    refvis.save(heads(), "heads.mat")
    for command in ("classify", "explain", "deconvolution", "occlusion", "ledger"):
        code, _, err = run(monkeypatch, capsys, command, "a.png", "-m", "heads.mat")
        assert (code, err.splitlines()[-1]) == (
            2,
            "refvis: error: the network has several outputs (y, z): name one with --at",
        )
    code, out, _ = run(monkeypatch, capsys, "classify", "a.png", "-m", "heads.mat", "--at", "y")
    assert (code, len(out.splitlines())) == (0, 5)
    code, out, _ = run(monkeypatch, capsys, "classify", "a.png", "-m", "heads.mat", "--at", "z")
    assert (code, out.startswith("no classes are listed: the 2 channels of fc3 (z) have no names")) == (0, True)
    small = ("--steps", "1", "--no-maximize")
    code, out, _ = run(monkeypatch, capsys, "explain", "a.png", "-m", "heads.mat", "--at", "y", *small)
    assert (code, out.count("%")) == (0, 5)
    code, out, _ = run(monkeypatch, capsys, "explain", "a.png", "-m", "heads.mat", "--at", "z", *small)
    assert (code, "no classes are listed" in out) == (0, True)


def test_several_inputs_name_the_option():
    two = (*BODY, Node("both", Sum(), ("y", "w"), "s"))
    net = refvis.Network(two)
    with pytest.raises(
        ValueError, match=r"both \(s\) .* from an image alone, it also needs 'w': .* with at=$"
    ) as error:
        refvis.deconvolution(net, inputs())
    assert error.value.command_text.endswith("explain a layer below it with --at")
    assert refvis.deconvolution(net, inputs(), at="fc2").values.shape == (1, *SIZE)


@pytest.mark.parametrize(
    ("layers", "reason"),
    [
        ({"fc": conv(RANDOM, (1, *SIZE))}, "fc (x1) has a single channel"),
        ({"fc": conv(RANDOM, (4, *SIZE))}, "the 4 channels of fc (x1) have no names"),
        ({"fc": conv(RANDOM, (4, *SIZE)), "l": PairwiseDistance()}, "the 4 channels of fc (x1) have no names"),
        ({"fc": conv(RANDOM, (4, *SIZE)), "l": Loss("logistic")}, "the 4 channels of fc (x1) have no names"),
        ({"c": conv(RANDOM, (3, 3, 3, 3), pad=1)}, "the 3 channels of c (x1) have no names"),
        ({"c": conv(RANDOM, (4, 3, 3, 3)), "p": Softmax()}, "c (x1) is a map of 11 x 9 positions"),
    ],
)
def test_networks_without_classes_say_so(layers, reason):
    """Regressors, trackers, denoisers, and networks that classify every position."""
    net = refvis.chain(layers, {"normalization": {"imageSize": SIZE}})
    with pytest.raises(ValueError, match="the network has no classes to list") as error:
        net.classify(inputs())
    assert error.value.reason.startswith(reason)
    explained = report.explain(net, np.zeros(SIZE, "uint8"), steps=1, maximize=False)
    assert (explained.classes, explained.lacks_classes) == ((), error.value.reason)
    assert "class 0" not in explained.target or "p" in layers


def test_maps_that_are_upsampled_have_no_classes():
    up = ConvTranspose(np.ones((5, 4, 4, 3), "float32"), upsample=2, crop=1)
    net = refvis.chain({"c": conv(RANDOM, (5, 3, 3, 3)), "up": up, "p": Softmax()})
    with pytest.raises(ValueError, match=r"up \(x2\) is a map of 22 x 18 positions"):
        net.classify(inputs())


def test_larger_images_are_averaged():
    net, x = classifier(), inputs(size=(17, 19, 3))
    assert net.lacks_classes("x8", (1, 3, 5, 7)) == ""
    assert len(net.classify(x)) == 5


@pytest.mark.parametrize(("name", "scores"), [("custom_loss_simplenn", "x1"), ("pdist_loss_dag", "pred")])
def test_files_with_losses_of_their_own(name, scores):
    net = refvis.load(shared("cases", f"{name}.mat"))
    assert net.scores == scores
    x = RANDOM.normal(0, 9, (1, 8, 8, net.channels)).astype("float32")
    assert refvis.deconvolution(net, x).record.parameters["at"] == scores
