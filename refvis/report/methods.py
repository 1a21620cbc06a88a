"""Methods of the report, class by class of the taxonomy, each with a key, a title and its result."""

from collections.abc import Iterator
from typing import Any

from refvis.deconvolutional.deconvolution import deconvolution
from refvis.deconvolutional.grad_cam import grad_cam
from refvis.deconvolutional.integrated_gradients import integrated_gradients
from refvis.deconvolutional.smoothgrad import smoothgrad
from refvis.input_modification.occlusion import occlusion
from refvis.input_reconstruction.generators import generator_inversion
from refvis.input_reconstruction.image.generator_codes import fitting_generator
from refvis.input_reconstruction.inversion import inversion
from refvis.layers import Array, Node, ReLU
from refvis.network import Network
from refvis.report.maximization import (
    STEPS,
    is_quick,
    maximize_channels,
    maximize_score,
    multiplications,
    outputs_images,
    quick_channels,
)
from refvis.report.texts import LEFT_OUT, METHODS
from refvis.results import Heatmap, Reconstruction

Result = Heatmap | Reconstruction

MethodResult = tuple[str, str, Result]
"""A key, a title and the result."""

MODES = ("gradient", "deconvnet", "guided", "epsilon", "epsilon_plus_flat")
"""Modes of backpropagation, a picture for each."""

SAMPLES = 25
"""Noisy copies for SmoothGrad: half of its default, to save time."""

INVERTED = 3
"""Number of layers to invert. All have the default weight of total variation: with ten times that weight, a search for
a deep code, whose gradient is tiny at the start, may never leave the start."""


def modifications(net: Network, x: Array, channel: int, seed: int, progress: bool) -> Iterator[MethodResult]:
    """Yield occlusion by boxes of a fifth of the shorter side, in steps of a third of the box."""
    size = max(1, round(min(x.shape[1:3]) / 5))
    options: dict[str, Any] = {"size": size, "stride": max(1, size // 3), "seed": seed, "progress": progress}
    for fill in ("mean", "random"):
        name = f"occlusion_{fill}"
        yield name, METHODS[name], occlusion(net, x, fill=fill, channel=channel, **options)


def deconvolutions(net: Network, x: Array, channel: int, seed: int) -> Iterator[MethodResult]:
    """Yield a heatmap for each mode and each method built on the gradient; Grad-CAM only if a layer has positions."""
    for mode in MODES:
        yield mode, METHODS[mode], deconvolution(net, x, mode, channel=channel)
    name = "integrated_gradients"
    yield name, METHODS[name], integrated_gradients(net, x, channel=channel)
    yield "smoothgrad", METHODS["smoothgrad"], smoothgrad(net, x, channel=channel, samples=SAMPLES, seed=seed)
    if any(node.output != net.scores for node in nodes_with_positions(net, x)):
        yield "grad_cam", METHODS["grad_cam"], grad_cam(net, x, channel=channel)


def reconstructions(
    net: Network, x: Array, channel: int, steps: int, seed: int, progress: bool, maximize: bool | None
) -> Iterator[MethodResult | str]:
    """Yield inversions, images of generators for the same codes (if the network has any), and maximised images.

    For each method skipped (impossible, or slow and not requested), yield a sentence saying why.
    """
    every = layers_to_invert(net, x)
    if not every:
        yield LEFT_OUT["inversion"]
    trace = net.upto(net.scores).forward(x)
    names = [name for name in every if trace[net.variable(name)].any()]
    if names != every:
        yield LEFT_OUT["zero"].format(" and ".join(name for name in every if name not in names))
    for name in names:
        result = inversion(net, x, at=name, steps=steps, seed=seed, progress=progress)
        yield f"inversion-{name}", f"{METHODS['inversion']} of {name}", result
    for name in names:
        drawing = fitting_generator(net, name, x)
        if drawing is not None:
            yield f"generator-{name}", f"{METHODS['generator']} from {name}", generator_inversion(net, x, name, drawing)
    if maximize is not False:
        yield _maximized_score(net, x, channel, seed, progress, maximize)
        if every:
            yield _maximized_channels(net, x, seed, progress)


def _maximized_score(
    net: Network, x: Array, channel: int, seed: int, progress: bool, maximize: bool | None
) -> MethodResult | str:
    """Return the image that maximises the score, or a sentence saying why there is none."""
    if outputs_images(net, x):
        return LEFT_OUT["image"]
    if not maximize and not is_quick(net, x):
        return LEFT_OUT["maximization"].format(STEPS, STEPS * multiplications(net, net.scores, x.shape))
    try:
        result = maximize_score(net, x, channel, seed, progress)
    except ValueError as error:  # it diverged
        return LEFT_OUT["diverged"].format(METHODS["maximization"], error)
    return "maximization", METHODS["maximization"] + _class_suffix(net, channel), result


def _maximized_channels(net: Network, x: Array, seed: int, progress: bool) -> MethodResult | str:
    """Return images that maximise the channels of a layer, or a sentence saying why there are none."""
    layer = quick_channels(net, x, relu_nodes(net, x))
    if layer is None:
        return LEFT_OUT["units"]
    title = f"{METHODS['units']} of {layer.at}"
    try:
        return f"units-{layer.at}", title, maximize_channels(net, layer, seed, progress)
    except ValueError as error:  # it diverged
        return LEFT_OUT["diverged"].format(title, error)


def _class_suffix(net: Network, channel: int) -> str:
    """Return a colon and the name of the class; nothing if classes have no names."""
    labels = net.labels_at(net.scores)
    return f": {labels[channel]}" if channel < len(labels) else ""


def layers_to_invert(net: Network, x: Array, count: int = INVERTED) -> list[str]:
    """Return up to `count` layers, from the first to the deepest ReLU that has more than one position."""
    names = [node.name for node in relu_nodes(net, x)]
    if len(names) <= count:
        return names
    return [names[round(i * (len(names) - 1) / (count - 1))] for i in range(count)]


def relu_nodes(net: Network, x: Array) -> list[Node]:
    """Return the ReLUs that have more than one position, or all such nodes if no ReLU has."""
    maps = nodes_with_positions(net, x)
    return [node for node in maps if isinstance(node.layer, ReLU)] or maps


def nodes_with_positions(net: Network, x: Array) -> list[Node]:
    """Return the nodes up to the scores whose output has more than one position."""
    cut = net.upto(net.scores)
    shapes = cut.shapes(**{net.inputs[0]: x.shape})
    return [node for node in cut.nodes if shapes[node.output][1] * shapes[node.output][2] > 1]
