"""Extremal perturbation (Fong, Patrick & Vedaldi 2019): of all smooth masks of an area, the one with most effect.

It minimises over parameters p in [0, 1] of a smooth mask m (see `smooth_max`)

    R(m)  -  reward(m) / (weight * scale),    scale = |f(image) - f(replaced image)|

with the reward of a game (see `games`) and the misfit R of the area (see `area`). The weight grows from step to step,
so that the area decides at the end; as the reward is in units of `scale`, the same weights serve every unit.
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
"""Of the smooth maximum, as in TorchRay."""


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
    """Return a mask for each target of x and each `area` (shares of the pixels): rows x H x W x 1, values 0 ... 1.

    Targets as in `deconvolution`, level and `output` as in `rise`, but scores unless told otherwise; `fill` is one of
    `fills`, "blur" a pyramid of so many `degrees`. `game` is "preserve" (the mask is what is kept), "delete" (what is
    replaced) or "dual" (both). The shorter side has `cells` parameters, each of which reaches `sigma` cells. `weights`
    are those of the area at the first and at the last step. At most `steps` of Adam at `rate` begin with p = 1; the
    rate falls along half a cosine, and `patience` steps without gain end them. The areas of a target are one batch, or
    `batch` at once. `history` has the terms "score" and "area" of each step, `measures` the levels before and after,
    see `searched`, whose "area" says how well the wanted one was met. Ctrl-C warns, and returns what was found so far,
    with a note in the record.
    Raises ValueError for what does not exist, for NaN, and where replacing changes nothing.
    """
    areas = _check(area, weights)
    if cells < 1 or not sigma > 0:
        raise ValueError(f"cells is {cells} and sigma {sigma}, expected 1 or more, and a reach above 0")
    loop: Loop[Optimiser] = Loop(steps, Adam(rate), (clipped,), patience, None, progress, "extremal_perturbation")
    search = MaskSearch(game, fill, degrees, jitter, seed, loop)
    step = max(1.0, min(x.shape[1:3]) / cells)
    smooth, xp = smooth_max(x, step, sigma * step, TEMPERATURE), array_module(x)
    shape = smooth.rows.shape[1], smooth.columns.shape[1], 1

    def runs(seen: MaskObjective, fills: Pyramids, trace: Trace) -> Iterator[MaskRun]:
        scale, count = _scale(seen, fills(0)), batch_size(seen.goal, trace, batch)
        for part in (areas[first : first + count] for first in range(0, len(areas), count)):

            def function(p: Array, number: int, part: Sequence[float] = part) -> tuple[dict[str, Array], Array]:
                m = forward(smooth, p)
                reward, pull = search.reward(seen, fills, m, number)
                misfit, push = area_misfit(m, part)
                share = 1 / (scale * weights[0] * (weights[1] / weights[0]) ** ((number - 1) / max(steps, 1)))
                return {"score": -share * reward, "area": misfit}, gradient(smooth, push - share * pull, p)

            state, ended = minimised(function, xp.ones((len(part), *shape), x.dtype), loop)
            yield forward(smooth, state.z), state, ended

    options = {"wanted": str(areas), "cells": cells, "sigma": sigma, "weights": str(weights), "rate": rate}
    selection = Selection(at, channel, position, against, output)
    found = search_masks("extremal_perturbation", net, x, selection, search, runs, options)
    units = tuple(f"{unit}, {share:.3g} of the area" for unit in found.record.units for share in areas)
    return replace(found, record=replace(found.record, units=units))


def _scale(seen: MaskObjective, levels: Array) -> float:
    """Return by how much the level differs between the image and its replacement."""
    image, replaced = (float(level) for level in seen.levels_one_by_one(levels[[-1, 0]])[:, 0])
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
