"""The compared methods, a line for each. Baselines that ignore the network come first."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeAlias

import numpy as np

import refvis
from refvis import Network, modes
from refvis.layers import Array

Explain: TypeAlias = Callable[[Network, Array, int], Array]
"""Network, input (1 x H x W x C) and class -> map, H x W; positive values speak for the class."""

MANY, FEW, RARE = 100, 50, 10


@dataclass(frozen=True)
class Method:
    """A method: its name, its class of the taxonomy, its function, and the number of scenes that it runs on."""

    name: str
    family: str
    explain: Explain
    scenes: int = MANY


def _map(method: Any, net: Network, x: Array, channel: int, **options: Any) -> Array:
    return method(net, x, channel=channel, **options).map


def of(name: str, family: str, method: Any, scenes: int = MANY, **options: Any) -> Method:
    """Return the method of a function of refvis, with these options."""
    return Method(name, family, partial(_map, method, **options), scenes)


def uniform(net: Network, x: Array, channel: int) -> Array:
    """Return the same everywhere: its share inside the object is the object's share of the area."""
    return np.ones(x.shape[1:3])


def edges(net: Network, x: Array, channel: int) -> Array:
    """Return the length of the image's own gradient over all colours. The network plays no part."""
    down, across = np.gradient(x[0], axis=(0, 1))
    return np.sqrt((down**2 + across**2).sum(axis=2))


def untrained_top(net: Network, x: Array, channel: int) -> Array:
    """Return guided backpropagation with the weights of fc6, fc7 and fc8 shuffled, so that the classes are lost."""
    rng = np.random.default_rng(0)
    for name in ("fc6", "fc7", "fc8"):
        layer = net.node(name).layer
        shuffled = replace(layer, filters=rng.permuted(layer.filters.ravel()).reshape(layer.filters.shape))
        nodes = tuple(replace(node, layer=shuffled) if node.name == name else node for node in net.nodes)
        net = replace(net, nodes=nodes)
    return refvis.deconvolution(net, x, "guided", channel=channel).map


def boxes(net: Network, x: Array, channel: int, fill: str) -> Array:
    """Return occlusion with the boxes that `refvis explain` uses for images of this size."""
    side = min(x.shape[1:3])
    return refvis.occlusion(net, x, side // 5, side // 15, fill, channel=channel).map


BY_MODE, ON_TOP, CHANGES = "deconvolutional: a mode", "deconvolutional: on top of a mode", "input modification"

METHODS = (
    Method("uniform", "no network", uniform),
    Method("edges of the image", "no network", edges),
    Method("guided, fc6 ... fc8 shuffled", "no network", untrained_top),
    *(of(mode, BY_MODE, refvis.deconvolution, mode=mode) for mode in modes.MODES),
    of("gradient × input", ON_TOP, refvis.gradient_times_input),
    of("linear approximation", ON_TOP, refvis.linear_approximation),
    of("integrated gradients", ON_TOP, refvis.integrated_gradients, FEW),
    of("DeepLIFT", ON_TOP, refvis.deeplift),
    of("SmoothGrad", ON_TOP, refvis.smoothgrad, FEW),
    of("SmoothGrad squared", ON_TOP, refvis.smoothgrad_squared, FEW),
    of("VarGrad", ON_TOP, refvis.vargrad, FEW),
    of("Grad-CAM", ON_TOP, refvis.grad_cam),
    of("guided Grad-CAM", ON_TOP, refvis.guided_grad_cam),
    of("excitation backprop", ON_TOP, refvis.excitation_backprop),
    of("excitation backprop, contrastive", ON_TOP, refvis.excitation_backprop, contrastive=True),
    Method("occlusion, mean fill", CHANGES, partial(boxes, fill="mean"), FEW),
    Method("occlusion, random fill", CHANGES, partial(boxes, fill="random"), FEW),
    of("RISE", CHANGES, refvis.rise, RARE, masks=1000),
    of("meaningful perturbation", CHANGES, refvis.meaningful_perturbation, RARE),
    of("extremal perturbation", CHANGES, refvis.extremal_perturbation, RARE),
    of("LIME", CHANGES, refvis.lime, RARE),
    of("KernelSHAP", CHANGES, refvis.kernel_shap, RARE),
)
