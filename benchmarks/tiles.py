"""Convolutions of 3 x 3 filters by direct sums and by Winograd's tiles: times, and errors against float64."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from benchmarks.rows import markdown
from benchmarks.timing import Times, side_by_side
from refvis.layers import Conv, winograd
from refvis.layers.base.border import padded
from refvis.layers.fast.conv import forward
from refvis.layers.fast.winograd import error_bound

SIZES = ((224, 64, 64), (112, 128, 128), (56, 256, 256), (28, 512, 512), (14, 512, 512))
"""Side of the image, and channels in and out, as in VGG-16."""
TILES = (0, 2, 4)


@dataclass(frozen=True)
class Tiled:
    """One size: for each side of a tile (0: direct sums) the times, the largest error, and its bound (direct: None)."""

    size: tuple[int, int, int]
    times: dict[int, Times]
    errors: dict[int, float]
    bounds: dict[int, float | None]


def measure(rounds: int, quick: bool) -> list[Tiled]:
    """Return one entry for each size; errors are shares of the largest output."""
    return [_one(size, rounds) for size in (SIZES[2:] if quick else SIZES)]


def _one(size: tuple[int, int, int], rounds: int) -> Tiled:
    side, depth, count = size
    random = np.random.default_rng(0)
    x = np.maximum(random.standard_normal((1, side, side, depth), "float32"), 0)
    layer = Conv(random.standard_normal((count, 3, 3, depth), "float32") / np.float32((4.5 * depth) ** 0.5), pad=1)
    functions: dict[int, Callable[[], np.ndarray]] = {m: partial(_forward, m, layer, x) for m in TILES}
    exact = forward(layer, x.astype("float64"))
    scale = np.abs(exact).max()
    errors = {m: float(np.abs(function() - exact).max() / scale) for m, function in functions.items()}
    wide = padded(x[:, :16, :16], layer.pad)
    bounds = {m: float(error_bound(wide, layer.filters[:8], m).max() / scale) if m else None for m in TILES}
    times = side_by_side({str(m): function for m, function in functions.items()}, rounds)
    return Tiled(size, {m: times[str(m)] for m in TILES}, errors, bounds)


def _forward(outputs: int, layer: Conv, x: np.ndarray) -> np.ndarray:
    with winograd(outputs):
        y: np.ndarray = forward(layer, x)
        return y


def table(sizes: list[Tiled]) -> str:
    """Return the sizes as a Markdown table."""
    head = [
        "",
        "direct, ms",
        "F(2×2), ms",
        "F(4×4), ms",
        "error: direct",
        "F(2×2)",
        "F(4×4)",
        "bound: F(2×2)",
        "F(4×4)",
    ]
    return markdown(head, [_cells(one) for one in sizes])


def _cells(one: Tiled) -> list[str]:
    side, depth, count = one.size
    times = [f"{1e3 * one.times[m].median:.1f}" for m in TILES]
    bounds = [f"{bound:.0e}" for bound in one.bounds.values() if bound is not None]
    return [f"{side} × {side} × {depth} to {count}", *times, *(f"{one.errors[m]:.1e}" for m in TILES), *bounds]
