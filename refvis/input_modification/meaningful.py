"""Meaningful perturbation (Fong & Vedaldi 2017): the smallest smooth region without which the score falls.

It minimises over a grid of heat z in [0, 1]

    -reward(heat)  +  area_weight * mean z  +  tv_weight * mean |grad z|^beta,    heat = blur(enlarge(z))

The reward is that of a game (see `games`). For "delete" it is minus the level of the image with the hot part replaced.
"""

from collections.abc import Iterator
from typing import Any

from refvis.input_modification.boxes.blur import gaussian
from refvis.input_modification.masks.mask_objective import MaskObjective
from refvis.input_modification.masks.masks import Pyramids, along_axes
from refvis.input_modification.masks.search import MaskRun, MaskSearch, clip_mask, search_masks
from refvis.layers import Array, Trace, array_module
from refvis.layers.base.geometry import Pair, pair
from refvis.network import Network
from refvis.optimisation.minimise import Loop, minimised
from refvis.optimisation.optimisers import Adam, Optimiser
from refvis.optimisation.regularisers import total_variation
from refvis.results import Heatmap
from refvis.results.upsampling import bilinear_weights
from refvis.units import Against, Channel, Selection

SMOOTH, JITTER = 5 / 224, 4 / 224
"""Blur of the mask and shift of the image as shares of the shorter side: 5 and 4 pixels of 224 in the paper."""


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
    """Return the smallest smooth region without which a score falls (Fong & Vedaldi 2017).

    It minimises over a grid z in [0, 1], with f(m) the level of the image under mask m,

        -reward(h) + area_weight * mean z + tv_weight * mean |grad z|^beta,    h = blur(enlarge(z))

    Parameters:

        net          the network
        x            images, N x H x W x C, float32 or float64
        game         "delete": the heat h is what is replaced, reward -f(1 - h); "preserve": h is what is kept, reward
                     f(h); "dual": both, reward f(h) - f(1 - h)
        fill         the replacement: a fill of `occlusion`
        output       "probability" (softmax over channels) or "score". Default: the probability, or the score if `at`
                     is given
        at           layer or variable to explain. Default: the scores before softmax
        channel      a channel (number from 0, or name of a class), a sequence of channels, or "all" (the whole layer;
                     with output="score"). Default: the strongest of each image
        cells        cells of the grid z, an int or (y, x)
        area_weight  weight of the mean of z
        tv_weight    weight of the total variation
        beta         exponent of the total variation
        smooth       standard deviation of the mask's blur in pixels. Default: 5/224 of the shorter side
        jitter       at each step the image is shifted by up to so many pixels. Default: 4/224 of the shorter side
        steps        most steps of Adam; the first z is 1 everywhere
        rate         Adam's step size at the beginning; it falls along half a cosine
        patience     end after so many steps without improvement. Default: never
        seed         seed of the shifts and of random fills
        position     one position (y, x) of the target's map. Default: the mean over all
        against      a channel whose map is subtracted, or one for each channel. Default: none
        progress     show a bar, on a terminal

    Returns an unsigned Heatmap with values N x H x W x 1 in 0 ... 1, a row for each image and channel. Its `history`
    has the terms "score" (minus the reward), "area" and "tv" of each step. Its `measures` are the levels of the
    "image", of the image "changed" by the mask and of the image "replaced" everywhere, and "area", the mean of the
    heat. Ctrl-C ends the search early with a warning: the result is the current mask, and the record has "partial".
    Raises ValueError for a target, game or fill that does not exist, and for NaN.

    Example:

    >>> import refvis
    >>> from refvis.scenes import scene
    >>> net = refvis.load("scenes")
    >>> heatmap = refvis.meaningful_perturbation(net, net.preprocess(scene(7).image), steps=5)
    >>> heatmap.map.shape, sorted(heatmap.history)
    ((64, 64), ['area', 'score', 'tv'])
    """
    side, grid = min(x.shape[1:3]), pair(cells, "cells")
    blur = SMOOTH * side if smooth is None else smooth
    loop: Loop[Optimiser] = Loop(steps, Adam(rate), (clip_mask,), patience, None, progress, "meaningful_perturbation")
    search = MaskSearch(game, fill, 2, round(JITTER * side) if jitter is None else jitter, seed, loop)
    xp = array_module(x)
    down, across = (
        (gaussian(xp, pixels, blur) @ bilinear_weights(xp, count, pixels)).astype(x.dtype)
        for pixels, count in zip(x.shape[1:3], grid, strict=True)
    )

    def runs(objective: MaskObjective, pyramids: Pyramids, trace: Trace) -> Iterator[MaskRun]:
        def function(z: Array, step: int) -> tuple[dict[str, Array], Array]:
            reward, reward_slope = search.reward(objective, pyramids, along_axes(z, down, across), step)
            variation, variation_slope = total_variation(z, beta, 1.0)
            terms = {"score": -reward, "area": area_weight * z.mean(axis=(1, 2, 3)), "tv": tv_weight * variation}
            penalty_slope = area_weight / z[0].size + tv_weight * variation_slope
            return terms, penalty_slope - along_axes(reward_slope, down.T, across.T)

        state, ended = minimised(function, xp.ones((1, *grid, 1), x.dtype), loop)
        yield MaskRun(along_axes(state.z, down, across), state, ended)

    options = {"area_weight": area_weight, "tv_weight": tv_weight, "beta": beta, "smooth": blur, "rate": rate}
    selection = Selection(at, channel, position, against, output)
    return search_masks("meaningful_perturbation", net, x, selection, search, runs, {"cells": str(grid), **options})
