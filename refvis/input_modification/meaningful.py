"""Meaningful perturbation (Fong & Vedaldi 2017): the smallest smooth region without which the score falls.

It minimises over a grid of heat z in [0, 1]

    -reward(heat)  +  area_weight * mean z  +  tv_weight * mean |grad z|^beta,    heat = blur(enlarge(z))

where the reward is that of a game (see `games`): for "delete", minus the level of the image with the hot part replaced.
"""

from collections.abc import Iterator
from typing import Any

from refvis.input_modification.boxes.blur import gaussian
from refvis.input_modification.masks.mask_objective import MaskObjective
from refvis.input_modification.masks.masks import Pyramids, along_axes
from refvis.input_modification.masks.search import MaskRun, MaskSearch, clip_mask, search_masks
from refvis.optimisation.regularisers import total_variation
from refvis.layers import Array, Trace, array_module
from refvis.layers.base.geometry import Pair, pair
from refvis.network import Network
from refvis.optimisation.minimise import Loop, minimised
from refvis.optimisation.optimisers import Adam, Optimiser
from refvis.results import Heatmap
from refvis.results.upsampling import bilinear_weights
from refvis.units import Against, Channel, Selection

SMOOTH, JITTER = 5 / 224, 4 / 224
"""Blur of the mask and movement of the image as shares of the shorter side: 5 and 4 pixels of 224 in the paper."""


def meaningful_perturbation(
    net: Network,
    x: Array,
    game: str = "delete",
    fill: Any = "blur",
    output: str | None = None,
    at: str | None = None,
    channel: Channel = None,
    *,
    cells: Pair = 28,
    area_weight: float = 0.3,
    tv_weight: float = 8.0,
    beta: float = 3.0,
    smooth: float | None = None,
    jitter: int | None = None,
    steps: int = 300,
    rate: float = 0.1,
    patience: int | None = None,
    seed: int = 0,
    position: tuple[int, int] | None = None,
    against: Against = None,
    progress: bool = False,
) -> Heatmap:
    """Return how much of each pixel is to be replaced for the level to fall, N x H x W x 1, values 0 ... 1.

    Targets as in `deconvolution`, level and `output` as in `rise`; `fill` is one of `fills`. `game` is "delete",
    "preserve" (heat is what is kept, and the level is to stay) or "dual" (both). The grid has `cells` (an int or
    (y, x)), is enlarged bilinearly and blurred by `smooth` pixels; at each step the image moves by up to `jitter`
    pixels (None: as in the paper, relative to the image's size). The weights are of means over the grid. At most
    `steps` of Adam at `rate`, which falls along half a cosine, begin with all of the image in the region; `patience`
    steps without gain end them. `history` has the terms "score" (minus the reward), "area" and "tv" of each step,
    `measures` the levels before and after, see `searched`. Ctrl-C warns, and returns what was found so far, with a
    note in the record. Raises ValueError for what does not exist, and for NaN.
    """
    side, grid = min(x.shape[1:3]), pair(cells, "cells")
    blur = SMOOTH * side if smooth is None else smooth
    loop: Loop[Optimiser] = Loop(steps, Adam(rate), (clipped,), patience, None, progress, "meaningful_perturbation")
    search = MaskSearch(game, fill, 2, round(JITTER * side) if jitter is None else jitter, seed, loop)
    xp = array_module(x)
    down, across = (
        (gaussian(xp, pixels, blur) @ bilinear_weights(xp, count, pixels)).astype(x.dtype)
        for pixels, count in zip(x.shape[1:3], grid, strict=True)
    )

    def runs(seen: MaskObjective, fills: Pyramids, trace: Trace) -> Iterator[MaskRun]:
        def function(z: Array, number: int) -> tuple[dict[str, Array], Array]:
            reward, pull = search.reward(seen, fills, along_axes(z, down, across), number)
            rough, flat = total_variation(z, beta, 1.0)
            terms = {"score": -reward, "area": area_weight * z.mean(axis=(1, 2, 3)), "tv": tv_weight * rough}
            push = area_weight / z[0].size + tv_weight * flat
            return terms, push - along_axes(pull, down.T, across.T)

        state, ended = minimised(function, xp.ones((1, *grid, 1), x.dtype), loop)
        yield along_axes(state.z, down, across), state, ended

    options = {"area_weight": area_weight, "tv_weight": tv_weight, "beta": beta, "smooth": blur, "rate": rate}
    selection = Selection(at, channel, position, against, output)
    return search_masks("meaningful_perturbation", net, x, selection, search, runs, {"cells": str(grid), **options})
