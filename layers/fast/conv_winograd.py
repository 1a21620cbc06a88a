"""Convolution of 3 x 3 filters at stride 1, faster: Winograd's F(m x m, 3 x 3) on tiles; winograd.py has its matrices.

The padded image is stored by phases, ``wide[p, q, n, i, j, c] = padded[n, m i + p, m j + q, c]``. Value k of all tiles
along an axis is then phase k mod m, from tile k div m on. These are whole blocks of memory, which the sparse matrices
B^T and A^T combine by a few additions each. Between the two stand t * t matrix products over channels, which take most
of the time.

Only float32 arrays of NumPy are computed in this way, and only where it pays. Float64 stays with direct sums, for full
precision. So does all that a relevance rule computes, since it divides by sums that may be close to zero; the outputs
of the forward pass, by which `epsilon` divides, may come from tiles. F(2 x 2, 3 x 3), the default, rounds
no worse than direct sums do. But a sum of nothing but zeros may come out as 1e-7 of its neighbours, and equal values of
a flat image may differ in their last bits. `exactness.winograd` chooses F(4 x 4, 3 x 3), or direct sums.
"""

from collections.abc import Callable, Sequence

import numpy as np

from refvis.layers.base.arrays import Array, array_module
from refvis.layers.base.exactness import winograd_outputs
from refvis.layers.base.geometry import spans
from refvis.layers.conv import Conv
from refvis.layers.fast.buffers import Scratch, scratch
from refvis.layers.fast.threads import parts, side_by_side, workers
from refvis.layers.fast.winograd import Matrix, transforms

TAPS = 3
FEWEST_CHANNELS, FEWEST_PIXELS = 64, 192
"""The fewest channels in and out, and output pixels of all images, with which tiles pay."""
FEWEST_PRODUCTS = 1 << 26
"""The fewest products per tap with which tiles pay in several threads: the BLAS divides direct sums among them, too."""
CHUNK_BYTES, THREAD_BYTES, CHUNK_TILES = 1 << 21, 1 << 23, 96
"""The size of a chunk: bytes of transformed input, in one thread and in several, and its fewest tiles."""

Terms = Sequence[Array]


def forward(layer: Conv, x: Array, f: Array, y: Array) -> bool:
    """Write one group's output, without biases, into y; return False where that does not pay, or a sum is not finite.

    x is the group's N x H x W x C, f its filters K x 3 x 3 x C.
    """
    top, _, left, _ = layer.pad
    return _write_by_tiles(layer, x, (top, left), f, y, lambda m: transform_filters(f, m).transpose(0, 2, 1))


def gradient(layer: Conv, signal: Array, f: Array, dx: Array) -> bool:
    """Write one group's gradient to its input into dx; return False as `forward` does.

    It is the signal, padded to full overlap, correlated with the filters turned by 180 degrees.
    """
    top, _, left, _ = layer.pad
    before = TAPS - 1 - top, TAPS - 1 - left
    return _write_by_tiles(layer, signal, before, f, dx, lambda m: transform_filters(f, m, turned=True))


def _write_by_tiles(
    layer: Conv, x: Array, before: tuple[int, int], f: Array, y: Array, matrices: Callable[[int], Array]
) -> bool:
    outputs = winograd_outputs()
    if not (outputs and pays(layer, x, f, y)):
        return False
    with np.errstate(over="ignore", invalid="ignore"):
        correlate(x, before, matrices(outputs), y, outputs)
        return bool(array_module(y).isfinite(y.sum()))  # NaN spreads over a tile here, and not in direct sums


def pays(layer: Conv, x: Array, f: Array, y: Array) -> bool:
    """Return whether Winograd's tiles pay for an input x of a group, filters f, and an output y."""
    pixels = y.shape[0] * y.shape[1] * y.shape[2]
    enough = min(x.shape[3], y.shape[3]) >= FEWEST_CHANNELS and pixels >= FEWEST_PIXELS
    enough &= pixels * x.shape[3] * y.shape[3] >= FEWEST_PRODUCTS or workers(x) == 1
    suits = layer.size == (TAPS, TAPS) and layer.stride == layer.dilate == (1, 1)
    return enough and suits and x.dtype == f.dtype == "float32" and array_module(x) is np


