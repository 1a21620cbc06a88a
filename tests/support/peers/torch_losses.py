"""Random losses."""

from collections.abc import Callable

import torch
from support.peers.torch_random import Case, Draw, Tensor, nchw
from torch.nn import functional

from refvis import layers


def _categorical(theirs: Callable[..., Tensor], x: Tensor, c: Tensor) -> Tensor:
    return theirs(nchw(x).contiguous(), c - 1, ignore_index=-1, reduction="none")[..., None]


def _hinge(x: Tensor, rival: Tensor) -> Tensor:
    return functional.relu(1 - x + rival)


LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "softmaxlog": lambda x, c: _categorical(functional.cross_entropy, x, c),
    "log": lambda x, c: _categorical(functional.nll_loss, x.log(), c),
    "mhinge": lambda x, c: functional.relu(1 - _of_label(x, c)) * (c > 0)[..., None],
    "mshinge": lambda x, c: _hinge(_of_label(x, c), _rival(x, c)) * (c > 0)[..., None],
    "logistic": lambda x, c: functional.soft_margin_loss(x, c, reduction="none") * (c != 0),
    "hinge": lambda x, c: functional.relu(1 - c * x) * (c != 0),
    "binarylog": lambda x, c: functional.binary_cross_entropy(x, (c + 1) / 2, reduction="none") * (c != 0),
}
"""MatConvNet's losses that have a derivative, each with its value for every instance, N x H x W x (1 or C)."""
OF_PROBABILITIES = ("log", "binarylog")
WITH_SIGNS = ("logistic", "hinge", "binarylog")


def _of_label(x: Tensor, c: Tensor) -> Tensor:
    return x.gather(3, (c - 1).clamp(0)[..., None])


def _rival(x: Tensor, c: Tensor) -> Tensor:
    """Return the largest value of the other channels."""
    own = functional.one_hot((c - 1).clamp(0), x.shape[3]).bool()
    return x.masked_fill(own, -torch.inf).amax(3, keepdim=True)


def loss(draw: Draw) -> Case:
    kind, shape = str(draw.random.choice(list(LOSSES))), draw.shape()
    x = draw.random.uniform(0.1, 0.9, shape).astype(draw.dtype) if kind in OF_PROBABILITIES else draw.normal(*shape)
    if kind in WITH_SIGNS:
        labels = draw.random.integers(-1, 2, shape).astype(draw.dtype)
    else:
        labels = draw.random.integers(0, shape[3] + 1, (*shape[:3], 1)).astype(draw.dtype)
    weights = draw.positive(*labels.shape) if draw.chance() else None
    mean = draw.chance()

    def theirs(x: Tensor, labels: Tensor) -> Tensor:
        c = labels if kind in WITH_SIGNS else labels[..., 0].long()
        each = LOSSES[kind](x, c)
        if weights is not None:
            each = each * torch.tensor(weights, dtype=x.dtype)
        return each.sum().reshape(1, 1, 1, 1) / (len(x) if mean else 1)

    layer = layers.Loss(kind, instance_weights=weights, normalise=mean)
    return Case(layer, (x, labels), theirs, fixed=1)
