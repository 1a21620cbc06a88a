"""Occlusion (Zeiler & Fergus 2014, section 4.2): the fall of a score while a box covers part of the image."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from refvis.input_modification.boxes.effects import Effects, Passes, collect_effects
from refvis.input_modification.boxes.fills import box_contents, describe, find_fill
from refvis.input_modification.boxes.grid import boxes, coverage, mean_over_boxes
from refvis.input_modification.boxes.measures import UNSIGNED, find_measure
from refvis.layers import Array, ShapeError
from refvis.layers.base.geometry import Pair, integers, pair
from refvis.layers.base.limits import MEMORY
from refvis.layers.incremental.full_passes import MOST
from refvis.layers.incremental.rectangles import Rectangle
from refvis.network import Network
from refvis.results import Heatmap, background, record
from refvis.targets import target
from refvis.units import Against, Channel, Selection

Spec = tuple[tuple[int, int], tuple[int, int]]

SIZE, STRIDE = 32, 16
"""Default size of the box and default stride, in pixels."""


def occlusion(
    net: Network,
    x: Array,
    size: Pair | None = None,
    stride: Pair | None = None,
    fill: Any = "mean",
    at: str | None = None,
    channel: Channel = None,
    seed: int = 0,
    progress: bool = False,
    *,
    specs: Sequence[tuple[Pair, Pair]] | None = None,
    measure: Any = "difference",
    draws: int = 1,
    position: tuple[int, int] | None = None,
    against: Against = None,
    incremental: bool = True,
    memory: int = MEMORY,
    batch: int = MOST,
) -> Heatmap:
    """Return how much a score falls when a box covers a place of the image (Zeiler & Fergus 2014).

    A box B slides over the image. With y the mean of the target's map, pixel u has the mean over the boxes that
    covered it,

        h(u) = mean over B with u in B of  y(x) - y(x with B replaced)

    Positive: the pixel speaks for the target. Negative: against it.

    Parameters:

        net          the network
        x            one image, 1 x H x W x C, float32 or float64
        size         height and width of the box in pixels, an int or (y, x). Default: 32
        stride       distance between boxes in pixels, an int or (y, x). Default: 16
        fill         content of the box: "mean", "gray", "random", "normal", "blur", "shuffle", a number, a number per
                     channel, another input, or a function of image, box and random generator
        at           layer or variable to explain. Default: the scores before softmax
        channel      a channel (number from 0, or name of a class), a sequence of channels, or "all" (the whole layer).
                     Default: the strongest
        seed         seed of random fills
        progress     show a bar, on a terminal
        specs        several pairs (size, stride) instead of `size` and `stride`; the result is the mean of their maps
        measure      "difference" (signed, in the target's units), "absolute"; "euclidean" or "spectral", norms of the
                     map's change; or a function of the map (H x W x K) and the changed maps (B x H x W x K)
        draws        number of fills drawn for each box; the box has the mean of their effects
        position     one position (y, x) of the target's map. Default: the mean over all
        against      a channel whose map is subtracted, or one for each channel. Default: none
        incremental  recompute only what a box can change; the values are the same up to rounding
        memory       bytes for the boxes computed at once, about. Default: 512 MiB
        batch        most boxes computed at once. Default: 64

    Returns a Heatmap with values units x H x W x 1, a row for each channel. Ctrl-C ends the run early with a warning:
    the map is then that of the boxes that are done, `covered` marks the pixels that have a value, and the record has
    "partial".
    Raises ShapeError for a box larger than the image and for more than one image; ValueError for a target, fill or
    measure that does not exist, for other values than above, and for NaN.

    Example:

    >>> import refvis
    >>> from refvis.scenes import scene
    >>> net = refvis.load("scenes")
    >>> heatmap = refvis.occlusion(net, net.preprocess(scene(7).image), size=16, stride=8)
    >>> heatmap.map.shape, heatmap.signed
    ((64, 64), True)
    """
    if len(x) != 1:
        raise ShapeError(f"occlusion takes one image, found {len(x)}: give x[i:i+1]")
    pairs, measuring, passes = _check(size, stride, specs), find_measure(measure), Passes(incremental, memory, batch)
    (draws,) = integers(draws, "draws", (1,), 1)
    goal, trace = target(net, x, Selection(at, channel, position, against))
    grids = [boxes(x.shape[1:3], *one) for one in pairs]
    places = [place for grid in grids for place in grid]
    drawn = [place for place in places for _ in range(draws)]
    content = box_contents(find_fill(fill, x, net.preparation), x, places, draws, seed)
    outputs, known = passes.run(goal, trace, drawn, content), trace[goal.variable]
    each = collect_effects(goal, known, outputs, len(drawn), measuring, "occlusion", progress)
    effects = each.mean_over_draws(draws)
    values = _mean_map(effects, grids, x.shape[1:3])
    run_record = record(
        "occlusion",
        net,
        size=", ".join(str(size) for size, _ in pairs),
        stride=", ".join(str(stride) for _, stride in pairs),
        fill=describe(fill),
        **goal.choices(1),
        measure=describe(measure),
        draws=draws,
        seed=seed,
        computed=passes.describe(goal, trace, places),
        **each.partial,
    )
    covered = _common_coverage(effects, grids, x.shape[1:3]) if each.partial else None
    return Heatmap(values, measuring not in UNSIGNED, run_record, background(net, x, values), covered=covered)


def _check(size: Pair | None, stride: Pair | None, specs: Sequence[tuple[Pair, Pair]] | None) -> list[Spec]:
    """Return pairs (size, stride), each (y, x); ShapeError for anything else, ValueError for both ways together."""
    if specs is None:
        specs = [(SIZE if size is None else size, STRIDE if stride is None else stride)]
    elif size is not None or stride is not None:
        raise ValueError("specs is given together with size or stride: give those two, or pairs (size, stride) only")
    if not specs:
        raise ShapeError("specs is empty, expected at least one pair (size, stride)")
    for one in specs:
        if not isinstance(one, Sequence) or len(one) != 2:
            raise ShapeError(f"specs holds {one!r}, expected pairs (size, stride)")
    return [(pair(size, "box size"), pair(stride, "box stride")) for size, stride in specs]


def _mean_map(effects: Effects, grids: list[list[Rectangle]], extent: tuple[int, int]) -> Array:
    """Return the mean of the grids' maps, units x H x W x 1."""
    maps = (
        mean_over_boxes(effects.values[:, part], effects.done[part], grid, extent) for part, grid in _grid_slices(grids)
    )
    return sum(maps) / len(grids)


def _common_coverage(effects: Effects, grids: list[list[Rectangle]], extent: tuple[int, int]) -> Array:
    """Return the pixels that a box of each grid that is done covered, H x W bool."""
    return np.all([coverage(effects.done[part], grid, extent) for part, grid in _grid_slices(grids)], axis=0)


def _grid_slices(grids: list[list[Rectangle]]) -> Iterator[tuple[slice, list[Rectangle]]]:
    """Yield each grid with its slice of all boxes."""
    first = 0
    for grid in grids:
        yield slice(first, first + len(grid)), grid
        first += len(grid)
