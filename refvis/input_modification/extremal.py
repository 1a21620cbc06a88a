"""Extremal perturbation (Fong, Patrick & Vedaldi 2019): the smooth mask of a given area with the largest effect.

It minimises over parameters p in [0, 1] of a smooth mask m (see `smooth_max`)

    R(m)  -  reward(m) / (weight * scale),    scale = |f(image) - f(replaced image)|

with the reward of a game (see `games`) and the misfit R of the area (see `area`). The weight grows from step to step,
so the area decides at the end. The reward is in units of `scale`, so the same weights serve every unit.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from math import isclose
from typing import Any

from refvis.backpropagation.sampling import batch_size
from refvis.input_modification.masks.area import area_misfit
from refvis.input_modification.masks.mask_objective import MaskObjective
from refvis.input_modification.masks.masks import Pyramids
from refvis.input_modification.masks.search import MaskRun, MaskSearch, clip_mask, search_masks
from refvis.input_modification.masks.smooth_max import forward, gradient, smooth_max
from refvis.layers import Array, Trace, array_module
from refvis.network import Network
from refvis.optimisation.minimise import Loop, minimised
from refvis.optimisation.optimisers import Adam, Optimiser
from refvis.results import Heatmap
from refvis.units import Against, Channel, Selection

TEMPERATURE = 1 / 20
"""Temperature of the smooth maximum, as in TorchRay."""


def extremal_perturbation(
    net: Network,
    x: Array,
    area: float | Sequence[float] = 0.1,
    game: str = "preserve",
    fill: Any = "blur",
    output: str | None = "score",
    at: str | None = None,
    channel: Channel = None,
    *,
    cells: int = 32,
    sigma: float = 3.0,
    degrees: int = 8,
    weights: tuple[float, float] = (2.0, 300.0),
    jitter: int = 0,
    steps: int = 300,
    rate: float = 0.1,
    patience: int | None = None,
    seed: int = 0,
    batch: int | None = None,
    position: tuple[int, int] | None = None,
    against: Against = None,
    progress: bool = False,
) -> Heatmap:
    """Return the smooth masks of given areas with the largest effect on a score (Fong, Patrick & Vedaldi 2019).

    For each area it minimises over parameters p in [0, 1] of a smooth mask m, with f(m) the level of the image under m,

        R(m) - reward(m) / (weight * |f(image) - f(replaced image)|)

    R is the mean squared distance of the sorted mask from one that is 1 on the area and 0 elsewhere.

    Parameters:

        net       the network
        x         images, N x H x W x C, float32 or float64
        area      the mask's area as a share of the pixels, between 0 and 1, or a sequence of areas
        game      "preserve": the mask m is what is kept, reward f(m); "delete": m is what is replaced, reward
                  -f(1 - m); "dual": both, reward f(m) - f(1 - m)
        fill      the replacement: a fill of `occlusion`
        output    "score" or "probability" (softmax over channels); None: the probability, or the score if `at` is given
        at        layer or variable to explain. Default: the scores before softmax
        channel   a channel (number from 0, or name of a class), a sequence of channels, or "all" (the whole layer).
                  Default: the strongest of each image
        cells     parameters along the shorter side
        sigma     width of a parameter's bump in the mask, in cells
        degrees   levels of the pyramid between the blurred image and the image, for fill="blur"
        weights   weights of the area at the first and at the last step, above 0; they grow geometrically
        jitter    at each step the image is shifted by up to so many pixels
        steps     most steps of Adam; the first p is 1 everywhere
        rate      Adam's step size at the beginning; it falls along half a cosine
        patience  end after so many steps without improvement. Default: never
        seed      seed of the shifts and of random fills
        batch     areas computed at once. Default: as many as fit into the memory
        position  one position (y, x) of the target's map. Default: the mean over all
        against   a channel whose map is subtracted, or one for each channel. Default: none
        progress  show a bar, on a terminal

    Returns an unsigned Heatmap with values rows x H x W x 1 in 0 ... 1, a row for each image, channel and area. Its
    `history` has the terms "score" and "area" of each step. Its `measures` are the levels of the "image", of the image
    "changed" by the mask and of the image "replaced" everywhere, and "area", the mean of the mask. Ctrl-C ends the
    search early with a warning: the result is the current masks, and the record has "partial".
    Raises ValueError for a target, game or fill that does not exist, for other values than above, for NaN, and if
    the replacement does not change the level.

    Example:

    >>> import refvis
    >>> from refvis.scenes import scene
    >>> net = refvis.load("scenes")
    >>> heatmap = refvis.extremal_perturbation(net, net.preprocess(scene(7).image), (0.1, 0.3), cells=8, steps=5)
    >>> heatmap.values.shape, sorted(heatmap.history)
    ((2, 64, 64, 1), ['area', 'score'])
    """
    areas = _check(area, weights)
    if cells < 1 or not sigma > 0:
        raise ValueError(f"cells is {cells} and sigma {sigma}, expected cells of 1 or more, and a sigma above 0")
    loop: Loop[Optimiser] = Loop(steps, Adam(rate), (clip_mask,), patience, None, progress, "extremal_perturbation")
    search = MaskSearch(game, fill, degrees, jitter, seed, loop)
    cell = max(1.0, min(x.shape[1:3]) / cells)
    smooth, xp = smooth_max(x, cell, sigma * cell, TEMPERATURE), array_module(x)
    shape = smooth.rows.shape[1], smooth.columns.shape[1], 1

    def runs(objective: MaskObjective, pyramids: Pyramids, trace: Trace) -> Iterator[MaskRun]:
        scale, count = _scale(objective, pyramids(0)), batch_size(objective.goal, trace, batch)
        for part in (areas[first : first + count] for first in range(0, len(areas), count)):

            def function(p: Array, step: int, part: Sequence[float] = part) -> tuple[dict[str, Array], Array]:
                m = forward(smooth, p)
                reward, reward_slope = search.reward(objective, pyramids, m, step)
                misfit, misfit_slope = area_misfit(m, part)
                share = 1 / (scale * weights[0] * (weights[1] / weights[0]) ** ((step - 1) / max(steps, 1)))
                slope = gradient(smooth, misfit_slope - share * reward_slope, p)
                return {"score": -share * reward, "area": misfit}, slope

            state, ended = minimised(function, xp.ones((len(part), *shape), x.dtype), loop)
            yield MaskRun(forward(smooth, state.z), state, ended)

    options = {"wanted": str(areas), "cells": cells, "sigma": sigma, "weights": str(weights), "rate": rate}
    selection = Selection(at, channel, position, against, output)
    heatmap = search_masks("extremal_perturbation", net, x, selection, search, runs, options)
    units = tuple(f"{unit}, {share:.3g} of the area" for unit in heatmap.record.units for share in areas)
    return replace(heatmap, record=replace(heatmap.record, units=units))


def _scale(objective: MaskObjective, pyramid: Array) -> float:
    """Return the difference of the level between the image and its replacement; ValueError if there is none."""
    image, replaced = (float(level) for level in objective.levels_one_by_one(pyramid[[-1, 0]])[:, 0])
    if isclose(image, replaced, rel_tol=1e-6):
        raise ValueError(f"the level is {image:.3g} for the image and for its replacement: give another fill")
    return abs(image - replaced)


def _check(area: float | Sequence[float], weights: tuple[float, float]) -> tuple[float, ...]:
    """Return the areas; ValueError unless they lie between 0 and 1, and the weights above 0."""
    areas = tuple(float(one) for one in area) if isinstance(area, Sequence) else (float(area),)
    if not areas or not all(0 < one < 1 for one in areas):
        raise ValueError(f"area is {area!r}, expected shares of the image between 0 and 1, or several")
    if min(weights) <= 0:
        raise ValueError(f"weights is {weights!r}, expected two numbers above 0: at the first and at the last step")
    return areas
