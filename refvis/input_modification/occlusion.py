"""Occlusion (Zeiler & Fergus 2014, section 4.2): a box slides over the image, and one score is watched."""

from typing import Any

from tqdm import tqdm

from refvis.input_modification.boxes import Box, boxes, filler
from refvis.layers import Array, ShapeError, array_module
from refvis.layers.geometry import Pair, pair
from refvis.network import Network
from refvis.results import Heatmap, record
from refvis.targets import Target, target

BATCH_BYTES = 64 << 20
"""Occluded inputs that are computed at once take at most this much memory."""


def occlusion(
    net: Network,
    x: Array,
    size: Pair = 32,
    stride: Pair = 16,
    fill: Any = "mean",
    at: str | None = None,
    channel: int | None = None,
    seed: int = 0,
    progress: bool = False,
) -> Heatmap:
    """Return how much the target falls when a box covers each place: positive where the image speaks for the target.

    The box of `size` pixels slides over x (1 x H x W x C) in steps of `stride`, both an int or (y, x); `fill` is "mean"
    (the average image), "random" (noise, from `seed`), a number, or one per channel, in the network's input values.
    `at` and `channel` choose the target as in `deconvolution`; of a map, the mean over its positions is watched. The
    value of a pixel is the mean fall over the boxes that covered it (1 x H x W x 1, in the target's units).
    `progress` shows a bar, on a terminal.
    Raises ShapeError for a box larger than the image, or more than one image.
    """
    if len(x) != 1:
        raise ShapeError(f"occlusion takes one image, found {len(x)}: give x[i:i+1]")
    size, stride = pair(size, "box size"), pair(stride, "box stride")
    goal, trace = target(net, x, at, channel)
    places = boxes(x.shape[1:3], size, stride)
    falls = _level(goal, trace[goal.variable]) - _levels(goal, x, places, filler(fill, x, seed), progress)
    made = record(
        "occlusion",
        net,
        size=str(size),
        stride=str(stride),
        fill=str(fill),
        at=goal.variable,
        channel=goal.channels[0],
        seed=seed,
    )
    return Heatmap(_spread(x, places, falls), True, made, net.restore(x))


def _level(goal: Target, values: Array) -> Array:
    """Return the mean of the target's map for each image."""
    return goal.chosen(values).mean(axis=(1, 2))


def _levels(goal: Target, x: Array, places: list[Box], fill: Any, progress: bool) -> Array:
    """Return the target's level for each box, computed in batches."""
    xp = array_module(x)
    count = max(1, BATCH_BYTES // x.nbytes)
    found = []
    with tqdm(total=len(places), desc="occlusion", unit="box", disable=None if progress else True) as bar:
        for first in range(0, len(places), count):
            part = places[first : first + count]
            covered = x.repeat(len(part), axis=0)
            for i, (rows, columns) in enumerate(part):
                covered[i, rows, columns] = fill(first + i, (rows.stop - rows.start, columns.stop - columns.start))
            batch = Target(goal.net, goal.variable, goal.channels * len(part))
            found.append(_level(batch, goal.net.forward(covered)[goal.variable]))
            bar.update(len(part))
    return xp.concatenate(found)


def _spread(x: Array, places: list[Box], falls: Array) -> Array:
    """Return for each pixel the mean fall over the boxes that covered it, 0 where none did (1 x H x W x 1)."""
    xp = array_module(x)
    total = xp.zeros((*x.shape[:3], 1), x.dtype)
    count = xp.zeros((*x.shape[:3], 1), x.dtype)
    for (rows, columns), fall in zip(places, falls, strict=True):
        total[:, rows, columns] += fall
        count[:, rows, columns] += 1
    return total / xp.maximum(count, 1)
