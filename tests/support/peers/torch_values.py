"""Random activations, normalisations and distances."""

import numpy as np
import torch
from support.peers.torch_random import Case, Draw, Tensor, nchw, nhwc, wide
from torch.nn import functional

from refvis import layers

EXPONENTS = 64
"""Exponents of up to 64 are as many units of rounding off."""


def relu(draw: Draw) -> Case:
    leak = 0.0 if draw.chance() else 0.25
    x = draw.normal(*draw.shape())
    return Case(layers.ReLU(leak), (x,), lambda x: functional.leaky_relu(x, leak))


def sigmoid(draw: Draw) -> Case:
    return Case(
        layers.Sigmoid(), (20 * draw.normal(*draw.shape()),), torch.sigmoid, roundings=64
    )  # exponents of up to 64 lose as many units


def softmax(draw: Draw) -> Case:
    return Case(
        layers.Softmax(), (20 * draw.normal(*draw.shape()),), lambda x: functional.softmax(x, 3), roundings=64
    )  # as the sigmoid


def lrn(draw: Draw) -> Case:
    size, alpha, beta, kappa = draw.whole(1, 7), *draw.random.uniform(0.2, 1, 2), draw.whole(1, 2)

    def theirs(x: Tensor) -> Tensor:
        below, above = (size - 1) // 2, size // 2
        squares = functional.pad(x * x, (below, above)).unfold(3, size, 1).sum(-1)
        if size % 2:
            return nhwc(functional.local_response_norm(nchw(x), size, alpha * size, beta, kappa))
        return x * (kappa + alpha * squares) ** -beta  # PyTorch's window of an even size has its further channel below

    return Case(layers.LRN(size, kappa, alpha, beta), (draw.normal(*draw.shape()),), theirs)


def batch_norm(draw: Draw) -> Case:
    shape = draw.shape()
    own = draw.chance()
    mean, variance = draw.normal(shape[3]), draw.positive(shape[3])
    moments = None if own else np.stack([mean, np.sqrt(variance)], axis=1)
    layer = layers.BatchNorm(draw.normal(shape[3]), draw.normal(shape[3]), moments, 0.125)

    def theirs(x: Tensor, scale: Tensor, offset: Tensor) -> Tensor:
        if own:
            return nhwc(functional.batch_norm(nchw(x), None, None, scale, offset, True, eps=0.125))
        # in arrays of their own: PyTorch 2.13.0 reads other memory for the gradient of `scale` if they are views
        mu, sigma = torch.tensor(moments.T.copy(), dtype=x.dtype)
        return nhwc(functional.batch_norm(nchw(x), mu.clone(), sigma**2, scale, offset, eps=0.0))

    x = draw.normal(*shape)

    def sizes(signal: np.ndarray) -> dict[str, np.ndarray]:
        mu, sigma = (x.mean((0, 1, 2)), x.std((0, 1, 2))) if own else (mean, np.sqrt(variance))
        z = (x - mu) / sigma
        return {"scale": np.abs(signal * z).sum((0, 1, 2)), "offset": np.abs(signal).sum((0, 1, 2))}

    return Case(layer, (x,), theirs, ("scale", "offset"), roundings=8, sizes=sizes)


def normalize_lp(draw: Draw) -> Case:
    p, spatial = float(draw.random.choice([1.0, 2.0, 3.5])), draw.chance()
    axes = (1, 2) if spatial else 3
    layer = layers.NormalizeLp(p, 0.125, spatial)

    def theirs(x: Tensor) -> Tensor:
        return x / ((x.abs() ** p).sum(axes, keepdim=True) + 0.125) ** (1 / p)

    return Case(layer, (draw.normal(*draw.shape()),), theirs)


def spatial_norm(draw: Draw) -> Case:
    size = draw.pair(1, 4)
    pads = ((size[0] - 1) // 2, size[0] // 2, (size[1] - 1) // 2, size[1] // 2)

    def theirs(x: Tensor) -> Tensor:
        inside = functional.avg_pool2d(wide(torch.ones_like(x), pads), size, 1)
        mean = nhwc(functional.avg_pool2d(wide(x * x, pads), size, 1) / inside)
        return x * (1 + 0.5 * mean) ** -0.75

    return Case(layers.SpatialNorm(size, 0.5, 0.75), (draw.normal(*draw.shape()),), theirs)


def norm_offset(draw: Draw) -> Case:
    def theirs(x: Tensor) -> Tensor:
        return x - 0.75 * (x * x).sum(3, keepdim=True) ** 0.6

    return Case(layers.NormOffset(0.75, 0.6), (draw.normal(*draw.shape()),), theirs)


def distance(draw: Draw) -> Case:
    p, no_root, shape = float(draw.random.choice([1.5, 2.0, 3.0])), draw.chance(), draw.shape()

    def theirs(x: Tensor, target: Tensor) -> Tensor:
        total = ((x - target).abs() ** p).sum(3, keepdim=True)
        return total if no_root else total ** (1 / p)

    layer = layers.PairwiseDistance(p, no_root, 1e-12)
    return Case(layer, (draw.normal(*shape), 5 + draw.normal(*shape)), theirs)
