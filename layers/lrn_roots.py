"""Local response normalisation, fast: sums of neighbours over one long row, roots instead of powers.

A channel's window is added up by shifting all pixels' channels at once: they stand in one row, with zeros between one
pixel and the next, as many as a window is wide. L^beta comes from square roots where beta is a multiple of 1/4, as it
is in every published network: a root takes a fraction of the time of a power, and is rounded correctly. CuPy's arrays
go to `lrn_gather`.
"""

from refvis.layers import lrn, lrn_gather
from refvis.layers.arrays import Array, array_module
from refvis.layers.exactness import twin_of
from refvis.layers.lrn import LRN, reaches
from refvis.layers.memory import empty
from refvis.layers.threads import in_pieces
from refvis.layers.workspace import workspace


@twin_of(lrn.forward)
def forward(layer: LRN, x: Array) -> Array:
    """Return what ``lrn.forward`` returns, to rounding."""
    if lrn_gather.suits(layer, x):
        return lrn_gather.forward(layer, x)
    xp, y = array_module(x), empty(x.shape, x)
    in_pieces(lambda some, out: xp.divide(some, powered(denominator(layer, some), layer.beta), out=out), x, y)
    return y


@twin_of(lrn.gradient)
def gradient(layer: LRN, signal: Array, output: Array | None, x: Array) -> tuple[Array]:
    """Return what ``lrn.gradient`` returns, to rounding."""
    if lrn_gather.suits(layer, x):
        return (lrn_gather.gradient(layer, signal, x),)
    dx = empty(x.shape, x)
    in_pieces(lambda *arrays: _gradient(layer, *arrays), signal, x, dx)
    return (dx,)


def _gradient(layer: LRN, signal: Array, x: Array, dx: Array) -> None:
    """Write dx for some rows."""
    xp, (below, above) = array_module(x, signal), reaches(layer)
    L = denominator(layer, x)
    xp.divide(signal, powered(L, layer.beta), out=dx)
    spread = xp.multiply(dx, x, out=workspace(x)("values", *x.shape))
    spread /= L
    mirrored = window_sum(spread, above, below)
    mirrored *= x
    mirrored *= x.dtype.type(2 * layer.alpha * layer.beta)
    dx -= mirrored


def denominator(layer: LRN, x: Array) -> Array:
    """Return what ``lrn.denominator`` returns, to rounding, until the next `window_sum`."""
    L = window_sum(array_module(x).multiply(x, x, out=workspace(x)("values", *x.shape)), *reaches(layer))
    L *= x.dtype.type(layer.alpha)
    L += x.dtype.type(layer.kappa)
    if layer.kappa == 0:
        L[L == 0] = x.dtype.type("inf")
    return L


def powered(L: Array, beta: float) -> Array:
    """Return L**beta, by square roots for 1/4, 1/2 and 3/4."""
    xp, room = array_module(L), workspace(L)
    if beta not in (0.25, 0.5, 0.75):
        return L**beta
    root = xp.sqrt(L, out=room("root", *L.shape))
    if beta == 0.5:
        return root
    fourth = xp.sqrt(root, out=room("fourth", *L.shape))
    return fourth if beta == 0.25 else xp.multiply(root, fourth, out=root)


def window_sum(values: Array, below: int, above: int) -> Array:
    """Return what ``lrn.window_sum`` returns, to rounding, in memory that the next call uses again."""
    (count, height, width, channels), room = values.shape, workspace(values)
    below, above = min(below, channels - 1), min(above, channels - 1)
    wide = room("wide", count * height * width, below + channels + above)
    wide[:, :below] = wide[:, below + channels :] = 0
    wide[:, below : below + channels] = values.reshape(-1, channels)
    row, total = wide.reshape(-1), room("total", *wide.shape)
    length = row.size - below - above
    inner, sofar = total.reshape(-1)[:length], row[:length]
    for shift in range(1, below + above + 1):
        sofar = room.xp.add(sofar, row[shift : shift + length], out=inner)
    if sofar is not inner:
        inner[...] = sofar
    return total[:, :channels].reshape(values.shape)
