"""Methods of captum and zennit, and inversion by torch.autograd, as functions that return N x H x W x C."""

import warnings
from collections.abc import Callable
from math import cos, pi
from typing import Any

import numpy as np
import torch
from captum import attr
from support.peers.maps import ZENNIT, Added
from support.peers.torch_nets import from_torch, to_torch
from zennit.attribution import Gradient

from benchmarks import torch_work
from benchmarks.timing import Function
from benchmarks.work import Work
from refvis.input_reconstruction.recipe import SIGMA
from refvis.layers import Graph


def captum(work: Work, method: Callable[[Any], Any], channel: int) -> Function:
    """Return a function that runs one of captum's methods for the score of a channel."""
    net = torch_work.model(work.graph, work.x.shape)
    x = to_torch(work.x)

    def run() -> np.ndarray:
        with warnings.catch_warnings(action="ignore"):  # of hooks on ReLUs
            return from_torch(method(attr)(net).attribute(x, target=channel))

    return run


def zennit(work: Work, composite: str, channel: int) -> Function:
    """Return a function that backpropagates a relevance of one at a channel's score by one of zennit's composites."""
    net = torch_work.model(work.graph, work.x.shape, Added)
    x = to_torch(work.x)

    def seed_relevance(scores: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.one_hot(torch.full((len(scores),), channel), scores.shape[1]).to(scores)

    def run() -> np.ndarray:
        with Gradient(model=net, composite=eval(composite, dict(ZENNIT))) as gradient:
            return from_torch(gradient(x, seed_relevance)[1])

    return run


def torch_inversion(graph: Graph, x: np.ndarray, start: np.ndarray, steps: int) -> Function:
    """Return a function that runs `refvis.inversion` with its defaults, written for torch.autograd."""
    net = torch_work.model(graph, x.shape)

    def run() -> np.ndarray:
        with torch.no_grad():
            code = net(to_torch(x))
        z = to_torch(start)
        optimiser = torch.optim.Adam([z], lr=0.05 * SIGMA)
        schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: (1 + cos(pi * step / steps)) / 2)
        for _ in range(steps):
            optimiser.zero_grad()
            _objective(net(z), code, z / SIGMA).backward()
            optimiser.step()
            schedule.step()
        return from_torch(z)

    return run


def _objective(y: torch.Tensor, code: torch.Tensor, scaled: torch.Tensor) -> torch.Tensor:
    down, right = scaled[:, :, 1:] - scaled[:, :, :-1], scaled[..., 1:] - scaled[..., :-1]
    variation = (down**2).sum() + (right**2).sum()
    return ((y - code) ** 2).sum() / (code**2).sum() + 1e-2 * (scaled**6).mean() + variation / scaled.numel()
