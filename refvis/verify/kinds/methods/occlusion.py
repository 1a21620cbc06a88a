"""Occlusion of a given score: its cases, and what another choice or a mistake gives.

The function is ``(layer, x) -> map``: x is one image, 1 x H x W x C, the map 1 x H x W x 1. `layer.score(images)`
returns one number for each image, N x H x W x C; `layer.size` and `layer.stride` are those of the box, (y, x), and
`layer.fill` is the number that it is filled with.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from refvis.input_modification.boxes.grid import boxes, mean_over_boxes
from refvis.layers import Array
from refvis.layers.incremental.rectangles import Rectangle
from refvis.verify.case import Case, filled
from refvis.verify.choosing import Chooser
from refvis.verify.kind import Answer, Kind, changed, forward_is
from refvis.verify.kinds.changes import reordered, with_fields


@dataclass(frozen=True, eq=False)
class Occlusion:
    """What occlusion needs.

    weights  1 x H x W x C, of the score sum(weights x (x + 1))
    size     height and width of the box
    stride   the steps of the box
    fill     what the box is filled with. Default 0
    """

    weights: Array
    size: tuple[int, int] = (1, 1)
    stride: tuple[int, int] = (1, 1)
    fill: float = 0.0

    def score(self, images: Any) -> Any:
        """Return the score of each image, N."""
        return (self.weights * images * (images + 1)).sum((1, 2, 3))


def effects(layer: Occlusion, x: Array, places: Sequence[Rectangle]) -> Array:
    """Return how much the score falls for each box, 1 x boxes."""
    covered = np.repeat(x, len(places), axis=0)
    for number, ((top, bottom), (left, right)) in enumerate(places):
        covered[number, top:bottom, left:right] = layer.fill
    return (layer.score(x) - layer.score(covered))[None]


def grid(layer: Occlusion, x: Array) -> list[Rectangle]:
    """Return the boxes."""
    return boxes(x.shape[1:3], layer.size, layer.stride)


def spread(values: Array, places: Sequence[Rectangle], x: Array) -> Array:
    """Return the mean effect over the boxes that cover a pixel, 1 x H x W x 1."""
    return mean_over_boxes(values, [True] * len(places), places, x.shape[1:3])


def formula(layer: Occlusion, x: Array) -> Array:
    """Return for each pixel the mean fall of the score over the boxes that cover it."""
    places = grid(layer, x)
    return spread(effects(layer, x, places), places, x)


def draw(choose: Chooser, simple: bool) -> Case:
    """Return a score, a box and an image; simple: boxes that meet without overlap, filled with zero."""
    height, width, channels = choose.integer(1, 6), choose.integer(1, 6), choose.integer(1, 3)
    size = choose.integer(1, min(3, height)), choose.integer(1, min(3, width))
    stride = size if simple else (choose.integer(1, 3), choose.integer(1, 3))
    fill = 0.0 if simple else choose.choice((0.0, 1.0, -2.0))
    layer = Occlusion(filled(choose, (1, height, width, channels)), size, stride, fill)
    return Case(layer, (filled(choose, (1, height, width, channels)),))


def with_boxes(change: Callable[[Occlusion, Array, list[Rectangle]], list[Rectangle]]) -> Callable[..., Array]:
    """Return the map of other boxes: ``(layer, x, boxes) -> boxes``."""

    def forward(layer: Occlusion, x: Array) -> Array:
        places = change(layer, x, grid(layer, x))
        return spread(effects(layer, x, places), places, x)

    return forward


def with_effects(change: Callable[[Occlusion, Array, Array], Array]) -> Callable[..., Array]:
    """Return the map of other effects: ``(layer, x, effects) -> effects``."""

    def forward(layer: Occlusion, x: Array) -> Array:
        places = grid(layer, x)
        return spread(change(layer, x, effects(layer, x, places)), places, x)

    return forward


def within(layer: Occlusion, x: Array, places: list[Rectangle]) -> list[Rectangle]:
    """Return the boxes of whole steps, without those that are placed at the far border."""
    return [one for one in places if all(start % step == 0 for (start, _), step in zip(one, layer.stride, strict=True))]


def moved(dy: int, dx: int) -> Callable[[Occlusion, Array, list[Rectangle]], list[Rectangle]]:
    """Return the function that moves all boxes, and cuts them at the edge."""

    def change(layer: Occlusion, x: Array, places: list[Rectangle]) -> list[Rectangle]:
        height, width = x.shape[1:3]
        return [
            ((min(top + dy, height), min(bottom + dy, height)), (min(left + dx, width), min(right + dx, width)))
            for (top, bottom), (left, right) in places
        ]

    return change


def beyond(layer: Occlusion, x: Array, places: list[Rectangle]) -> list[Rectangle]:
    """Return boxes of whole steps as long as they begin in the image, cut at its edge."""
    height, width = x.shape[1:3]
    return [
        ((top, min(top + layer.size[0], height)), (left, min(left + layer.size[1], width)))
        for top in range(0, height, layer.stride[0])
        for left in range(0, width, layer.stride[1])
    ]


def painted(layer: Occlusion, x: Array, add: bool) -> Array:
    """Return the map in which each box adds its effect, or overwrites what was there."""
    places = grid(layer, x)
    maps = np.zeros((1, *x.shape[1:3], 1))
    for value, ((top, bottom), (left, right)) in zip(effects(layer, x, places)[0], places, strict=True):
        before = maps[:, top:bottom, left:right] if add else 0
        maps[:, top:bottom, left:right] = before + value
    return maps


def largest(layer: Occlusion, x: Array) -> Array:
    """Return the largest effect over the boxes that cover a pixel."""
    places = grid(layer, x)
    maps = np.full((1, *x.shape[1:3], 1), -np.inf)
    for value, ((top, bottom), (left, right)) in zip(effects(layer, x, places)[0], places, strict=True):
        maps[:, top:bottom, left:right] = np.maximum(maps[:, top:bottom, left:right], value)
    return np.where(np.isfinite(maps), maps, 0.0)


def at_centres(layer: Occlusion, x: Array) -> Array:
    """Return the map with each effect at the centre of its box only."""
    places = grid(layer, x)
    maps = np.zeros((1, *x.shape[1:3], 1))
    for value, ((top, bottom), (left, right)) in zip(effects(layer, x, places)[0], places, strict=True):
        maps[:, (top + bottom) // 2, (left + right) // 2] = value
    return maps


def first_channel(layer: Occlusion, x: Array) -> Array:
    """Return the map of boxes that cover the first channel only."""
    places = grid(layer, x)
    covered = np.repeat(x, len(places), axis=0)
    for number, ((top, bottom), (left, right)) in enumerate(places):
        covered[number, top:bottom, left:right, 0] = layer.fill
    return spread((layer.score(x) - layer.score(covered))[None], places, x)


def left_covered(layer: Occlusion, x: Array) -> Array:
    """Return the map of an image in which earlier boxes stay covered."""
    places, covered, found = grid(layer, x), x.copy(), []
    for (top, bottom), (left, right) in places:
        covered[:, top:bottom, left:right] = layer.fill
        found.append(layer.score(x) - layer.score(covered))
    return spread(np.stack(found, axis=1), places, x)


def relative(layer: Occlusion, x: Array, values: Array) -> Array:
    """Return effects relative to the score; as they are where that is zero."""
    score = layer.score(x)
    return values / np.where(score == 0, 1.0, score)


ANSWERS: tuple[Answer, ...] = (
    changed("fill_zero", "it fills boxes with 0", with_fields(fill=0.0), ("forward",), flag="UNSUPPORTED"),
    forward_is(
        "fill_mean",
        "it fills boxes with the image's mean",
        lambda layer, x: formula(replace(layer, fill=float(x.mean())), x),
        flag="CONVENTION",
    ),
    forward_is("other_sign", "its differences have the other sign", with_effects(lambda layer, x, d: -d)),
    forward_is(
        "absolute", "it takes absolute differences", with_effects(lambda layer, x, d: np.abs(d)), flag="CONVENTION"
    ),
    forward_is(
        "score_of_covered",
        "it gives the score of the covered image, not the difference",
        with_effects(lambda layer, x, d: layer.score(x) - d),
        result="acceptable",
        flag="CONVENTION",
        seen=("the figures of Zeiler & Fergus 2014",),
    ),
    forward_is("relative", "it divides by the score", with_effects(relative), flag="CONVENTION"),
    forward_is("positive", "it drops negative differences", with_effects(lambda layer, x, d: np.maximum(d, 0))),
    forward_is(
        "divided_by_area",
        "it divides by the pixels of a box",
        with_effects(lambda layer, x, d: d / (layer.size[0] * layer.size[1])),
        flag="CONVENTION",
    ),
    forward_is("box_moved", "its boxes are moved by one row and column", with_boxes(moved(1, 1))),
    forward_is("box_moved_down", "its boxes are moved by one row", with_boxes(moved(1, 0))),
    forward_is("box_moved_right", "its boxes are moved by one column", with_boxes(moved(0, 1))),
    forward_is(
        "no_box_at_the_border",
        "it places no further box where the last step ends before the far border",
        with_boxes(within),
        result="acceptable",
        flag="CONVENTION",
    ),
    forward_is(
        "boxes_beyond_the_edge",
        "its boxes may hang over the far border",
        with_boxes(beyond),
        result="acceptable",
        flag="CONVENTION",
        seen=("Occlusion of captum",),
    ),
    forward_is("sum_over_boxes", "it sums over the boxes that cover a pixel", lambda layer, x: painted(layer, x, True)),
    forward_is("last_box_only", "the last box that covers a pixel counts", lambda layer, x: painted(layer, x, False)),
    forward_is("largest_effect", "it takes the largest difference of the boxes that cover a pixel", largest),
    forward_is("at_centres", "it writes each difference at the centre of its box", at_centres),
    forward_is("first_channel_only", "its boxes cover the first channel only", first_channel),
    forward_is("left_covered", "earlier boxes stay covered", left_covered, flag="KNOWN_BUG"),
    changed("size_x_y", "it reads the size as (x, y)", reordered("size", 1, 0), ("forward",), flag="LAYOUT"),
    changed("stride_x_y", "it reads the stride as (x, y)", reordered("stride", 1, 0), ("forward",), flag="LAYOUT"),
    changed("no_stride", "it ignores the stride", with_fields(stride=(1, 1)), ("forward",)),
    changed(
        "stride_is_size", "it takes the size for the stride", with_fields(stride=lambda layer: layer.size), ("forward",)
    ),
    changed(
        "box_one_larger",
        "its box has one row and column too many",
        with_fields(size=lambda layer: (layer.size[0] + 1, layer.size[1] + 1)),
        ("forward",),
    ),
)
FEATURES = {
    "boxes that overlap": lambda case: any(s < n for s, n in zip(case.layer.stride, case.layer.size, strict=True)),
    "a box that is not square": lambda case: len(set(case.layer.size)) > 1,
    "strides that are not equal": lambda case: len(set(case.layer.stride)) > 1,
    "a fill other than zero": lambda case: case.layer.fill != 0,
    "several channels": lambda case: case.inputs[0].shape[3] > 1,
}


def terms(case: Case) -> int:
    """Return the products in a score, and the boxes over a pixel."""
    return int(2 * case.inputs[0].size + case.layer.size[0] * case.layer.size[1]) + 4


OCCLUSION = Kind("occlusion", draw, terms, ANSWERS, FEATURES, formula=formula, page="methods/occlusion.html")
