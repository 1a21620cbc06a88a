"""Random sums, products, joins, grids and samplers."""

import torch
from support.peers.torch_random import Case, Draw, Tensor, nchw, nhwc
from torch.nn import functional

from refvis import layers


def concat(draw: Draw) -> Case:
    axis, shape = draw.whole(0, 3), draw.shape()
    inputs = tuple(draw.normal(*shape[:axis], size, *shape[axis + 1 :]) for size in (2, 1, 4))
    return Case(layers.Concat(axis), inputs, lambda *x: torch.cat(x, axis), linear=True)


def total(draw: Draw) -> Case:
    shape = draw.shape()
    inputs = tuple(draw.normal(*shape) for _ in range(draw.whole(1, 4)))
    return Case(layers.Sum(), inputs, lambda *x: sum(x[1:], x[0]), linear=True)


def scale(draw: Draw) -> Case:
    shape = draw.shape()
    one, other = (tuple(n if draw.chance() else 1 for n in shape) for _ in range(2))

    def theirs(x: Tensor, scale: Tensor, offset: Tensor) -> Tensor:
        return x * scale + offset

    layer = layers.Scale(draw.normal(*one), draw.normal(*other))
    return Case(layer, (draw.normal(*shape),), theirs, ("scale", "offset"), linear=True)


def dropout(draw: Draw) -> Case:
    shape = draw.shape()
    mask = (draw.random.random(shape) < 0.5).astype(draw.dtype) * 2
    return Case(layers.Dropout(0.5, mask), (draw.normal(*shape),), lambda x: x * torch.tensor(mask, dtype=x.dtype))


def sampler(draw: Draw) -> Case:
    n, h, w, c = draw.shape()
    grid = draw.random.uniform(-1.3, 1.3, (n * draw.whole(1, 2), 5, 3, 2)).astype(draw.dtype)

    def theirs(x: Tensor, grid: Tensor) -> Tensor:
        many = nchw(x).repeat_interleave(len(grid) // len(x), 0)
        return nhwc(functional.grid_sample(many, grid.flip(3), "bilinear", "zeros", align_corners=True))

    # a place of up to 11 pixels is as many units off
    return Case(layers.BilinearSampler(), (draw.normal(n, h, w, c), grid), theirs, roundings=32)


def affine(draw: Draw) -> Case:
    n, height, width, _ = draw.shape()

    def theirs(c: Tensor) -> Tensor:
        theta = c.reshape(-1, 6)[:, [3, 2, 5, 1, 0, 4]].reshape(-1, 2, 3)
        return functional.affine_grid(theta, [len(c), 1, height, width], align_corners=True).flip(3)

    return Case(layers.AffineGrid(height, width), (draw.normal(n, 1, 1, 6),), theirs)
