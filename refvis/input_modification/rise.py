"""RISE (Petsiuk, Das & Saenko 2018): the level of a score, averaged over the random masks that show a pixel.

S(u) = E[ f(x under M) | M shows u ]  ~  1 / (n E[M(u)]) * sum_i f(x under M_i) M_i(u),    E[M(u)] = keep
"""

from collections.abc import Sequence
from typing import Any

from tqdm import tqdm

from refvis.backpropagation.sampling import batch_size
from refvis.input_modification.boxes.fills import describe
from refvis.input_modification.masks.mask_objective import MaskObjective, objective_of
from refvis.input_modification.masks.mask_sums import NORMALISATIONS, MaskSums
from refvis.input_modification.masks.masks import Pyramids, blend, replacement_pyramids
from refvis.input_modification.masks.random_masks import RandomMasks
from refvis.interruptions import warn_interrupted
from refvis.layers import Array, array_module
from refvis.layers.base.geometry import Pair, pair
from refvis.network import Network
from refvis.results import Heatmap, background, record
from refvis.targets import merge_choices
from refvis.units import Against, Channel, Selection


def rise(
    net: Network,
    x: Array,
    masks: int = 4000,
    cells: Pair = 7,
    keep: float = 0.5,
    fill: Any = "mean",
    output: str | None = None,
    normalise: str = "centred",
    at: str | None = None,
    channel: Channel = None,
    *,
    seed: int = 0,
    batch: int | None = None,
    position: tuple[int, int] | None = None,
    against: Against = None,
    progress: bool = False,
) -> Heatmap:
    """Return the mean level of a score under the random masks that show a pixel (RISE; Petsiuk, Das & Saenko 2018).

    For n masks M_i with values in [0, 1], of mean `keep`, it is

        S(u) = sum_i f(x under M_i) M_i(u) / (keep n)

    Parameters:

        net        the network
        x          images, N x H x W x C, float32 or float64; all images get the same masks
        masks      number of masks, n
        cells      cells of the masks' grid, an int or (y, x)
        keep       probability that a cell shows the image, above 0, at most 1
        fill       replaces the hidden part: a fill of `occlusion`
        output     "probability" (softmax over channels) or "score". Default: the probability, or the score if `at`
                   is given
        normalise  "expected": divide the sum by keep n, as in the paper. "sampled": divide by each pixel's own sum of
                   masks, which removes the noise that a constant part of the level adds. "centred": "sampled", less
                   the mean level over all masks
        at         layer or variable to explain. Default: the scores before softmax
        channel    a channel (number from 0, or name of a class), a sequence of channels, or "all" (the whole layer;
                   with output="score"). Default: the strongest of each image
        seed       seed of the masks and of random fills
        batch      masks computed at once. Default: as many as fit into the memory
        position   one position (y, x) of the target's map. Default: the mean over all
        against    a channel whose map is subtracted, or one for each channel. Default: none
        progress   show a bar, on a terminal

    Returns a signed Heatmap with values N x H x W x 1, a row for each image and channel. Its `measures` are "mean", the
    mean level over all masks, and "agreement", the correlation of the even masks' map with the odd masks' map. Ctrl-C
    ends the run early with a warning: the map is then that of the masks that are done, and the record has "partial".
    Raises ValueError for a target that does not exist, for NaN, and for other values than above; ShapeError for more
    cells than pixels.

    Example:

    >>> import refvis
    >>> from refvis.scenes import scene
    >>> net = refvis.load("scenes")
    >>> heatmap = refvis.rise(net, net.preprocess(scene(7).image), masks=200)
    >>> heatmap.map.shape, sorted(heatmap.measures)
    ((64, 64), ['agreement', 'mean'])
    """
    random_masks = RandomMasks(masks, pair(cells, "cells"), keep, seed)
    if normalise not in NORMALISATIONS:
        raise ValueError(f"normalise is {normalise!r}, expected one of {', '.join(map(repr, NORMALISATIONS))}")
    selection = Selection(at, channel, position, against, output)
    objectives, traces = zip(*(objective_of(net, image, selection) for image in x[:, None]), strict=True)
    preparation = net.preparation
    pyramids = [replacement_pyramids(fill, image, preparation, seed) for image in x[:, None]]
    at_once = min(batch_size(one.goal, trace, batch) for one, trace in zip(objectives, traces, strict=True))
    sums = _sum_masks(objectives, pyramids, random_masks, x, at_once, progress)
    values = sums.maps(normalise, keep).astype(x.dtype)[..., None]
    choices = {**merge_choices([one.choices() for one in objectives]), "normalise": normalise, "fill": describe(fill)}
    if sums.done < masks:
        choices["partial"] = f"{sums.done} of {masks} masks"
    grid = {"masks": sums.done, "cells": str(random_masks.cells), "keep": keep, "seed": seed}
    run_record = record("rise", net, x, **choices, **grid)
    return Heatmap(values, True, run_record, background(net, x, values), sums.measures(normalise, keep))


def _sum_masks(
    objectives: Sequence[MaskObjective],
    pyramids: Sequence[Pyramids],
    random_masks: RandomMasks,
    x: Array,
    at_once: int,
    progress: bool,
) -> MaskSums:
    """Return the sums over all masks; after an interruption, over those that are done."""
    sums, count = MaskSums.empty(sum(objective.units for objective in objectives), x), random_masks.count
    try:
        with tqdm(total=count, desc="rise", unit="mask", disable=None if progress else True) as bar:
            while sums.done < count:
                numbers = range(sums.done, min(sums.done + at_once, count))
                m = random_masks.draw(numbers, x)
                sums = sums.plus(_levels(objectives, pyramids, numbers, m), m)
                bar.update(len(numbers))
    except KeyboardInterrupt:
        if not sums.done:
            raise
        warn_interrupted("rise", f"{sums.done} of {count} masks")
    return sums


def _levels(objectives: Sequence[MaskObjective], pyramids: Sequence[Pyramids], numbers: range, m: Array) -> Array:
    """Return the levels of all images' units under the masks m (B x H x W x 1) of those numbers: B x rows."""
    xp, levels = array_module(m), []
    for objective, pyramid in zip(objectives, pyramids, strict=True):
        images = [blend(pyramid(number), m[i : i + 1]) for i, number in enumerate(numbers)]
        levels.append(objective.levels(xp.concatenate(images)))
    return xp.concatenate(levels, axis=1)
