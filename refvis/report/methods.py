"""Which methods the report runs, class by class of the taxonomy: a key, a title, and what was found."""

from collections.abc import Iterator
from typing import Any

from refvis.deconvolutional import deconvolution, grad_cam, integrated_gradients, smoothgrad
from refvis.input_modification import occlusion
from refvis.input_reconstruction import inversion
from refvis.layers import Array, Node, ReLU
from refvis.network import Network
from refvis.report.texts import METHODS
from refvis.results import Heatmap, Reconstruction

Found = Heatmap | Reconstruction

MODES = ("gradient", "deconvnet", "guided", "epsilon", "epsilon_plus_flat")
"""Modes that walk back, a picture for each."""

SAMPLES = 25
"""Noisy copies of SmoothGrad: half of its default, to keep the page quick."""

TV_WEIGHTS = (1.0, 4.0, 10.0)
"""Weights of total variation for the layers that are inverted, from shallow to deep: the less a code says about
details, the more the regulariser has to (Mahendran & Vedaldi choose it layer by layer, too)."""


def modifications(
    net: Network, x: Array, channel: int, seed: int, progress: bool
) -> Iterator[tuple[str, str, Heatmap]]:
    """Yield occlusion by boxes of a fifth of the shorter side, in steps of a third of the box."""
    size = max(1, round(min(x.shape[1:3]) / 5))
    options: dict[str, Any] = {"size": size, "stride": max(1, size // 3), "seed": seed, "progress": progress}
    for fill in ("mean", "random"):
        name = f"occlusion_{fill}"
        yield name, METHODS[name], occlusion(net, x, fill=fill, channel=channel, **options)


def deconvolutions(net: Network, x: Array, channel: int, seed: int) -> Iterator[tuple[str, str, Heatmap]]:
    """Yield what walks back by each mode, and methods on top of the gradient; Grad-CAM only where there are maps."""
    for mode in MODES:
        yield mode, METHODS[mode], deconvolution(net, x, mode, channel=channel)
    name = "integrated_gradients"
    yield name, METHODS[name], integrated_gradients(net, x, channel=channel)
    yield "smoothgrad", METHODS["smoothgrad"], smoothgrad(net, x, channel=channel, samples=SAMPLES, seed=seed)
    if any(node.output != net.scores for node in mapped(net, x)):
        yield "grad_cam", METHODS["grad_cam"], grad_cam(net, x, channel=channel)


def reconstructions(
    net: Network, x: Array, steps: int, seed: int, progress: bool
) -> Iterator[tuple[str, str, Reconstruction]]:
    """Yield the inversions of a shallow, a middle and a deep layer."""
    for name, tv_weight in zip(depths(net, x), TV_WEIGHTS, strict=False):
        found = inversion(net, x, at=name, steps=steps, tv_weight=tv_weight, seed=seed, progress=progress)
        yield f"inversion-{name}", f"{METHODS['inversion']} of {name}", found


def depths(net: Network, x: Array, count: int = len(TV_WEIGHTS)) -> list[str]:
    """Return up to `count` nodes to invert, from the first to the deepest ReLU (or layer) with positions left."""
    maps = mapped(net, x)
    rectified = [node.name for node in maps if isinstance(node.layer, ReLU)]
    names = rectified or [node.name for node in maps]
    if len(names) <= count:
        return names
    return [names[round(i * (len(names) - 1) / (count - 1))] for i in range(count)]


def mapped(net: Network, x: Array) -> list[Node]:
    """Return the nodes up to the scores whose output has more than one position."""
    cut = net.upto(net.scores)
    shapes = cut.shapes(**{net.inputs[0]: x.shape})
    return [node for node in cut.nodes if shapes[node.output][1] * shapes[node.output][2] > 1]
