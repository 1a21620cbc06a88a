"""Which methods the report runs, class by class of the taxonomy: a key, a title, and what was found."""

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
from refvis.report.maximized import STEPS, is_quick, makes_images, maximized, maximized_units, multiplications, units
from refvis.report.texts import LEFT_OUT, METHODS
from refvis.results import Heatmap, Reconstruction

Found = Heatmap | Reconstruction

Titled = tuple[str, str, Found]
"""A key, a title, and what was found."""

MODES = ("gradient", "deconvnet", "guided", "epsilon", "epsilon_plus_flat")
"""Modes that walk back, a picture for each."""

SAMPLES = 25
"""Noisy copies of SmoothGrad: half of its default, to keep the page quick."""

INVERTED = 3
"""Layers that are inverted, all with the default weight of total variation: with ten times that, a search from a deep
code, whose gradient is tiny at the start, may never leave it."""


def modifications(net: Network, x: Array, channel: int, seed: int, progress: bool) -> Iterator[Titled]:
    """Yield occlusion by boxes of a fifth of the shorter side, in steps of a third of the box."""
    size = max(1, round(min(x.shape[1:3]) / 5))
    options: dict[str, Any] = {"size": size, "stride": max(1, size // 3), "seed": seed, "progress": progress}
    for fill in ("mean", "random"):
        name = f"occlusion_{fill}"
        yield name, METHODS[name], occlusion(net, x, fill=fill, channel=channel, **options)


def deconvolutions(net: Network, x: Array, channel: int, seed: int) -> Iterator[Titled]:
    """Yield what walks back by each mode, and methods on top of the gradient; Grad-CAM only where there are maps."""
    for mode in MODES:
        yield mode, METHODS[mode], deconvolution(net, x, mode, channel=channel)
    name = "integrated_gradients"
    yield name, METHODS[name], integrated_gradients(net, x, channel=channel)
    yield "smoothgrad", METHODS["smoothgrad"], smoothgrad(net, x, channel=channel, samples=SAMPLES, seed=seed)
    if any(node.output != net.scores for node in mapped(net, x)):
        yield "grad_cam", METHODS["grad_cam"], grad_cam(net, x, channel=channel)


def reconstructions(
    net: Network, x: Array, channel: int, steps: int, seed: int, progress: bool, maximize: bool | None
) -> Iterator[Titled | str]:
    """Yield inversions, what generators draw from the same codes, if there are any, and what is maximised.

    What cannot be, or takes long and was not asked for, is a sentence that says so.
    """
    every = depths(net, x)
    if not every:
        yield LEFT_OUT["inversion"]
    trace = net.upto(net.scores).forward(x)
    names = [name for name in every if trace[net.variable(name)].any()]
    if names != every:
        yield LEFT_OUT["zero"].format(" and ".join(name for name in every if name not in names))
    for name in names:
        found = inversion(net, x, at=name, steps=steps, seed=seed, progress=progress)
        yield f"inversion-{name}", f"{METHODS['inversion']} of {name}", found
    for name in names:
        drawing = fitting_generator(net, name, x)
        if drawing is not None:
            yield f"generator-{name}", f"{METHODS['generator']} from {name}", generator_inversion(net, x, name, drawing)
    if maximize is not False:
        yield _score(net, x, channel, seed, progress, maximize)
        if every:
            yield _units(net, x, seed, progress)


def _score(net: Network, x: Array, channel: int, seed: int, progress: bool, maximize: bool | None) -> Titled | str:
    """Return the image that maximises the score, or why there is none."""
    if makes_images(net, x):
        return LEFT_OUT["image"]
    if not maximize and not is_quick(net, x):
        return LEFT_OUT["maximization"].format(STEPS, STEPS * multiplications(net, net.scores, x.shape))
    try:
        found = maximized(net, x, channel, seed, progress)
    except ValueError as fault:  # it diverged
        return LEFT_OUT["diverged"].format(METHODS["maximization"], fault)
    return "maximization", METHODS["maximization"] + _of_class(net, channel), found


def _units(net: Network, x: Array, seed: int, progress: bool) -> Titled | str:
    """Return the images that maximise the channels of a layer, or why there are none."""
    of = units(net, x, rectified(net, x))
    if of is None:
        return LEFT_OUT["units"]
    title = f"{METHODS['units']} of {of.at}"
    try:
        return f"units-{of.at}", title, maximized_units(net, of, seed, progress)
    except ValueError as fault:  # it diverged
        return LEFT_OUT["diverged"].format(title, fault)


def _of_class(net: Network, channel: int) -> str:
    """Return the name of the class behind a colon; nothing where classes have no names."""
    labels = net.labels_at(net.scores)
    return f": {labels[channel]}" if channel < len(labels) else ""


def depths(net: Network, x: Array, count: int = INVERTED) -> list[str]:
    """Return up to `count` nodes to invert, from the first to the deepest ReLU (or layer) with positions left."""
    names = [node.name for node in rectified(net, x)]
    if len(names) <= count:
        return names
    return [names[round(i * (len(names) - 1) / (count - 1))] for i in range(count)]


def rectified(net: Network, x: Array) -> list[Node]:
    """Return the ReLUs with positions left, or, if there are none, all nodes with positions left."""
    maps = mapped(net, x)
    return [node for node in maps if isinstance(node.layer, ReLU)] or maps


def mapped(net: Network, x: Array) -> list[Node]:
    """Return the nodes up to the scores whose output has more than one position."""
    cut = net.upto(net.scores)
    shapes = cut.shapes(**{net.inputs[0]: x.shape})
    return [node for node in cut.nodes if shapes[node.output][1] * shapes[node.output][2] > 1]
