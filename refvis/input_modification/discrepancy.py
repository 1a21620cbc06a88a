"""Discrepancy maps (Zhou et al. 2015, section 3.2): the change of a unit when small random boxes cover the image.

A unit is one channel at one position, with activation a. If box B is filled with noise u, the activation changes by
|a(x) - a(x with u in B)|. A pixel has the mean over the boxes that covered it. Pixels outside the unit's theoretical
receptive field cannot change it. So boxes are cut to the field, and the map is exactly 0 outside.
"""

from dataclasses import replace
from typing import Any

from refvis.dataset_examples.patches import Box, receptive_box
from refvis.dataset_examples.ranking import strongest
from refvis.input_modification.boxes.effects import Passes, collect_effects
from refvis.input_modification.boxes.fills import box_contents, describe, find_fill
from refvis.input_modification.boxes.grid import boxes, mean_over_boxes
from refvis.input_modification.boxes.measures import UNSIGNED, find_measure
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
"""The paper's side of images, size of boxes and stride, in pixels."""


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
    """Return how much a unit's activation changes when a small box covers a place of the image (Zhou et al. 2015).

    A box B of noise slides over the image. With a the activation of one channel at one position, pixel u has

        d(u) = mean over B with u in B of  |a(x) - a(x with B replaced)|

    Parameters:

        net          the network
        x            one image, 1 x H x W x C, float32 or float64
        at           layer or variable of the unit. Default: the scores before softmax
        channel      the unit's channel (number from 0, or name of a class). Default: the strongest
        position     the unit's position (y, x). Default: the strongest
        size         height and width of the box in pixels, an int or (y, x). Default: 11 for a shorter side of 227, in
                     proportion
        stride       distance between boxes in pixels, an int or (y, x). Default: 3 for a shorter side of 227, in
                     proportion
        fill         content of the box, as in `occlusion`
        seed         seed of random fills
        progress     show a bar, on a terminal
        draws        number of fills drawn for each box; the box has the mean of their effects
        measure      "absolute", "difference", "euclidean", "spectral" or a function, as in `occlusion`
        incremental  recompute only what a box can change; the values are the same up to rounding
        memory       bytes for the boxes computed at once, about. Default: 512 MiB
        batch        most boxes computed at once. Default: 64

    Returns a Heatmap with values 1 x H x W x 1 in the activation's units. Values outside the theoretical receptive
    field are exactly 0. Ctrl-C ends the run early with a warning: the map is then that of the boxes that are done, and
    the record has "partial".
    Raises ShapeError for a box larger than the image and for more than one image; ValueError for a unit, fill or
    measure that does not exist, for several channels, and for NaN.

    Example:

    >>> import numpy as np
    >>> import refvis
    >>> filters = np.array([0.0, 1.0, -2.0, 0.0]).reshape(1, 1, 4, 1)
    >>> net = refvis.chain({"conv": refvis.layers.Conv(filters)})
    >>> x = np.array([9.0, 3.0, 5.0, -7.0, 8.0, 6.0]).reshape(1, 1, 6, 1)
    >>> refvis.discrepancy(net, x, "conv", position=(0, 1), size=1, stride=1, fill=0).map
    array([[ 0.,  0.,  5., 14.,  0.,  0.]])
    """
    if len(x) != 1:
        raise ShapeError(f"discrepancy takes one image, found {len(x)}: give x[i:i+1]")
    size, stride = paper_proportion(size, PAPER_SIZE, "size", x), paper_proportion(stride, PAPER_STRIDE, "stride", x)
    measuring, passes = find_measure(measure), Passes(incremental, memory, batch)
    (draws,) = integers(draws, "draws", (1,), 1)
    goal, trace = _unit_target(net, x, Selection(at, channel, position))
    places = parts_within(boxes(x.shape[1:3], size, stride), field_box(goal, x.shape))
    drawn = [place for place in places for _ in range(draws)]
    content = box_contents(find_fill(fill, x, net.preparation), x, places, draws, seed)
    outputs, known = passes.run(goal, trace, drawn, content), trace[goal.variable]
    each = collect_effects(goal, known, outputs, len(drawn), measuring, "discrepancy", progress)
    effects = each.mean_over_draws(draws)
    values = mean_over_boxes(effects.values, effects.done, places, x.shape[1:3])
    run_record = record(
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
        computed=passes.describe(goal, trace, places),
        **each.partial,
    )
    return Heatmap(values, measuring not in UNSIGNED, run_record, background(net, x, values))


def paper_proportion(given: Pair | None, paper: int, what: str, x: Array) -> tuple[int, int]:
    """Return a box's size or stride (y, x) as given; by default the paper's, in proportion to the shorter side."""
    return pair(max(1, round(paper * min(x.shape[1:3]) / PAPER_SIDE)) if given is None else given, f"box {what}")


def field_box(goal: Target, shape: tuple[int, ...]) -> Box:
    """Return the theoretical receptive field of the target's position, for images of `shape`.

    The field may extend beyond the image.
    """
    return receptive_box(receptive_fields(goal.net)[goal.variable], goal.position or (0, 0), (shape[1], shape[2]))


def parts_within(places: list[Rectangle], field: Box) -> list[Rectangle]:
    """Return the boxes cut to the receptive field; boxes outside of it are left out."""
    top, left, bottom, right = field
    cut = [(_intersection(rows, (top, bottom)), _intersection(columns, (left, right))) for rows, columns in places]
    return [(rows, columns) for rows, columns in cut if length(rows) > 0 and length(columns) > 0]


def _intersection(one: Span, other: Span) -> Span:
    return max(one[0], other[0]), min(one[1], other[1])


def _unit_target(net: Network, x: Array, selection: Selection) -> tuple[Target, Trace]:
    """Return one channel at one position as a target, and the trace; by default the strongest of either."""
    channel = selection.channel
    goal, trace = target(net, x, replace(selection, channel="all") if channel is None else selection)
    if channel is not None and (len(goal.channels) != 1 or goal.channels[0] is None):
        raise ValueError(f"channel is {channel!r}, expected one channel: a discrepancy is that of one unit")
    scores, positions = strongest(at_position(trace[goal.variable], goal.position))
    unit = goal.channels[0] if channel is not None else int(scores[0].argmax())
    y, column = positions[0, unit]
    return replace(goal, channels=(unit,), position=goal.position or (int(y), int(column))), trace