def correlate(x: Array, before: tuple[int, int], matrices: Array, y: Array, outputs: int) -> None:
    """Write into y (N x H' x W' x K) the correlation of x (N x H x W x C) with 3 x 3 filters, by F(outputs, 3).

    `matrices` are t*t x C x K, of `transform_filters`. x gets a border of zeros: `before` pixels (above, left; a
    negative number cuts pixels off), and as many on the other sides as y needs.
    """
    width = -(-y.shape[2] // outputs)
    tiles = len(x), -(-y.shape[1] // outputs), width
    size = (outputs + TAPS - 1) ** 2 * x.shape[3] * x.itemsize

    def chunk(images: slice, rows: slice) -> None:
        _correlate_chunk(x[images], (before[0] - outputs * rows.start, before[1]), matrices, (rows, width), y[images])

    side_by_side(chunk, _chunks(tiles, size, workers(x)), x)


def _correlate_chunk(x: Array, before: tuple[int, int], matrices: Array, tiles: tuple[slice, int], y: Array) -> None:
    """Write the rows of y that some rows of tiles make; `before` is counted from the first of them."""
    room, t = scratch(x), round(len(matrices) ** 0.5)
    m, (rows, width) = t - TAPS + 1, tiles
    shift, height = (t - 1) // m, rows.stop - rows.start
    wide = room("wide", m, m, len(x), height + shift, width + shift, x.shape[3])
    _by_phases(x, before, wide)
    values = _transform_tiles(wide, (height, width), t, room)
    products = room("products", t * t, len(x) * height * width, y.shape[3])
    array_module(x).matmul(values.reshape(t * t, -1, x.shape[3]), matrices, out=products)
    done = _tiles_of_outputs(products.reshape(t, t, len(x), height, width, -1), m, room)
    for p, q in np.ndindex(m, m):
        target = y[:, m * rows.start + p : m * rows.stop : m, q::m]
        target[...] = done[q, p, :, : target.shape[1], : target.shape[2]]


def transform_filters(f: Array, outputs: int, turned: bool = False) -> Array:
    """Return G f G^T of filters K x 3 x 3 x C as t*t x K x C; `turned`: of the filters turned by 180 degrees."""
    xp = array_module(f)
    G = xp.array(transforms(outputs, TAPS).filters)
    both = xp.kron(G, G).astype(f.dtype)[:, :: -1 if turned else 1]
    filters = scratch(f)("filters", len(f), len(both), f.shape[3])
    taps = f.reshape(len(f), TAPS * TAPS, -1)

    def part(some: slice) -> None:
        xp.matmul(both, taps[some], out=filters[some])

    side_by_side(part, ((some,) for some in parts(len(f), workers(f))), f)
    return filters.transpose(1, 0, 2)


def _chunks(tiles: tuple[int, int, int], bytes_per_tile: int, threads: int) -> list[tuple[slice, slice]]:
    """Return (images, rows of tiles) that cover N x rows x columns tiles: several images, or rows of one.

    Several threads get larger chunks, since they wait for Python's lock after every step, and equally many each. Fewer
    threads run where each would get too few tiles.
    """
    count, rows, columns = tiles
    threads = max(1, min(threads, count * rows * columns // CHUNK_TILES))
    size = CHUNK_BYTES if threads == 1 else THREAD_BYTES
    at_once = max(1, max(size // bytes_per_tile, CHUNK_TILES) // columns)
    each = -(-count * rows // (at_once * threads))
    return spans(count, rows, -(-count * rows // (each * threads)))


def _by_phases(x: Array, before: tuple[int, int], wide: Array) -> None:
    """Write x with its border of zeros into `wide` (m x m x N x rows x columns x C), phase by phase."""
    m, (rows, columns) = len(wide), wide.shape[3:5]
    for p, q in np.ndindex(m, m):
        from_rows, to_rows = _overlap(p - before[0], m, rows, x.shape[1])
        from_columns, to_columns = _overlap(q - before[1], m, columns, x.shape[2])
        met = x[:, from_rows, from_columns]
        if met.shape[1:3] != (rows, columns):
            wide[p, q] = 0
        wide[p, q, :, to_rows, to_columns] = met


def _overlap(first: int, step: int, count: int, extent: int) -> tuple[slice, slice]:
    """Return the pixels of an axis among first + i * step, i < count, and the slice of these i."""
    low = max(0, -(first // step))
    high = max(low, min(count, -((first - extent) // step)))
    return slice(first + low * step, max(0, first + high * step), step), slice(low, high)


def _transform_tiles(wide: Array, size: tuple[int, int], t: int, room: Scratch) -> Array:
    """Return B^T d B for all tiles, t x t x N x rows x columns x C."""
    (m, _, count, _, columns, channels), (height, width) = wide.shape, size
    B = transforms(t - TAPS + 1, TAPS).input
    down, both = room("half", t, m, count, height, columns, channels), room("tiles", t, t, count, *size, channels)
    _apply_by_row_pairs(B, [wide[k % m, :, :, k // m : k // m + height] for k in range(t)], list(down), room)
    terms = [down[:, k % m, :, :, k // m : k // m + width] for k in range(t)]
    _apply_by_row_pairs(B, terms, [both[:, k] for k in range(t)], room)
    return both


def _tiles_of_outputs(products: Array, m: int, room: Scratch) -> Array:
    """Return A^T M A for all tiles, m x m x N x rows x columns x K; the horizontal position comes first."""
    A = list(zip(*transforms(m, TAPS).output, strict=True))
    up, done = room("half", m, *products.shape[1:]), room("tiles", m, m, *products.shape[2:])
    _apply_by_column_pairs(A, list(products), list(up), room)
    _apply_by_column_pairs(A, [up[:, k] for k in range(len(products))], list(done), room)
    return done


def _apply_by_row_pairs(matrix: Matrix, terms: Terms, out: Terms, room: Scratch) -> None:
    """Write matrix times terms into `out`. Two rows of opposite points share their even and odd halves."""
    kept, scratch = room("scratch", 2, *out[0].shape)
    for i in (0, len(matrix) - 1):
        _sum(matrix[i], terms, out[i], scratch)
    for i in range(1, len(matrix) - 1, 2):
        even = _sum(matrix[i][::2], terms[::2], kept, scratch)
        odd = _sum(matrix[i][1::2], terms[1::2], out[i + 1], scratch)
        room.xp.add(even, odd, out=out[i])
        room.xp.subtract(even, odd, out=out[i + 1])


def _apply_by_column_pairs(matrix: Matrix, terms: Terms, out: Terms, room: Scratch) -> None:
    """Write matrix times terms into `out`. Two columns of opposite points differ in sign, in odd rows."""
    pairs = range(1, len(terms) - 1, 2)
    *kept, scratch = room("scratch", len(pairs) + 1, *out[0].shape)
    for parity, combine in enumerate((room.xp.add, room.xp.subtract)):
        joined = [combine(terms[i], terms[i + 1], out=here) for i, here in zip(pairs, kept, strict=True)]
        for row, target in zip(matrix[parity::2], out[parity::2], strict=True):
            _sum([row[0], *row[1:-1:2], row[-1]], [terms[0], *joined, terms[-1]], target, scratch)


def _sum(factors: Sequence[float], terms: Terms, out: Array, scratch: Array) -> Array:
    """Return sum factors[k] * terms[k], in `out`, or as the term itself if it is the only one with factor 1."""
    xp = array_module(out)
    first, *rest = sorted((k for k, factor in enumerate(factors) if factor), key=lambda k: factors[k] != 1)
    total = terms[first]
    if factors[first] != 1:
        total = xp.multiply(total, out.dtype.type(factors[first]), out=out)
    for k in rest:
        size = abs(factors[k])
        term = terms[k] if size == 1 else xp.multiply(terms[k], out.dtype.type(size), out=scratch)
        total = (xp.add if factors[k] > 0 else xp.subtract)(total, term, out=out)
    return total
