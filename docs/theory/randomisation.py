"""Adebayo et al. (2018): maps of a network whose weights are replaced by noise, from the top down.

A map that shows what the network has learned must change when that is taken away. Layer by layer, from the last to the
first, weights and biases are drawn anew from a normal distribution of their own mean and spread. After each layer the
map for the same class is compared with that of the trained network, by Spearman's rank correlation over all pixels.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

import numpy as np
from scipy.stats import spearmanr

import refvis
from refvis import Network
from refvis.layers import Array, Conv
from refvis.scenes import scene

SEEDS = range(20)
"""Each seed stands for a held-out scene, and for the noise that its network gets."""


def _backpropagated_map(net: Network, x: Array, channel: int, mode: str) -> Array:
    return refvis.deconvolution(net, x, mode, channel=channel, seed="one").map


def _cam(net: Network, x: Array, channel: int) -> Array:
    return refvis.grad_cam(net, x, channel=channel).map


METHODS: dict[str, Callable[[Network, Array, int], Array]] = {
    "z+": partial(_backpropagated_map, mode="z_plus"),
    "guided": partial(_backpropagated_map, mode="guided"),
    "deconvnet": partial(_backpropagated_map, mode="deconvnet"),
    "gradient": partial(_backpropagated_map, mode="gradient"),
    "Grad-CAM": _cam,
    "epsilon": partial(_backpropagated_map, mode="epsilon"),
}
"""Method -> ``(net, x, channel) -> map``, H x W.

Relevance starts from one, as all others do: from the score, all signs would turn where randomising makes it negative.
"""


def layers_from_the_top(net: Network) -> list[str]:
    """Return the names of the layers with weights, the last first."""
    return [node.name for node in reversed(net.nodes) if isinstance(node.layer, Conv)]


def randomise_layer(net: Network, name: str, random: np.random.Generator) -> Network:
    """Return the network with weights and biases of one convolution drawn anew."""

    def draw(values: Array) -> Array:
        return random.normal(values.mean(), values.std(), values.shape).astype(values.dtype)

    def randomise(layer: Conv) -> Conv:
        return replace(layer, filters=draw(layer.filters), biases=draw(layer.biases))

    nodes = tuple(replace(one, layer=randomise(one.layer)) if one.name == name else one for one in net.nodes)
    return replace(net, nodes=nodes)


def cascade(net: Network, seed: int) -> Iterator[dict[str, Array]]:
    """Yield the maps of all methods: of the network as it is, then after each layer from the top."""
    random, x = np.random.default_rng(seed), net.preprocess(scene(seed).image)
    channel = int(net.forward(x)[net.scores].argmax())
    yield {name: method(net, x, channel) for name, method in METHODS.items()}
    for name in layers_from_the_top(net):
        net = randomise_layer(net, name, random)
        yield {name: method(net, x, channel) for name, method in METHODS.items()}


def similarity(a: Array, b: Array) -> float:
    """Return Spearman's rank correlation of two maps; 0 where one of them is constant, and has no order."""
    return 0.0 if np.ptp(a) == 0 or np.ptp(b) == 0 else float(spearmanr(a.ravel(), b.ravel()).statistic)


def measure(net: Network, seeds: range = SEEDS) -> dict[str, Array]:
    """Return the rank correlations with the trained network's maps, seeds x (1 + layers), for each method."""
    correlations: dict[str, list[list[float]]] = {name: [] for name in METHODS}
    for seed in seeds:
        steps = list(cascade(net, seed))
        for name in METHODS:
            correlations[name].append([similarity(steps[0][name], step[name]) for step in steps])
    return {name: np.array(rows) for name, rows in correlations.items()}
