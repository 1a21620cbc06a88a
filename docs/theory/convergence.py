"""Sixt et al. (2020): along chains of z+, the maps of different outputs become one and the same.

A relevance rule goes through a layer as a matrix, R_below = A R. For z+ all entries of A are 0 or more, and its columns
sum to 1. A product A_1 A_2 ... of such matrices tends to one of rank 1: all columns, one for each output, become equal.
Then the map says nothing about which output is explained. The measure is the cosine between the maps of two outputs.

At depth 1 the maps are |x_d| max(s_d w_d, 0) with s the signs of x. For normal weights the cosine is then about

    E[max(w, 0)]^2 / E[max(w, 0)^2] = (1 / 2 pi) / (1 / 2) = 1 / pi
"""

from functools import partial

import numpy as np

from refvis import Network, chain, modes
from refvis.layers import Array, FullyConnected, Layer, ReLU, lrp
from refvis.layers.modes.composites import relevance

WIDTH = 64
DEPTHS = (1, 2, 3, 4, 6, 12)
SEEDS = range(20)
TABLES: dict[str, modes.Mode] = {
    "z+": modes.Z_PLUS,
    "alpha2-beta1": relevance(partial(lrp.alpha_beta, alpha=2.0, beta=1.0)),
    "gamma 0.25": relevance(lrp.gamma),
    "LRP-0": modes.LRP_0,
    "guided": modes.GUIDED,
    "gradient": modes.GRADIENT,
}
"""The compared modes; the first four are relevance."""


def network(random: np.random.Generator, depth: int, width: int = WIDTH) -> Network:
    """Return `depth` fully connected layers with ReLUs between them, weights by He et al. (2015), no biases."""
    layers: dict[str, Layer] = {}
    for number in range(1, depth + 1):
        layers[f"fc{number}"] = FullyConnected(random.standard_normal((width, width)) * np.sqrt(2 / width))
        if number < depth:
            layers[f"relu{number}"] = ReLU()
    return chain(layers)


def maps(net: Network, x: Array, mode: modes.Mode) -> Array:
    """Return the map of every output, a row each, from the seed 1."""
    outputs = net.forward(x)[net.scores].shape[3]
    trace = net.forward(x.repeat(outputs, axis=0))
    seeds = np.eye(outputs).reshape(outputs, 1, 1, outputs)
    signal: Array = net.backward(trace, {net.scores: seeds}, mode)[net.inputs[0]]
    return signal.reshape(outputs, -1)


def cosines(rows: Array) -> Array:
    """Return the cosine between every two different rows that are not zero."""
    lengths = np.linalg.norm(rows, axis=1)
    unit = rows[lengths > 0] / lengths[lengths > 0, None]
    values: Array = (unit @ unit.T)[np.triu_indices(len(unit), 1)]
    return values


def measure(depths: tuple[int, ...] = DEPTHS, seeds: range = SEEDS, width: int = WIDTH) -> dict[str, list[Array]]:
    """Return the cosines of all pairs of outputs in all networks, an array for each depth.

    The input is normal, and so of both signs.
    """
    by_rule: dict[str, list[Array]] = {name: [] for name in TABLES}
    for depth in depths:
        nets = [(random := np.random.default_rng(seed), network(random, depth, width)) for seed in seeds]
        images = [random.standard_normal((1, 1, 1, width)) for random, _ in nets]
        for name, mode in TABLES.items():
            each = [cosines(maps(net, x, mode)) for (_, net), x in zip(nets, images, strict=True)]
            by_rule[name].append(np.concatenate(each))
    return by_rule
