"""Search for a mask: the game, the replacement, the steps, and the heat map of the masks that the searches end with."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from refvis.input_modification.boxes.fills import describe
from refvis.input_modification.masks.games import GAMES, reward_and_gradient, shift
from refvis.input_modification.masks.mask_objective import MaskObjective, objective_of
from refvis.input_modification.masks.masks import Pyramids, blend, replacement_pyramids
from refvis.interruptions import warn_interrupted
from refvis.layers import Array, Trace, array_module
from refvis.layers.base.arrays import to_host
from refvis.network import Network, require_network
from refvis.optimisation.history import histories
from refvis.optimisation.minimise import Loop
from refvis.optimisation.optimisers import Optimiser
from refvis.optimisation.state import State
from refvis.results import Heatmap, background, record
from refvis.targets import merge_choices
from refvis.units import Selection

MEASURES = ("image", "changed", "replaced", "area")


@dataclass(frozen=True)
class MaskSearch:
    """Settings of a search for a mask.

    `game` is one of `GAMES`. `fill` is the replacement; a blur has so many `degrees`. At every step the image is
    shifted by up to `jitter` pixels either way under the mask.
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

    def reward(self, objective: MaskObjective, pyramids: Pyramids, heat: Array, step: int) -> tuple[Array, Array]:
        """Return the reward of each heat map (N x H x W x 1) at a step, N, and its gradient, N x H x W x 1."""
        down, right = np.random.default_rng([self.seed, step]).integers(-self.jitter, self.jitter + 1, 2)
        return reward_and_gradient(objective, shift(pyramids(step), (int(down), int(right))), heat, self.game)


class MaskRun(NamedTuple):
    """Rows of heat (rows x H x W x 1), the last state of their search, and how it ended."""

    heat: Array
    state: State
    ended: str


MaskRuns: TypeAlias = Callable[[MaskObjective, Pyramids, Trace], Iterator[MaskRun]]
"""Objective of one unit, pyramids of the image, and the image's trace -> the runs for that unit."""


def search_masks(
    method: str,
    net: Network,
    x: Array,
    selection: Selection,
    search: MaskSearch,
    runs: MaskRuns,
    options: dict[str, Any],
) -> Heatmap:
    """Return the heat that `runs` yields for each unit of each image of x (N x H x W x C), one after the other.

    The measures are, for each row, the level of the "image"; of the image as "changed" by the mask (the part that is
    preserved, or the rest after deletion); of the image "replaced" everywhere; and the heat's mean, "area". After an
    interruption there are no rows of the units whose search had not begun.
    """
    require_network(net)
    done: list[MaskRun] = []
    measures: list[Array] = []
    chosen: dict[int, dict[str, Any]] = {}
    partial: dict[str, str] = {}
    for run, measured, image, choices in _run_all(net, x, selection, search, runs):
        done.append(run)
        measures.append(measured)
        chosen[image] = choices
        if run.ended == "interrupted":
            partial = {"partial": f"{len(run.state.rows)} of {search.loop.steps + 1} steps"}
            warn_interrupted(method, partial["partial"])
            break
    values = array_module(x).concatenate([run.heat for run in done])
    each = [histories(run.state.rows) for run in done]
    history = {name: _pad([terms[name] for terms in each]) for name in each[0]}
    shared = {"game": search.game, "fill": describe(search.fill), "jitter": search.jitter, "seed": search.seed}
    run_record = record(
        method, net, x, **merge_choices([*chosen.values()]), **partial, **shared, **options, steps=search.loop.steps
    )
    columns = dict(zip(MEASURES, np.concatenate(measures, axis=1), strict=True))
    return Heatmap(values, False, run_record, background(net, x, values), columns, history)


def _run_all(
    net: Network, x: Array, selection: Selection, search: MaskSearch, runs: MaskRuns
) -> Iterator[tuple[MaskRun, Array, int, dict[str, Any]]]:
    """Yield each run with its measures (measures x rows), the number of its image, and that image's target."""
    preparation = net.preparation
    for index, image in enumerate(x[:, None]):
        objective, trace = objective_of(net, image, selection)
        pyramids = replacement_pyramids(search.fill, image, preparation, search.seed, search.degrees)
        for number in range(objective.units):
            unit = objective.unit(number)
            for run in runs(unit, pyramids, trace):
                yield run, _measure(unit, pyramids(0), run.heat, search.game), index, objective.choices()


def _measure(objective: MaskObjective, pyramid: Array, heat: Array, game: str) -> Array:
    """Return the measures of rows of heat, measures x rows, in float64 on the host."""
    kept = 1 - heat if game == "delete" else heat
    ends = to_host(objective.levels_one_by_one(pyramid[[-1, 0]])[:, 0])
    changed = to_host(objective.levels_one_by_one(blend(pyramid, kept))[:, 0])
    area = to_host(heat.mean(axis=(1, 2, 3)))
    ones = np.ones(len(heat))
    return np.stack([ends[0] * ones, changed, ends[1] * ones, area])


def _pad(histories: list[Array]) -> Array:
    """Return histories (steps x rows) side by side; runs that ended earlier than others are filled with NaN."""
    most = max(map(len, histories))
    return np.concatenate(
        [np.pad(terms, ((0, most - len(terms)), (0, 0)), constant_values=np.nan) for terms in histories], axis=1
    )


def clip_mask(z: Array, step: int) -> Array:
    """Return z clipped to [0, 1], the range of masks; a projection after each step."""
    return array_module(z).clip(z, 0, 1)
