"""Inversion of held-out scenes' codes: errors, time, and whether the class stays, by layer and method.

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
    """Return the image of `inversion` with its defaults."""
    return inversion(net, x, at, seed=seed).x


def by_natural_preimage(net: Network, x: Array, at: str, seed: int) -> Array:
    """Return the image of `natural_preimage` with its defaults."""
    return natural_preimage(net, x, at, seed=seed).x


def by_generator(net: Network, x: Array, at: str, seed: int) -> Array:
    """Return the image of the bundled generator, which is not random."""
    return generator_inversion(net, x, at, cached_generator(net, at)).x


METHODS: dict[str, Method] = {
    "inversion": by_inversion,
    "natural_preimage": by_natural_preimage,
    "generator_inversion": by_generator,
}

STARTS = {"inversion": 2}
"""Method -> number of starts for each image, if more than one."""

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
class Inversions:
    """The results of a method at a layer: measures by name, scenes x starts; images of the first start, scenes x ..."""

    measures: dict[str, Array]
    images: Array


Results = dict[tuple[str, str], Inversions]
"""(layer, method) -> its results."""


def inputs(net: Network, scenes: int) -> Array:
    """Return held-out scenes as inputs, N x 64 x 64 x 3."""
    return np.concatenate([net.preprocess(scene(seed).image) for seed in range(scenes)])


def measure(net: Network, images: Array) -> Results:
    """Return the results of every method at every layer."""
    results: Results = {}
    for at, names in LAYERS.items():
        codes = net.upto(at).forward(images)[net.variable(at)]
        for name in names:
            bar = tqdm(range(len(images)), desc=f"{name} of {at}", unit="scene")
            every = [one(net, images[i : i + 1], codes[i : i + 1], codes, at, name) for i in bar]
            measures = {key: np.array([each.measures[key] for each in every]) for key in every[0].measures}
            results[at, name] = Inversions(measures, np.concatenate([each.images[:1] for each in every]))
    return results


def one(net: Network, x: Array, code: Array, others: Array, at: str, name: str) -> Inversions:
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
    same = predicted_class(net, images) == predicted_class(net, x)
    return Inversions(errors | {"pixels": pixels, "same class": same, "seconds": np.array(seconds)}, images)


def predicted_class(net: Network, x: Array) -> Array:
    """Return the class of the highest score for each input."""
    return net.upto(net.scores).forward(x).output[:, 0, 0].argmax(axis=1)


@cache
def cached_generator(net: Network, at: str) -> Network:
    """Return the bundled generator. Its file is read once, so that no method's time includes reading it."""
    return generator_for(net, at)
