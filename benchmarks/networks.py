"""Whole networks with random weights: forward, and forward with the gradient of one score to the image."""

from functools import cache

import numpy as np
from support.model_zoo import MODELS
from support.model_zoo.parts import Maker, drawn

from benchmarks.rows import Row, compare
from benchmarks.work import Work, of_network
from refvis.layers import Softmax
from refvis.network import Network

NAMES = {
    "AlexNet": "imagenet-matconvnet-alex",
    "VGG-16": "imagenet-vgg-verydeep-16",
    "GoogLeNet": "imagenet-googlenet-dag",
    "ResNet-50": "imagenet-resnet-50-dag",
}
GOALS = {"AlexNet": (0.70, 0.75), "VGG-16": (0.95, 1.0)}


@cache
def network(name: str) -> Network:
    """Return the full network up to its scores, with random weights."""
    net = MODELS[NAMES[name]].make(Maker(drawn()))
    last = net.nodes[-1]
    assert isinstance(last.layer, Softmax)
    return net.upto(last.inputs[0])


def work(name: str, images: int = 1) -> Work:
    """Return the work of a network on a number of images of its size."""
    net = network(name)
    return of_network(net, of_size(net, images))


def of_size(net: Network, images: int = 1) -> np.ndarray:
    """Return random images of the network's size, N x H x W x C, float32, with values of about the size of pixels."""
    shape = images, *net.normalization["imageSize"]
    return 50 * np.random.default_rng(0).standard_normal(shape, "float32")


def measure(rounds: int, quick: bool) -> list[Row]:
    """Return two rows for each network."""
    rows = []
    for name in NAMES:
        made, goals = work(name), GOALS.get(name, (None, None))
        for what, goal in zip(("forward", "gradient"), goals, strict=True):
            title = f"{name}: {'forward' if what == 'forward' else 'forward + gradient'}"
            rows.append(compare(title, getattr(made, what), made.others(what), rounds, goal, slow=0 if quick else 1))
    return rows
