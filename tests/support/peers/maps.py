"""Maps of captum, zennit and torch.autograd for a graph of this project, N x H x W x C as `backward` gives them."""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from captum import attr
from captum.attr._utils import lrp_rules
from captum.attr._utils.custom_modules import Addition_Module
from support.peers import torchvision_names
from support.peers.torch_nets import TorchNet, from_torch, to_torch

from refvis.layers import Graph

torchvision_names.provide()

from zennit import composites, rules, types  # noqa: E402
from zennit.attribution import Gradient  # noqa: E402
from zennit.core import Composite, Stabilizer  # noqa: E402
from zennit.layer import Sum  # noqa: E402

FILTERED = (torch.nn.Conv2d, torch.nn.Linear)

CAPTUM: dict[str, Any] = vars(lrp_rules)
ZENNIT: dict[str, Any] = vars(composites) | vars(rules) | {"Stabilizer": Stabilizer}


class Added(torch.nn.Module):
    """a + b through zennit's Sum, the only addition that its rules know."""

    def __init__(self) -> None:
        super().__init__()
        self.sum = Sum()

    def forward(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        return self.sum(torch.stack([a, b], dim=-1))


def scores(graph: Graph, x: np.ndarray) -> np.ndarray:
    """Return the scores of each image, N x K."""
    return TorchNet(graph, x.shape, Added)(to_torch(x)).detach().numpy()


def autograd(graph: Graph, x: np.ndarray, channel: int) -> np.ndarray:
    """Return the gradient of each image's score, by torch.autograd."""
    given = to_torch(x)
    TorchNet(graph, x.shape, Added)(given)[:, channel].sum().backward()
    return from_torch(given.grad)


def captum_walk(
    graph: Graph, x: np.ndarray, channel: int, walk: Callable[..., Any], layer: str | None = None, **options: Any
) -> np.ndarray:
    """Return the map of one of captum's methods, at a layer where it asks for one."""
    net = TorchNet(graph, x.shape, Addition_Module)
    with warnings.catch_warnings(action="ignore"):  # of hooks on ReLUs
        made = walk(net) if layer is None else walk(net, net.steps[layer])
        return from_torch(made.attribute(to_torch(x), target=channel, **options))


def captum_lrp(graph: Graph, x: np.ndarray, channel: int, rule: str, on: Any = FILTERED) -> np.ndarray:
    """Return the map of captum's LRP with the rule for modules of the types `on`, its own default for the others."""
    net = TorchNet(graph, x.shape, Addition_Module)
    for module in net.modules():
        if isinstance(module, on):
            module.rule = eval(rule, dict(CAPTUM))
    return from_torch(attr.LRP(net).attribute(to_torch(x), channel))


def zennit_map(
    graph: Graph, x: np.ndarray, channel: int, composite: str, at: str = "mode", seed: str = "activation"
) -> np.ndarray:
    """Return the map of a composite, or of a rule at "all" layers with weights or the "first", from the score or 1."""

    def started(scores: torch.Tensor) -> torch.Tensor:
        chosen = torch.nn.functional.one_hot(torch.full((len(scores),), channel), scores.shape[1]).to(scores)
        return chosen * (scores if seed == "activation" else 1)

    found = WRAPPED[at](eval(composite, dict(ZENNIT)))
    with Gradient(model=TorchNet(graph, x.shape, Added), composite=found) as walk:
        return from_torch(walk(to_torch(x), started)[1])


def _everywhere(rule: Any) -> Composite:
    """Return the composite with `rule` for convolutions and fully connected layers, zennit's own base for the rest."""
    return composites.LayerMapComposite([*composites.layer_map_base(), (types.Linear, rule)])


def _at_first(rule: Any) -> Composite:
    """Return the composite with `rule` for the first of these layers, and the epsilon rule for the others."""
    rest = [*composites.layer_map_base(), (types.Linear, rules.Epsilon())]
    return composites.SpecialFirstLayerMapComposite(rest, [(types.Linear, rule)])


WRAPPED: dict[str, Callable[[Any], Composite]] = {"all": _everywhere, "first": _at_first, "mode": lambda one: one}
