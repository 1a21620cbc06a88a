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
    """Return the mean level under the masks that show a pixel, N x H x W x 1, for each target of x (N x H x W x C).

    Targets as in `deconvolution`; of a map, the mean over its positions is watched. `output` is its "probability"
    (softmax over channels) or the "score" itself (None: the probability, or the score where `at` is given). What a mask
    hides becomes `fill`: one of `fills`. The sums are
    divided by keep * masks ("expected", as in the paper), or by each pixel's own sum of masks ("sampled"), which takes
    away the noise that a constant part of the level brings in. `cells` of the grid are an int or (y, x). All images see
    the same masks, `batch` at once (None: as many as fit into the memory); `progress` shows a bar, on a terminal.

    `measures` has "mean", the mean level over all masks, which is what a pixel without influence has, and "agreement",
    the correlation of the maps of the even and of the odd masks. Ctrl-C ends it early, with a warning and a note in the
    record. Raises ValueError for what does not exist, and for NaN.
    """
    drawn = RandomMasks(masks, pair(cells, "cells"), keep, seed)
    if normalise not in NORMALISATIONS:
        raise ValueError(f"normalise is {normalise!r}, expected one of {', '.join(map(repr, NORMALISATIONS))}")
    selection = Selection(at, channel, position, against, output)
    seen, traces = zip(*(objective_of(net, image, selection) for image in x[:, None]), strict=True)
    fills = [replacement_pyramids(fill, image, net.normalization.get("averageImage"), seed) for image in x[:, None]]
    at_once = min(batch_size(one.goal, trace, batch) for one, trace in zip(seen, traces, strict=True))
    sums = _sum_masks(seen, fills, drawn, x, at_once, progress)
    values = sums.maps(normalise, keep).astype(x.dtype)[..., None]
    choices = {**seen[0].choices(), "normalise": normalise, "fill": describe(fill)}
    if sums.done < masks:
        choices["partial"] = f"{sums.done} of {masks} masks"
    made = record("rise", net, x, **choices, masks=sums.done, cells=str(drawn.cells), keep=keep, seed=seed)
    return Heatmap(values, True, made, background(net, x, values), sums.measures(normalise, keep))


def _sum_masks(
    seen: Sequence[MaskObjective], fills: Sequence[Pyramids], drawn: RandomMasks, x: Array, at_once: int, progress: bool
) -> MaskSums:
    """Return the sums over all masks, or over those that were done when it was interrupted."""
    sums = MaskSums.empty(sum(one.units for one in seen), x)
    try:
        with tqdm(total=drawn.count, desc="rise", unit="mask", disable=None if progress else True) as bar:
            while sums.done < drawn.count:
                numbers = range(sums.done, min(sums.done + at_once, drawn.count))
                m = drawn.draw(numbers, x)
                sums = sums.plus(_levels(seen, fills, numbers, m), m)
                bar.update(len(numbers))
    except KeyboardInterrupt:
        if not sums.done:
            raise
        warn_interrupted("rise", f"{sums.done} of {drawn.count} masks")
    return sums


def _levels(seen: Sequence[MaskObjective], fills: Sequence[Pyramids], numbers: range, m: Array) -> Array:
    """Return the levels of all images' units under the masks m (B x H x W x 1) of those numbers: B x rows."""
    xp, found = array_module(m), []
    for one, fill in zip(seen, fills, strict=True):
        images = [blend(fill(number), m[i : i + 1]) for i, number in enumerate(numbers)]
        found.append(one.levels(xp.concatenate(images)))
    return xp.concatenate(found, axis=1)
