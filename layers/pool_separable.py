"""Maximum pooling, fast: the largest of each column of a window, then the largest of these.

A maximum over a rectangle is one over its rows and one over its columns: size_y - 1 + size_x - 1 comparisons instead of
size_y * size_x - 1, the first of them along whole rows of memory. It is the same value, bit for bit.
"""

from refvis.layers import pool
from refvis.layers.arrays import Array, array_module
from refvis.layers.border import padded
from refvis.layers.exactness import twin_of
from refvis.layers.geometry import tap
from refvis.layers.memory import empty
from refvis.layers.pool import Pool, output_shape
from refvis.layers.threads import in_pieces


@twin_of(pool.forward)
def forward(layer: Pool, x: Array) -> Array:
    """Return what ``pool.forward`` returns."""
    if layer.method != "max":
        return pool.forward(layer, x)
    (size_y, size_x), (sy, sx) = layer.size, layer.stride  # type: ignore[misc]
    _, height, width, _ = output_shape(layer, x.shape)
    wide = padded(x, layer.pad, -array_module(x).inf)
    columns = _largest([wide[:, tap(u, 1, sy, height)] for u in range(size_y)])
    return _largest([columns[:, :, tap(v, 1, sx, width)] for v in range(size_x)])


def _largest(parts: list[Array]) -> Array:
    """Return the largest of equally shaped arrays, value by value, in an array of its own."""
    maximum, found = array_module(parts[0]).maximum, empty(parts[0].shape, parts[0])

    def largest(out: Array, first: Array, *rest: Array) -> None:
        if not rest:
            out[...] = first
        for part in rest:
            first = maximum(first, part, out=out)

    in_pieces(largest, found, *parts)
    return found
