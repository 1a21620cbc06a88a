"""ReLU, fast: the three backward passes by bitwise AND (`bit_masks`), in buffers and in several threads."""

import numpy as np

from refvis.layers import relu
from refvis.layers.base.arrays import Array, array_module
from refvis.layers.base.exactness import twin_of
from refvis.layers.fast.bit_masks import positive_mask, select
from refvis.layers.fast.buffers import empty
from refvis.layers.fast.threads import in_pieces
from refvis.layers.relu import ReLU


@twin_of(relu.forward)
def forward(layer: ReLU, x: Array) -> Array:
    """Return what ``relu.forward`` returns."""
    xp = array_module(x)
    if layer.leak:
        return gate(layer, x, x)
    if xp is not np:
        return relu.forward(layer, x)
    y, zeros = empty(x.shape, x), xp.zeros(x.shape[-2:], x.dtype)
    in_pieces(lambda some, out: xp.fmax(some, zeros, out=out), x, y)
    return y


@twin_of(relu.gradient)
def gradient(layer: ReLU, signal: Array, output: Array | None, x: Array) -> tuple[Array]:
    """Return what ``relu.gradient`` returns."""
    return (gate(layer, signal, x),)


@twin_of(relu.deconvnet)
def deconvnet(layer: ReLU, signal: Array, output: Array | None, x: Array) -> tuple[Array]:
    """Return what ``relu.deconvnet`` returns."""
    return (gate(layer, signal, signal),)


@twin_of(relu.guided)
def guided(layer: ReLU, signal: Array, output: Array | None, x: Array) -> tuple[Array]:
    """Return what ``relu.guided`` returns."""
    return (gate(layer, gate(layer, signal, signal), x),)


def gate(layer: ReLU, signal: Array, by: Array) -> Array:
    """Return the signal where `by` is positive, leak times the signal elsewhere."""
    array_module(signal, by)
    passes = positive_mask(by)
    if not layer.leak:
        return select(signal, passes)
    return select(signal, passes) + select(signal * signal.dtype.type(layer.leak), ~passes)
