"""How well codes of held-out scenes are inverted: the error by layer and method, and whether the class stays.

A method is a function of the network, an image's input and a layer; it returns images, starts x H x W x C. Another
method is another entry of METHODS.
"""

from collections.abc import Callable

import numpy as np
from tqdm import tqdm

from refvis import Network, inversion, natural_preimage
from refvis.input_reconstruction.errors import reconstruction_errors
from refvis.layers import Array
from refvis.scenes import scene

LAYERS = ("conv1", "conv2", "conv3")


def by_inversion(net: Network, x: Array, at: str) -> Array:
    """Return what `inversion` finds from two starts, by its defaults."""
    found = inversion(net, x, at, starts=2).starts
    assert found is not None
    return found[0]


def by_natural_preimage(net: Network, x: Array, at: str) -> Array:
    """Return what `natural_preimage` finds, by its defaults."""
    return natural_preimage(net, x, at).x


METHODS: dict[str, Callable[[Network, Array, str], Array]] = {
    "inversion": by_inversion,
    "natural_preimage": by_natural_preimage,
}

Results = dict[tuple[str, str], dict[str, Array]]
"""(method, layer) -> a measure's name -> its values, scenes x starts."""


def inputs(net: Network, scenes: int) -> Array:
    """Return held-out scenes as inputs, N x 64 x 64 x 3."""
    return np.concatenate([net.preprocess(scene(seed).image) for seed in range(scenes)])


def measured(net: Network, scenes: int) -> Results:
    """Return every measure of every method at every layer."""
    images, found = inputs(net, scenes), {}
    for at in LAYERS:
        codes = net.upto(at).forward(images)[net.variable(at)]
        for name, method in METHODS.items():
            bar = tqdm(range(scenes), desc=f"{name} of {at}", unit="scene")
            rows = [one(net, images[i : i + 1], codes[i : i + 1], codes, at, method) for i in bar]
            found[name, at] = {key: np.array([row[key] for row in rows]) for key in rows[0]}
    return found


def one(
    net: Network, x: Array, code: Array, others: Array, at: str, method: Callable[[Network, Array, str], Array]
) -> dict[str, Array]:
    """Return the named errors of one scene's images, their squared distance in pixels, and whether the class stays."""
    images = method(net, x, at)
    errors = reconstruction_errors(net.upto(at).forward(images)[net.variable(at)], code, others)
    pixels = ((images - x) ** 2).sum(axis=(1, 2, 3)) / (x**2).sum()
    return errors | {"pixels": pixels, "same class": named(net, images) == named(net, x)}


def named(net: Network, x: Array) -> Array:
    """Return the class that the network names for each input."""
    return net.upto(net.scores).forward(x).output[:, 0, 0].argmax(axis=1)
