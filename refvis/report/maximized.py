"""What the report maximises: the score that is explained, and the channels of a layer; both only where it is quick."""

from dataclasses import dataclass, replace
from math import ceil, prod

from refvis.input_reconstruction.activation_maximization import activation_maximization, field_stride
from refvis.input_reconstruction.image.sheet import pictures, sheet
from refvis.input_reconstruction.image.transforms import Jitter
from refvis.input_reconstruction.presets import preset
from refvis.input_reconstruction.recipe import SIGMA
from refvis.layers import Array, Conv, ConvTranspose, FullyConnected, Node, ShapeError, receptive_fields
from refvis.layers.graph.per_image import is_apart
from refvis.network import Network
from refvis.optimisation.optimisers import Adam
from refvis.results import Reconstruction

RECIPE, STEPS, UNIT_STEPS = "olah2017", 64, 24
"""Steps for the score are a quarter of the recipe's, to keep the page quick; for channels still fewer, but larger."""

MOST, MOST_OF_UNITS = 2e10, 5e9
"""Multiplications that all forward passes together may take, for the score and for the channels: seconds each."""


@dataclass(frozen=True)
class Units:
    """A layer all channels of which are maximised, in images of `size` (H, W)."""

    at: str
    size: tuple[int, int]


def multiplications(net: Network, variable: str, shape: tuple[int, ...]) -> int:
    """Return the multiplications by weights in a forward pass of inputs of `shape` up to a variable."""
    cut = net.upto(variable)
    shapes = cut.shapes(**{net.inputs[0]: shape})
    return sum(_of_node(node, shapes) for node in cut.nodes)


def is_quick(net: Network, x: Array) -> bool:
    """Whether maximising the score, in an image of x's size, takes seconds."""
    return STEPS * multiplications(net, net.scores, x.shape) <= MOST


def makes_images(net: Network, x: Array) -> bool:
    """Whether the scores are an image: as large as x, or larger, with its number of channels, which have no names."""
    shape = net.upto(net.scores).shapes(**{net.inputs[0]: x.shape})[net.scores]
    large = shape[1] >= x.shape[1] and shape[2] >= x.shape[2]
    return large and shape[3] == x.shape[3] and not net.labels_at(net.scores)


def maximized(net: Network, x: Array, channel: int, seed: int, progress: bool) -> Reconstruction:
    """Return the image, of x's size, that maximises the channel of the scores; x's own is measured, too."""
    size = (x.shape[1], x.shape[2])
    options = {"size": size, "steps": STEPS, "seed": seed, "progress": progress}
    found = activation_maximization(net, None, channel, RECIPE, **options)  # type: ignore[arg-type]
    own = net.upto(net.scores).forward(x).output[..., channel].mean(axis=(1, 2))
    return replace(found, measures=found.measures | {"activation_of_input": own})


def units(net: Network, x: Array, nodes: list[Node]) -> Units | None:
    """Return the deepest of the nodes all channels of which are quick to maximise, each in what one position sees."""
    return next((found for node in reversed(nodes) if (found := _units(net, x, node)) is not None), None)


def maximized_units(net: Network, of: Units, seed: int, progress: bool) -> Reconstruction:
    """Return an image for each channel of a layer; `image` is the sheet of all.

    The recipe's turns and scalings, which take half of the time, are left out, and steps are twice as large.
    """
    full = preset(RECIPE, field_stride(net, net.variable(of.at)))
    recipe = replace(full, transforms=(Jitter(2),), optimiser=Adam(0.1 * SIGMA), steps=UNIT_STEPS)
    found = activation_maximization(net, of.at, None, recipe, size=of.size, seed=seed, progress=progress)
    return replace(found, image=sheet(pictures(net, found.x)))


def _units(net: Network, x: Array, node: Node) -> Units | None:
    """Return the layer's units with their images' size; None for one channel, and where it is unknown or not quick."""
    cut = net.upto(node.output)
    field = receptive_fields(cut)[node.output]
    if field is None or not all(is_apart(one.layer) for one in cut.nodes):
        return None
    height, width = (min(ceil(seen), extent) for seen, extent in zip(field.size, x.shape[1:3], strict=True))
    image = (1, height, width, x.shape[3])
    try:
        channels = cut.shapes(**{net.inputs[0]: image})[node.output][3]
        work = UNIT_STEPS * channels * multiplications(net, node.output, image)
    except (ShapeError, ValueError):  # layers that take no image of this size
        return None
    return Units(node.name, (height, width)) if channels > 1 and work <= MOST_OF_UNITS else None


def _of_node(node: Node, shapes: dict[str, tuple[int, ...]]) -> int:
    """Return the multiplications by weights of one node: each weight once for each position of each image."""
    layer = node.layer
    if isinstance(layer, FullyConnected):
        return shapes[node.output][0] * int(layer.weights.size)
    if isinstance(layer, Conv | ConvTranspose) and layer.filters is not None:
        stamped = node.inputs[0] if isinstance(layer, ConvTranspose) else node.output
        return prod(shapes[stamped][:3]) * int(layer.filters.size)
    return 0
