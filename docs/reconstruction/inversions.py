"""How well codes of held-out scenes are inverted: errors and time by layer and method, and whether the class stays.

A method is a function of the network, an image's input, a layer and a seed; it returns one image. Another method is
another entry of METHODS.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
from tqdm import tqdm

from refvis import Network, generator_inversion, inversion, natural_preimage
from refvis.input_reconstruction.image.generator_codes import generator_for
from refvis.input_reconstruction.objective.errors import reconstruction_errors
from refvis.layers import Array
from refvis.scenes import scene

Method = Callable[[Network, Array, str, int], Array]


def by_inversion(net: Network, x: Array, at: str, seed: int) -> Array:
    """Return what `inversion` finds by its defaults."""
    return inversion(net, x, at, seed=seed).x


def by_natural_preimage(net: Network, x: Array, at: str, seed: int) -> Array:
    """Return what `natural_preimage` finds by its defaults."""
    return natural_preimage(net, x, at, seed=seed).x


def by_generator(net: Network, x: Array, at: str, seed: int) -> Array:
    """Return what the bundled generator draws; nothing in it is random."""
    return generator_inversion(net, x, at, loaded(net, at)).x


METHODS: dict[str, Method] = {
    "inversion": by_inversion,
    "natural_preimage": by_natural_preimage,
    "generator_inversion": by_generator,
}

STARTS = {"inversion": 2}
"""From how many starts a method looks for each image, if not from one."""

SEARCHES = ("inversion", "natural_preimage")

LAYERS: dict[str, tuple[str, ...]] = {
    "conv1": SEARCHES,
    "conv2": SEARCHES,
    "relu2": tuple(METHODS),
    "conv3": SEARCHES,
    "relu3": tuple(METHODS),
    "relu5": tuple(METHODS),
}
"""Layer -> the methods that invert its codes: a generator only where one is bundled."""


@dataclass(frozen=True, eq=False)
class Found:
    """What a method found at a layer: measures by name (scenes x starts), images of the first start (scenes x ...)."""

    measures: dict[str, Array]
    images: Array


Results = dict[tuple[str, str], Found]
"""(layer, method) -> what it found."""


def inputs(net: Network, scenes: int) -> Array:
    """Return held-out scenes as inputs, N x 64 x 64 x 3."""
    return np.concatenate([net.preprocess(scene(seed).image) for seed in range(scenes)])


def measured(net: Network, images: Array) -> Results:
    """Return what every method finds at every layer."""
    found: Results = {}
    for at, names in LAYERS.items():
        codes = net.upto(at).forward(images)[net.variable(at)]
        for name in names:
            bar = tqdm(range(len(images)), desc=f"{name} of {at}", unit="scene")
            every = [one(net, images[i : i + 1], codes[i : i + 1], codes, at, name) for i in bar]
            measures = {key: np.array([each.measures[key] for each in every]) for key in every[0].measures}
            found[at, name] = Found(measures, np.concatenate([each.images[:1] for each in every]))
    return found


def one(net: Network, x: Array, code: Array, others: Array, at: str, name: str) -> Found:
    """Return one scene's images, a row for each start.

    Their measures are the named errors, the squared distance in pixels over the scene's square, whether the network
    names the scene's class, and seconds of processor time.
    """
    rows, seconds = [], []
    for seed in range(STARTS.get(name, 1)):
        begin = time.process_time()
        rows.append(METHODS[name](net, x, at, seed))
        seconds.append(time.process_time() - begin)
    images = np.concatenate(rows)
    errors = reconstruction_errors(net.upto(at).forward(images)[net.variable(at)], code, others)
    pixels = reconstruction_errors(images, x)["norm"]
    same = named(net, images) == named(net, x)
    return Found(errors | {"pixels": pixels, "same class": same, "seconds": np.array(seconds)}, images)


def named(net: Network, x: Array) -> Array:
    """Return the class that the network names for each input."""
    return net.upto(net.scores).forward(x).output[:, 0, 0].argmax(axis=1)


@cache
def loaded(net: Network, at: str) -> Network:
    """Return the bundled generator, whose file is read once: no method's time includes that of a file."""
    return generator_for(net, at)
