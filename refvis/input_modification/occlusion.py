"""Occlusion (Zeiler & Fergus 2014, section 4.2): a box slides over the image, and what changes is watched."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from refvis.input_modification.boxes.effects import Effects, Passes, collect_effects
from refvis.input_modification.boxes.fills import find_fill, box_contents, describe
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
"""The box and its steps in pixels, unless they are given."""


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
    """Return how much the target falls when a box covers each place: positive where the image speaks for the target.

    The box of `size` pixels (None: 32) slides over x (1 x H x W x C) in steps of `stride` (None: 16), both an int or
    (y, x). The value of a pixel is the mean over the boxes that covered it; of several `specs`, pairs (size, stride) in
    place of these two, the mean of their maps.
    `fill` is a name ("mean", "gray", "random", "normal", "blur", "shuffle"), a colour, an image, or a function: see
    `fills`. Random ones come from `seed`; of several `draws`, each box has their mean. Targets as in `deconvolution`: a
    row of `values` (units x H x W x 1) for each unit. `measure` is "difference" (of the mean over positions, signed, in
    the target's units), "absolute", "euclidean" or "spectral" (norms of the map's change), or a function: `measures`.

    `incremental` recomputes only what a box can reach, to the same values but for rounding; at most `batch` boxes run
    at once, in about `memory` bytes. `progress` shows a bar, on a terminal. Ctrl-C ends it early: with a warning, and
    "partial" in the record, the map is that of the boxes that are done, and `covered` says which pixels have a value.
    Raises ShapeError for a box larger than the image, or more than one image, ValueError for what does not exist.
    """
    if len(x) != 1:
        raise ShapeError(f"occlusion takes one image, found {len(x)}: give x[i:i+1]")
    sizes, measuring, passes = (
        _check(size, stride, specs),
        find_measure(measure),
        Passes(incremental, memory, batch),
    )
    (draws,) = integers(draws, "draws", (1,), 1)
    goal, trace = target(net, x, Selection(at, channel, position, against))
    grids = [boxes(x.shape[1:3], *one) for one in sizes]
    places = [place for grid in grids for place in grid]
    filled = [place for place in places for _ in range(draws)]
    content = box_contents(find_fill(fill, x, net.normalization.get("averageImage")), x, places, draws, seed)
    found = collect_effects(
        goal,
        trace[goal.variable],
        passes.run(goal, trace, filled, content),
        len(filled),
        measuring,
        "occlusion",
        progress,
    )
    effects = found.mean_over_draws(draws)
    values = _mean_map(effects, grids, x.shape[1:3])
    made = record(
        "occlusion",
        net,
        size=", ".join(str(size) for size, _ in sizes),
        stride=", ".join(str(stride) for _, stride in sizes),
        fill=describe(fill),
        **goal.choices(1),
        measure=describe(measure),
        draws=draws,
        seed=seed,
        computed=passes.words(goal, trace, places),
        **found.partial,
    )
    seen = _common_coverage(effects, grids, x.shape[1:3]) if found.partial else None
    return Heatmap(values, measuring not in UNSIGNED, made, background(net, x, values), covered=seen)


def _check(size: Pair | None, stride: Pair | None, specs: Sequence[tuple[Pair, Pair]] | None) -> list[Spec]:
    """Return box sizes and strides in full; ShapeError for what is no such pair, ValueError for both ways together."""
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
    maps = (mean_over_boxes(effects.values[:, part], effects.done[part], grid, extent) for part, grid in _grid_slices(grids))
    return sum(maps) / len(grids)


def _common_coverage(effects: Effects, grids: list[list[Rectangle]], extent: tuple[int, int]) -> Array:
    """Return which pixels a box of each grid covered that is done, H x W bool."""
    return np.all([coverage(effects.done[part], grid, extent) for part, grid in _grid_slices(grids)], axis=0)


def _grid_slices(grids: list[list[Rectangle]]) -> Iterator[tuple[slice, list[Rectangle]]]:
    """Yield each grid with its part of all boxes."""
    first = 0
    for grid in grids:
        yield slice(first, first + len(grid)), grid
        first += len(grid)
