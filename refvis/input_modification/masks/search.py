"""What the searches for a mask share: the game, the replacement, the steps, and the heat map that comes of them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from refvis.input_modification.boxes.fills import describe
from refvis.input_modification.masks.games import GAMES, shift, reward_and_gradient
from refvis.input_modification.masks.mask_objective import MaskObjective, objective_of
from refvis.input_modification.masks.masks import Pyramids, blend, replacement_pyramids
from refvis.interruptions import warn_interrupted
from refvis.layers import Array, Trace, array_module
from refvis.layers.base.arrays import moved as on
from refvis.network import Network
from refvis.optimisation.history import histories
from refvis.optimisation.minimise import Loop, State
from refvis.optimisation.optimisers import Optimiser
from refvis.results import Heatmap, background, record
from refvis.units import Selection

MEASURES = ("image", "changed", "replaced", "area")


@dataclass(frozen=True)
class MaskSearch:
    """How a mask is looked for.

    `game` is one of `GAMES`, `fill` what replaces, a blur in so many `degrees`. At every step the image moves by up to
    `jitter` pixels either way, under a mask that stays.
    """

    game: str
    fill: Any
    degrees: int
    jitter: int
    seed: int
    loop: Loop[Optimiser]

    def __post_init__(self) -> None:
        """Check the values."""
        if self.game not in GAMES:
            raise ValueError(f"game is {self.game!r}, expected one of {', '.join(map(repr, GAMES))}")
        if self.degrees < 2:
            raise ValueError(f"degrees is {self.degrees}, expected 2 or more: the image and a blurred one")
        if self.jitter < 0:
            raise ValueError(f"jitter is {self.jitter}, expected 0 or more pixels")

    def reward(self, seen: MaskObjective, fills: Pyramids, heat: Array, number: int) -> tuple[Array, Array]:
        """Return the reward of each heat map (N x H x W x 1) at a step, N, and its gradient, N x H x W x 1."""
        down, right = np.random.default_rng([self.seed, number]).integers(-self.jitter, self.jitter + 1, 2)
        return reward_and_gradient(seen, moved(fills(number), (int(down), int(right))), heat, self.game)


MaskRun: TypeAlias = tuple[Array, State, str]
"""Rows of heat (rows x H x W x 1), the last state of the search for them, and how it ended."""

MaskRuns: TypeAlias = Callable[[MaskObjective, Pyramids, Trace], Iterator[MaskRun]]
"""What is watched (one unit), levels, and the image's trace -> the runs for it."""


def search_masks(
    method: str, net: Network, x: Array, selection: Selection, search: MaskSearch, runs: MaskRuns, options: dict[str, Any]
) -> Heatmap:
    """Return the heat that `runs` finds for each unit of each image of x (N x H x W x C), one after the other.

    Its measures are, for each row, the level at the "image", at the image as "changed" by the mask (what is preserved
    of it, or what is left after deletion), at the one that is "replaced" everywhere, and the heat's mean, "area". After
    an interruption there are no rows of the units that had no turn.
    """
    found: list[MaskRun] = []
    measures: list[Array] = []
    choices: dict[str, Any] = {}
    for run, measured, choices in _each(net, x, selection, search, runs):
        found.append(run)
        measures.append(measured)
        if run[2] == "interrupted":
            choices["partial"] = f"{len(run[1].rows)} of {search.loop.steps + 1} steps"
            warn_interrupted(method, choices["partial"])
            break
    values = array_module(x).concatenate([heat for heat, _, _ in found])
    each = [histories(state.rows) for _, state, _ in found]
    history = {name: _pad([one[name] for one in each]) for name in each[0]}
    shared = {"game": search.game, "fill": describe(search.fill), "jitter": search.jitter, "seed": search.seed}
    made = record(method, net, x, **choices, **shared, **options, steps=search.loop.steps)
    columns = dict(zip(MEASURES, np.concatenate(measures, axis=1), strict=True))
    return Heatmap(values, False, made, background(net, x, values), columns, history)


def _each(
    net: Network, x: Array, selection: Selection, search: MaskSearch, runs: MaskRuns
) -> Iterator[tuple[MaskRun, Array, dict[str, Any]]]:
    """Yield runs, what was measured of them (measures x rows), and what was chosen."""
    for image in x[:, None]:
        seen, trace = objective_of(net, image, selection)
        fills = replacement_pyramids(search.fill, image, net.normalization.get("averageImage"), search.seed, search.degrees)
        for unit in range(seen.units):
            for run in runs(seen.unit(unit), fills, trace):
                yield run, _measure(seen.unit(unit), fills(0), run[0], search.game), seen.choices()


def _measure(seen: MaskObjective, levels: Array, heat: Array, game: str) -> Array:
    """Return the measures of rows of heat, measures x rows, in float64 on the host."""
    kept = 1 - heat if game == "delete" else heat
    ends = on(seen.levels_one_by_one(levels[[-1, 0]])[:, 0], "numpy")
    changed = on(seen.levels_one_by_one(blend(levels, kept))[:, 0], "numpy")
    area = on(heat.mean(axis=(1, 2, 3)), "numpy")
    ones = np.ones(len(heat))
    return np.stack([ends[0] * ones, changed, ends[1] * ones, area])


def _pad(histories: list[Array]) -> Array:
    """Return histories (steps x rows) side by side; runs that ended earlier than others are filled with NaN."""
    most = max(len(one) for one in histories)
    return np.concatenate(
        [np.pad(one, ((0, most - len(one)), (0, 0)), constant_values=np.nan) for one in histories], axis=1
    )


def clip_mask(z: Array, step: int) -> Array:
    """Return z within [0, 1], where masks have a meaning: a projection after each step."""
    return array_module(z).clip(z, 0, 1)
