"""Copies of the models that MatConvNet's page offered: their layers, names, wiring and meta data, random weights.

`MODELS` has a row for each. A copy can be built with all channels divided by a `width`, or with weights that have
shapes but no numbers, so that those of 500 MB can be counted without asking for memory.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from support.model_zoo import chains, graphs
from support.model_zoo.parts import Maker, drawn, shapes_only

import refvis


@dataclass(frozen=True)
class Model:
    """One row: how it is built, how many layers it has, and what comes out of an image of its full size."""

    make: Callable[[Maker], refvis.Network]
    layers: int
    outputs: dict[str, tuple[int, ...]]
    regions: bool = False
    """Whether it takes regions of interest, too."""


ONE = (1, 1, 1, 1000)
HEADS = {"cls_prob": (2, 1, 1, 21), "bbox_pred": (2, 1, 1, 84)}
"""What a detector says of two regions."""

MODELS = {
    "imagenet-matconvnet-alex": Model(chains.alexnet, 21, {"x21": ONE}),
    "imagenet-caffe-ref": Model(chains.caffenet, 21, {"x21": ONE}),
    "imagenet-vgg-f": Model(chains.vgg_f, 21, {"x21": ONE}),
    "imagenet-vgg-m": Model(chains.vgg_m, 21, {"x21": ONE}),
    "imagenet-vgg-s": Model(chains.vgg_s, 20, {"x20": ONE}),
    "imagenet-vgg-verydeep-16": Model(chains.vgg_16, 37, {"x37": ONE}),
    "imagenet-vgg-verydeep-19": Model(chains.vgg_19, 43, {"x43": ONE}),
    "vgg-face": Model(chains.vgg_face, 37, {"x37": (1, 1, 1, 2622)}),
    "imagenet-googlenet-dag": Model(graphs.googlenet, 141, {"softmax": ONE}),
    "imagenet-resnet-50-dag": Model(graphs.resnet_50, 175, {"prob": ONE}),
    "pascal-fcn8s-dag": Model(graphs.fcn_8s, 46, {"upscore": (1, 500, 500, 21)}),
    "fast-rcnn-vggm1k-pascal07-dagnn": Model(graphs.fast_rcnn_m, 22, HEADS, True),
    "fast-rcnn-vgg16-pascal07-dagnn": Model(graphs.fast_rcnn_16, 38, HEADS, True),
}
CHAINS = [name for name, model in MODELS.items() if list(model.outputs) == [f"x{model.layers}"]]


def thin(name: str, width: int = 16, seed: int = 0) -> refvis.Network:
    """Return the model with its channels divided by `width` and random weights."""
    return MODELS[name].make(Maker(drawn(seed), width))


def hollow(name: str) -> refvis.Network:
    """Return the model in full size, its weights without numbers."""
    return MODELS[name].make(Maker(shapes_only()))


def image_shape(net: refvis.Network) -> dict[str, Any]:
    """Return the shape of one image, by the input's name."""
    return {net.inputs[0]: (1, *net.normalization["imageSize"])}
