"""Local response normalisation, fast: sums of neighbours over one long row, roots instead of powers.

All pixels' channels stand in one row, with zeros between one pixel and the next, as many as a window is wide. Shifted
copies of the whole row are added up. All further steps also go over the whole row, since NumPy's loops over the
channels of one pixel would be short. L^beta comes from square roots where beta is a multiple of 1/4, as in every
published network: a root takes a fraction of the time of a power, and is rounded correctly. CuPy's arrays go to
`lrn_kernels`.
"""

from typing import Any

from refvis.layers import lrn
from refvis.layers.base.arrays import Array, array_module
from refvis.layers.base.exactness import twin_of
from refvis.layers.fast import lrn_kernels
from refvis.layers.fast.buffers import empty, scratch
from refvis.layers.fast.threads import in_pieces
from refvis.layers.lrn import LRN, neighbours_within

FEW = 32
"""Neighbours of a channel up to which shifted copies are added one by one."""


@twin_of(lrn.forward)
def forward(layer: LRN, x: Array) -> Array:
    """Return what ``lrn.forward`` returns, to rounding."""
    if lrn_kernels.suits(layer, x):
        return lrn_kernels.forward(layer, x)
    y = empty(x.shape, x)
    in_pieces(lambda *rows: _forward(layer, *rows), x, y)
    return y


@twin_of(lrn.gradient)
def gradient(layer: LRN, signal: Array, output: Array | None, x: Array) -> tuple[Array]:
    """Return what ``lrn.gradient`` returns, to rounding."""
    if lrn_kernels.suits(layer, x):
        return (lrn_kernels.gradient(layer, signal, x),)
    dx = empty(x.shape, x)
    in_pieces(lambda *rows: _gradient(layer, *rows), signal, x, dx)
    return (dx,)


def _forward(layer: LRN, x: Array, y: Array) -> None:
    array_module(x).divide(x, first_channels(power(norms(layer, x), layer.beta), x.shape), out=y)


def _gradient(layer: LRN, signal: Array, x: Array, dx: Array) -> None:
    xp, (below, above) = array_module(x, signal), neighbours_within(layer, x.shape[3])
    L = norms(layer, x)
    xp.divide(signal, first_channels(power(L, layer.beta), x.shape), out=dx)
    row, values = with_zeros_between(x, above, below)
    xp.multiply(dx, x, out=values)
    values /= first_channels(L, x.shape)
    mirrored = window_sums(row, above + below)
    mirrored *= x.dtype.type(2 * layer.alpha * layer.beta)
    shares = first_channels(mirrored, x.shape)
    shares *= x
    dx -= shares


def norms(layer: LRN, x: Array) -> Array:
    """Return L, one row for each pixel, its channels first. The next `window_sums` overwrites it."""
    below, above = neighbours_within(layer, x.shape[3])
    row, values = with_zeros_between(x, below, above)
    array_module(x).multiply(x, x, out=values)
    L = window_sums(row, below + above)
    L *= x.dtype.type(layer.alpha)
    L += x.dtype.type(layer.kappa)
    if layer.kappa == 0:
        L[L == 0] = x.dtype.type("inf")
    return L


def power(L: Array, beta: float) -> Array:
    """Return L**beta, by square roots for 1/4, 1/2 and 3/4."""
    xp, room = array_module(L), scratch(L)
    if beta not in lrn_kernels.BETAS:
        return L**beta
    root = xp.sqrt(L, out=room("root", *L.shape))
    if beta == 0.5:
        return root
    fourth = xp.sqrt(root, out=room("fourth", *L.shape))
    return fourth if beta == 0.25 else xp.multiply(root, fourth, out=root)


def with_zeros_between(like: Array, before: int, after: int) -> tuple[Array, Array]:
    """Return rows of zeros, channels and zeros, one for each pixel, and the view of the channels, to be written."""
    (count, height, width, channels), room = like.shape, scratch(like)
    rows = room("wide", count * height * width, before + channels + after)
    rows[:, :before] = rows[:, before + channels :] = 0
    return rows, rows[:, before : before + channels].reshape(like.shape)


def window_sums(rows: Array, following: int) -> Array:
    """Return the sum of each value and the `following` ones, row after row. The next call overwrites it."""
    room = scratch(rows)
    row, total = rows.reshape(-1), room("total", *rows.shape)
    if following > FEW:
        total.reshape(-1)[...] = doubled_sums(room.xp, row, following + 1)
        return total
    inner, sofar = total.reshape(-1)[: row.size - following], row[: row.size - following]
    for shift in range(1, following + 1):
        sofar = room.xp.add(sofar, row[shift : shift + inner.size], out=inner)
    if not following:
        inner[...] = sofar
    total.reshape(-1)[inner.size :] = 0
    return total


def doubled_sums(xp: Any, row: Array, length: int) -> Array:
    """Return the sum of each value and the length - 1 ones after it, as far as they exist, in log2(length) steps.

    Sums of 2, 4, 8, ... values come from two sums of half as many each; the window is made of one sum for each binary
    digit of its length.
    """
    total, sums, done = xp.zeros_like(row), row, 0
    for digit in range(length.bit_length()):
        size = 1 << digit
        if length & size and done < row.size:
            total[: row.size - done] += sums[done:]
            done += size
        if size < length:
            longer = sums.copy()
            longer[: max(row.size - size, 0)] += sums[size:]
            sums = longer
    return total


def first_channels(rows: Array, shape: tuple[int, ...]) -> Array:
    """Return the view of the channels, without the zeros, in the shape N x H x W x C."""
    return rows[:, : shape[3]].reshape(shape)
