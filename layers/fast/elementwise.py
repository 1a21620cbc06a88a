"""Batch normalisation and sums, fast: the definitions' steps, in buffers and in several threads.

The values of the channels are repeated along a row of pixels first. NumPy's innermost loop then runs over a row, not
over the channels of one pixel. The results are the definitions', bit for bit.
"""

import numpy as np

from refvis.layers import batch_norm
from refvis.layers import sum as sums
from refvis.layers.base.arrays import Array, array_module
from refvis.layers.base.exactness import twin_of
from refvis.layers.batch_norm import BatchNorm, moments_for
from refvis.layers.fast.buffers import empty
from refvis.layers.fast.threads import in_pieces
from refvis.layers.sum import Sum


@twin_of(batch_norm.forward)
def batch_norm_forward(layer: BatchNorm, x: Array) -> Array:
    """Return what ``batch_norm.forward`` returns."""
    (mean, sigma), y = moments_for(layer, x), empty(x.shape, x)
    mean, slope, offset = (along_a_row(each, x) for each in (mean, layer.scale.astype(x.dtype) / sigma, layer.offset))

    def normalize(some: Array, out: Array) -> None:
        array_module(some).subtract(some, mean, out=out)
        out *= slope
        out += offset

    in_pieces(normalize, x, y)
    return y


@twin_of(batch_norm.gradient)
def batch_norm_gradient(layer: BatchNorm, signal: Array, output: Array | None, x: Array) -> tuple[Array]:
    """Return what ``batch_norm.gradient`` returns."""
    if layer.moments is None:
        return batch_norm.gradient(layer, signal, output, x)
    xp, dx = array_module(signal, x), empty(x.shape, x)
    slope = along_a_row(layer.scale.astype(x.dtype) / moments_for(layer, x)[1], x)
    in_pieces(lambda some, out: xp.multiply(slope, some, out=out), signal, dx)
    return (dx,)


@twin_of(sums.forward)
def sum_forward(layer: Sum, *inputs: Array) -> Array:
    """Return what ``sum.forward`` returns."""
    return add_all(*inputs)


def along_a_row(channels: Array, like: Array) -> Array:
    """Return one value for each of C channels, or for all, as W x C in the dtype of `like` (N x H x W x C).

    CuPy's values stay as they are: to repeat them would cost one more kernel, and gain nothing.
    """
    xp, values = array_module(channels, like), channels.astype(like.dtype, copy=False)
    if xp is not np:
        return values
    row = xp.empty(like.shape[2:], like.dtype)
    row[...] = values
    return row


def add_biases(y: Array, biases: Array | None) -> None:
    """Add to y (N x H x W x K) one value for each channel, in place; None adds nothing."""
    if biases is not None:
        rows = along_a_row(biases, y)
        in_pieces(lambda some: array_module(y).add(some, rows, out=some), y)


def add_all(first: Array, *rest: Array) -> Array:
    """Return the sum of arrays of one shape, in the dtype of the first."""
    xp, total = array_module(first, *rest), empty(first.shape, first)

    def add_in_order(out: Array, sofar: Array, *terms: Array) -> None:
        if not terms:
            out[...] = sofar
        for term in terms:
            sofar = xp.add(sofar, term, out=out)

    in_pieces(add_in_order, total, first, *rest)
    return total
