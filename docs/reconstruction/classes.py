"""Probabilities of images that maximise classes: as they are, as pictures, and shifted by a few pixels."""

import numpy as np
from tqdm import tqdm

from refvis import Network, activation_maximization
from refvis.input_reconstruction.presets import PRESETS
from refvis.layers import Array, Softmax, forward

SHIFTS = range(-4, 5)


def images(net: Network) -> dict[str, Array]:
    """Return an image of each class (10 x 64 x 64 x 3) by each recipe."""
    return {name: activation_maximization(net, recipe=name).x for name in tqdm(PRESETS, desc="classes", unit="recipe")}


def measure(net: Network, by_recipe: dict[str, Array]) -> dict[str, dict[str, float]]:
    """Return the lowest probability of the right class over the ten images, by recipe and variant."""
    return {name: {key: worst(net, shown) for key, shown in variants(net, x).items()} for name, x in by_recipe.items()}


def variants(net: Network, x: Array) -> dict[str, list[Array]]:
    """Return the images as they are, as pictures of 0 ... 255, and as pictures shifted by up to 4 pixels."""
    average = np.asarray(net.normalization["averageImage"], "float32")
    picture = np.clip(np.rint(x + average), 0, 255) - average
    wide = np.pad(picture, ((0, 0), (4, 4), (4, 4), (0, 0)), mode="edge")
    shifted = [wide[:, 4 + dy : 68 + dy, 4 + dx : 68 + dx] for dy in SHIFTS for dx in SHIFTS]
    return {"as it is": [x], "as a picture": [picture], "shifted": shifted}


def worst(net: Network, batches: list[Array]) -> float:
    """Return the lowest probability of the right class over all of them; image k is of class k."""
    cut = net.upto(net.scores)
    probabilities = [np.diagonal(forward(Softmax(), cut.forward(x).output)[:, 0, 0]) for x in batches]
    return float(np.min(probabilities))
