"""Generators: up-convolutional networks that draw an image from a code of the bundled network.

Dosovitskiy & Brox 2016 ("Inverting visual representations with convolutional networks"): convolutions at the code's
size, then transposed convolutions of 4 x 4 filters that double it until it is the image's, leaky ReLUs (0.2) between.
"""

from dataclasses import dataclass, replace
from math import prod
from typing import Any

import numpy as np

from refvis.layers import Array, Conv, ConvTranspose, Graph, Layer, ReLU, chain

LEAK = 0.2
OUTPUT_SCALE = 64.0
"""Typical size of an image's values (0 ... 255 minus their mean). Training targets are images divided by it."""


@dataclass(frozen=True)
class Plan:
    """Architecture: the code's variable, the filters of each convolution at the code's size, and of each doubling."""

    source: str
    convolutions: tuple[int, ...]
    doublings: tuple[int, ...]


PLANS = {
    "scenes-from-relu2": Plan("relu2", (48,), (32, 3)),
    "scenes-from-relu3": Plan("relu3", (64,), (48, 32, 3)),
    "scenes-from-relu5": Plan("relu5", (96, 64), (48, 32, 3)),
}
"""Bundled name -> plan. Deeper codes hold almost no information about the image: of scenes reduced to 8 x 8 pixels, a
linear readout of relu2 explains 86 % of the variance, of relu3 79 %, of relu5 33 %, of relu6 and relu7 3 %
(docs/code_information.py)."""


def new_generator(plan: Plan, channels: int, random: np.random.Generator) -> Graph:
    """Return the untrained generator for codes of `channels`, its filters normal as in He et al. (2015)."""
    layers: dict[str, Layer] = {}
    for number, width in enumerate(plan.convolutions, 1):
        layers[f"conv{number}"] = _conv(random, channels, width)
        layers[f"relu_conv{number}"], channels = ReLU(LEAK), width
    for number, width in enumerate(plan.doublings, 1):
        layers[f"up{number}"] = _doubling(random, channels, width)
        layers[f"relu_up{number}"], channels = ReLU(LEAK), width
    layers.popitem()  # no ReLU after the last convolution: image values have both signs
    return Graph(chain(layers))


def fold_scales(graph: Graph, code_scale: float) -> Graph:
    """Return a generator for unscaled data, from one trained on codes / code_scale and images / OUTPUT_SCALE."""
    first, last = graph.nodes[0], graph.nodes[-1]
    scaled = replace(first, layer=replace(first.layer, filters=_divide(first.layer.filters, code_scale)))
    filters, biases = (_divide(array, 1 / OUTPUT_SCALE) for array in (last.layer.filters, last.layer.biases))
    enlarged = replace(last, layer=replace(last.layer, filters=filters, biases=biases))
    return Graph((scaled, *graph.nodes[1:-1], enlarged))


def meta(plan: Plan, shape: tuple[int, ...], about: dict[str, Any]) -> dict[str, Any]:
    """Return the model's meta data for codes of `shape` (1 x H x W x C); `about` is what `code_meta` returns."""
    return {"inputs": {"name": plan.source, "size": (*shape[1:], 1)}, **about}


def _divide(values: Array, by: float) -> Array:
    return values / values.dtype.type(by)


def _filters(random: np.random.Generator, shape: tuple[int, int, int, int], taps: float) -> Array:
    """Return normal filters after a leaky ReLU, for outputs that are each a sum of `taps` products."""
    return (random.standard_normal(shape) * np.sqrt(2 / ((1 + LEAK**2) * taps))).astype("float32")


def _conv(random: np.random.Generator, channels: int, width: int) -> Conv:
    filters = _filters(random, (width, 3, 3, channels), prod((3, 3, channels)))
    return Conv(filters, np.zeros(width, "float32"), pad=1)


def _doubling(random: np.random.Generator, channels: int, width: int) -> ConvTranspose:
    """Return a layer that doubles the size; each output is a sum over 2 x 2 of the 4 x 4 taps."""
    filters = _filters(random, (channels, 4, 4, width), prod((2, 2, channels)))
    return ConvTranspose(filters, np.zeros(width, "float32"), upsample=2, crop=1)
