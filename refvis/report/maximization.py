"""Maximised images of the report: for the explained score and for a layer's channels, if that takes a few seconds."""

import warnings
from dataclasses import dataclass, replace
from math import ceil, prod

from refvis.input_reconstruction.activation_maximization import (
    activation_maximization,
    field_stride,
    suppress_silence_warnings,
)
from refvis.input_reconstruction.image.sheet import pictures, sheet
from refvis.input_reconstruction.image.transforms import Jitter
from refvis.input_reconstruction.presets import preset
from refvis.input_reconstruction.recipe import SIGMA
from refvis.layers import Array, Conv, ConvTranspose, FullyConnected, Node, ShapeError, receptive_fields
from refvis.layers.operators import is_per_image
from refvis.network import Network
from refvis.optimisation.optimisers import Adam
from refvis.results import Reconstruction

RECIPE, STEPS, CHANNEL_STEPS = "olah2017", 64, 24
"""The recipe, and its steps for the score, a quarter of its own to save time, and for channels: fewer, larger steps."""

MAX_WORK, MAX_CHANNEL_WORK = 2e10, 5e9
"""Limits for the multiplications of all forward passes, for the score and for the channels; a few seconds each."""


@dataclass(frozen=True)
class LayerChannels:
    """A layer whose channels are all maximised, in images of `size` (H, W)."""

    at: str
    size: tuple[int, int]


def multiplications(net: Network, variable: str, shape: tuple[int, ...]) -> int:
    """Return the number of multiplications by weights in a forward pass of an input of `shape` up to a variable."""
    cut = net.upto(variable)
    shapes = cut.shapes(**{net.inputs[0]: shape})
    return sum(_node_multiplications(node, shapes) for node in cut.nodes)


def is_quick(net: Network, x: Array) -> bool:
    """Return whether maximising the score, in an image of x's size, takes a few seconds."""
    return STEPS * multiplications(net, net.scores, x.shape) <= MAX_WORK


def outputs_images(net: Network, x: Array) -> bool:
    """Return whether the scores are an image: at least as large as x, with as many channels, which have no names."""
    shape = net.upto(net.scores).shapes(**{net.inputs[0]: x.shape})[net.scores]
    large = shape[1] >= x.shape[1] and shape[2] >= x.shape[2]
    return large and shape[3] == x.shape[3] and not net.labels_at(net.scores)


def maximize_score(net: Network, x: Array, channel: int, seed: int, progress: bool) -> Reconstruction:
    """Return an image of x's size that maximises a channel of the scores, and measure the score of x itself."""
    size = (x.shape[1], x.shape[2])
    options = {"size": size, "steps": STEPS, "seed": seed, "progress": progress}
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".* never fires")  # the card shows the activation, 0
        result = activation_maximization(net, None, channel, RECIPE, **options)  # type: ignore[arg-type]
    own = net.upto(net.scores).forward(x).output[..., channel].mean(axis=(1, 2))
    return replace(result, measures=result.measures | {"activation_of_input": own})


def quick_channels(net: Network, x: Array, nodes: list[Node]) -> LayerChannels | None:
    """Return the deepest of the nodes whose channels can all be maximised in a few seconds; None if there is none."""
    candidates = (_channels_of(net, x, node) for node in reversed(nodes))
    return next((one for one in candidates if one is not None), None)


def maximize_channels(net: Network, layer: LayerChannels, seed: int, progress: bool) -> Reconstruction:
    """Return an image for each channel of a layer; `image` is a sheet of all of them.

    The recipe runs without rotations and scalings, which take half of the time, and with steps twice as large.
    """
    full = preset(RECIPE, field_stride(net, net.variable(layer.at)))
    recipe = replace(full, transforms=(Jitter(2),), optimiser=Adam(0.1 * SIGMA), steps=CHANNEL_STEPS)
    with suppress_silence_warnings():
        result = activation_maximization(net, layer.at, None, recipe, size=layer.size, seed=seed, progress=progress)
    return replace(result, image=sheet(pictures(net, result.x)))


def _channels_of(net: Network, x: Array, node: Node) -> LayerChannels | None:
    """Return the layer with the size of its receptive field as the size of its images.

    None for a layer of one channel, without a known receptive field, or with too much work.
    """
    cut = net.upto(node.output)
    field = receptive_fields(cut)[node.output]
    if field is None or not all(is_per_image(one.layer) for one in cut.nodes):
        return None
    height, width = (min(ceil(seen), extent) for seen, extent in zip(field.size, x.shape[1:3], strict=True))
    image = (1, height, width, x.shape[3])
    try:
        channels = cut.shapes(**{net.inputs[0]: image})[node.output][3]
        work = CHANNEL_STEPS * channels * multiplications(net, node.output, image)
    except (ShapeError, ValueError):  # a layer that cannot take an image of this size
        return None
    return LayerChannels(node.name, (height, width)) if channels > 1 and work <= MAX_CHANNEL_WORK else None


def _node_multiplications(node: Node, shapes: dict[str, tuple[int, ...]]) -> int:
    """Return the multiplications by weights of one node: each weight counts once per position and image."""
    layer = node.layer
    if isinstance(layer, FullyConnected):
        return shapes[node.output][0] * int(layer.weights.size)
    if isinstance(layer, Conv | ConvTranspose) and layer.filters is not None:
        positions = node.inputs[0] if isinstance(layer, ConvTranspose) else node.output
        return prod(shapes[positions][:3]) * int(layer.filters.size)
    return 0
