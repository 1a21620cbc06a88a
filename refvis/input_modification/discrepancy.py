"""Discrepancy maps (Zhou et al. 2015, section 3.2): how much a unit changes when small random boxes cover the image.

A unit is one channel at one position. Of box B, filled with noise u, its activation a changes by |a(x) - a(x with u in
B)|; a pixel has the mean over the boxes that covered it. Pixels outside of the unit's theoretical receptive field
cannot change it: boxes count for their part within it, and outside the map is exactly 0.
"""

from dataclasses import replace
from typing import Any

from refvis.input_modification.boxes.effects import Passes, collect_effects
from refvis.input_modification.boxes.fills import find_fill, box_contents, describe
from refvis.input_modification.boxes.grid import boxes, mean_over_boxes
from refvis.input_modification.boxes.measures import UNSIGNED, find_measure
from refvis.dataset_examples.patches import Box, seen_box
from refvis.dataset_examples.ranking import strongest
from refvis.layers import Array, ShapeError, Trace, receptive_fields
from refvis.layers.base.geometry import Pair, integers, pair
from refvis.layers.base.limits import MEMORY
from refvis.layers.incremental.full_passes import MOST
from refvis.layers.incremental.rectangles import Rectangle, Span, length
from refvis.network import Network
from refvis.results import Heatmap, background, record
from refvis.targets import Target, at_position, target
from refvis.units import Selection

PAPER_SIDE, PAPER_SIZE, PAPER_STRIDE = 227, 11, 3
"""Side of the paper's images, of its boxes, and their steps, in pixels."""


def discrepancy(
    net: Network,
    x: Array,
    at: str | None = None,
    channel: int | str | None = None,
    position: tuple[int, int] | None = None,
    size: Pair | None = None,
    stride: Pair | None = None,
    fill: Any = "random",
    seed: int = 0,
    progress: bool = False,
    *,
    draws: int = 1,
    measure: Any = "absolute",
    incremental: bool = True,
    memory: int = MEMORY,
    batch: int = MOST,
) -> Heatmap:
    """Return how much a unit's activation changes when a box covers each place of x (1 x H x W x C): 1 x H x W x 1.

    The unit is `channel` of the layer or variable `at` (None: the scores) at `position` (y, x); what is None is where
    the activation is largest. Boxes of `size` move by `stride`, both an int or (y, x) in pixels; None: as in the paper,
    11 and 3 for a shorter side of 227, in proportion. `fill`, `seed`, `draws`, `measure`, `incremental`, `memory`,
    `batch`, `progress`, and what Ctrl-C does: as in `occlusion`.

    Outside of the theoretical receptive field all values are exactly 0; values are in the activation's units.
    Raises ShapeError for a box larger than the image, or more than one image, ValueError for what does not exist.
    """
    if len(x) != 1:
        raise ShapeError(f"discrepancy takes one image, found {len(x)}: give x[i:i+1]")
    size, stride = paper_proportion(size, PAPER_SIZE, "size", x), paper_proportion(stride, PAPER_STRIDE, "stride", x)
    measuring, passes = find_measure(measure), Passes(incremental, memory, batch)
    (draws,) = integers(draws, "draws", (1,), 1)
    goal, trace = _unit_target(net, x, Selection(at, channel, position))
    places = parts_within(boxes(x.shape[1:3], size, stride), field_box(goal, x.shape))
    covered = [place for place in places for _ in range(draws)]
    content = box_contents(find_fill(fill, x, net.normalization.get("averageImage")), x, places, draws, seed)
    outputs, known = passes.run(goal, trace, covered, content), trace[goal.variable]
    found = collect_effects(goal, known, outputs, len(covered), measuring, "discrepancy", progress)
    effects = found.mean_over_draws(draws)
    values = mean_over_boxes(effects.values, effects.done, places, x.shape[1:3])
    made = record(
        "discrepancy",
        net,
        x,
        size=str(size),
        stride=str(stride),
        fill=describe(fill),
        **goal.choices(1),
        measure=describe(measure),
        draws=draws,
        seed=seed,
        computed=passes.words(goal, trace, places),
        **found.partial,
    )
    return Heatmap(values, measuring not in UNSIGNED, made, background(net, x, values))


def paper_proportion(given: Pair | None, paper: int, what: str, x: Array) -> tuple[int, int]:
    """Return a box's size or stride (y, x) as given; None: the paper's, in proportion to the image's shorter side."""
    return pair(max(1, round(paper * min(x.shape[1:3]) / PAPER_SIDE)) if given is None else given, f"box {what}")


def field_box(goal: Target, shape: tuple[int, ...]) -> Box:
    """Return the theoretical receptive field of a target's position, for images of `shape`; it may stick out."""
    return seen_box(receptive_fields(goal.net)[goal.variable], goal.position or (0, 0), (shape[1], shape[2]))


def parts_within(places: list[Rectangle], field: Box) -> list[Rectangle]:
    """Return the boxes' parts within the receptive field, those that have any."""
    top, left, bottom, right = field
    cut = [(_intersection(rows, (top, bottom)), _intersection(columns, (left, right))) for rows, columns in places]
    return [(rows, columns) for rows, columns in cut if length(rows) > 0 and length(columns) > 0]


def _intersection(one: Span, other: Span) -> Span:
    return max(one[0], other[0]), min(one[1], other[1])


def _unit_target(net: Network, x: Array, selection: Selection) -> tuple[Target, Trace]:
    """Return one channel at one position, the strongest where there is a choice, and the trace."""
    channel = selection.channel
    goal, trace = target(net, x, replace(selection, channel="all") if channel is None else selection)
    if channel is not None and (len(goal.channels) != 1 or goal.channels[0] is None):
        raise ValueError(f"channel is {channel!r}, expected one channel: a discrepancy is that of one unit")
    scores, positions = strongest(at_position(trace[goal.variable], goal.position))
    unit = goal.channels[0] if channel is not None else int(scores[0].argmax())
    y, column = positions[0, unit]
    return replace(goal, channels=(unit,), position=goal.position or (int(y), int(column))), trace
