"""Random convolutions, poolings and fully connected layers: strides, pads, dilation and groups are drawn."""

import torch
from support.peers.torch_random import Case, Draw, Tensor, nchw, nhwc, wide
from torch.nn import functional

from refvis import layers


def conv(draw: Draw) -> Case:
    n, h, w, c = draw.shape()
    groups = draw.random.choice([g for g in range(1, c + 1) if c % g == 0])
    size, stride, dilate = draw.pair(1, 3), draw.pair(1, 3), draw.pair(1, 2)
    pads = tuple(draw.whole(0, 3) for _ in range(4))
    count = int(groups) * draw.whole(1, 3)
    names = ("filters", "biases") if draw.chance() else ("filters",)
    biases = draw.normal(count) if len(names) == 2 else None
    layer = layers.Conv(draw.normal(count, *size, c // groups), biases, stride, pads, dilate)

    def theirs(x: Tensor, filters: Tensor, biases: Tensor | None = None) -> Tensor:
        return nhwc(functional.conv2d(wide(x, pads), nchw(filters), biases, stride, 0, dilate, int(groups)))

    return Case(layer, (draw.normal(n, h, w, c),), theirs, names, linear=True)


def conv_transpose(draw: Draw) -> Case:
    n, h, w, c = draw.shape()
    groups = int(draw.random.choice([g for g in range(1, c + 1) if c % g == 0]))
    size, up = draw.pair(1, 4), draw.pair(1, 3)
    crop = tuple(draw.whole(0, 2) for _ in range(4))
    depth = draw.whole(1, 3)
    names = ("filters", "biases") if draw.chance() else ("filters",)
    biases = draw.normal(depth * groups) if len(names) == 2 else None
    layer = layers.ConvTranspose(draw.normal(c, *size, depth), biases, up, crop, groups)

    def theirs(x: Tensor, filters: Tensor, biases: Tensor | None = None) -> Tensor:
        y = nhwc(functional.conv_transpose2d(nchw(x), nchw(filters), biases, up, groups=groups))
        return y[:, crop[0] : y.shape[1] - crop[1], crop[2] : y.shape[2] - crop[3]]

    return Case(layer, (draw.normal(n, h, w, c),), theirs, names, linear=True)


def max_pool(draw: Draw) -> Case:
    size, stride = draw.pair(1, 4), draw.pair(1, 3)
    pads = draw.pads(size)

    def theirs(x: Tensor) -> Tensor:
        return nhwc(functional.max_pool2d(wide(x, pads, -torch.inf), size, stride))

    return Case(layers.Pool(size, stride, pads), (draw.normal(*draw.shape()),), theirs)


def average_pool(draw: Draw) -> Case:
    size, stride = draw.pair(1, 4), draw.pair(1, 3)
    pads = draw.pads(size)

    def theirs(x: Tensor) -> Tensor:
        inside = functional.avg_pool2d(wide(torch.ones_like(x), pads), size, stride)
        return nhwc(functional.avg_pool2d(wide(x, pads), size, stride) / inside)

    return Case(layers.Pool(size, stride, pads, "avg"), (draw.normal(*draw.shape()),), theirs, linear=True)


def full(draw: Draw) -> Case:
    n, h, w, c = draw.shape()
    names = ("weights", "biases") if draw.chance() else ("weights",)
    layer = layers.FullyConnected(draw.normal(13, h * w * c), draw.normal(13) if len(names) == 2 else None)

    def theirs(x: Tensor, weights: Tensor, biases: Tensor | None = None) -> Tensor:
        return functional.linear(x.flatten(1), weights, biases)[:, None, None]

    return Case(layer, (draw.normal(n, h, w, c),), theirs, names, linear=True)
