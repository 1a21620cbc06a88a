"""Pooling of regions: its cases, and what another choice or a mistake gives."""

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from refvis.layers import Array, ROIPool
from refvis.layers import roi_pool as definition
from refvis.verify.case import Case, filled
from refvis.verify.choosing import Chooser
from refvis.verify.kind import BOTH, Answer, Kind, backward_is, changed
from refvis.verify.kinds.changes import with_fields


def draw(choose: Chooser, simple: bool) -> Case:
    """Return a pooling of regions, an image and regions (5 x R); simple: maxima of regions inside the image."""
    method = "max" if simple else choose.choice(("max", "avg"))
    tiles = choose.integer(1, 2), choose.integer(1, 3)
    transform: Any = 1.0 if simple else choose.choice((1.0, 0.5, 0.25, (0.5, 1.0)))
    height, width, count = choose.integer(2, 6), choose.integer(2, 6), choose.integer(1, 3)
    beyond, flatten = (0, False) if simple else (2, choose.choice((False, True)))
    regions = []
    for _ in range(choose.integer(1, 3)):
        u0, v0 = choose.integer(1, width), choose.integer(1, height)
        u1, v1 = choose.integer(u0, width + beyond), choose.integer(v0, height + beyond)
        regions.append([choose.integer(1, count), u0, v0, u1, v1])
    x = filled(choose, (count, height, width, choose.integer(1, 3)))
    return Case(ROIPool(tiles, method, transform, flatten), (x, np.array(regions, "float64").T))


def by_regions(change: Callable[[Array], Array]) -> Callable[[Case], Case]:
    """Return the change to other regions."""
    return lambda case: case.with_arrays({"x1": change(case.inputs[1])})


def plus(*numbers: float) -> Callable[[Array], Array]:
    """Return the function that adds a number to each row of the regions."""
    return lambda regions: regions + np.array(numbers).reshape(5, 1)


def as_sizes(regions: Array) -> Array:
    """Return regions whose last two numbers are width and height."""
    t, u, v, width, height = regions
    return np.stack([t, u, v, u + width - 1, v + height - 1])


def reordered(*order: int) -> Callable[[Array], Array]:
    """Return the function that takes the rows of the regions in another order."""
    return lambda regions: regions[list(order)]


def last_excluded(regions: Array) -> Array:
    """Return regions without their last row and column."""
    t, u0, v0, u1, v1 = regions
    return np.stack([t, u0, v0, np.maximum(u0, u1 - 1), np.maximum(v0, v1 - 1)])


def rounded(function: Callable[[float], int]) -> Callable[[Case], Case]:
    """Return the change to regions that are moved and rounded in another way, beforehand."""

    def change(case: Case) -> Case:
        x, regions = case.inputs
        moved = regions.copy()
        for r, (_, u0, v0, u1, v1) in enumerate(regions.T):
            corners = [[a * u + b * v + c for a, b, c in case.layer.transform] for u, v in ((u0, v0), (u1, v1))]
            moved[1:, r] = [function(value) for corner in corners for value in corner]
        return Case(replace(case.layer, transform=1.0), (x, moved), case.signal)

    return change


def separate_tiles(kind: Kind, case: Case) -> dict[str, Array]:
    """Return the output of tiles that do not overlap: both of their ends are rounded down."""
    layer, (x, rois) = case.layer, case.inputs
    y = np.zeros((rois.shape[1], *layer.subdivisions, x.shape[3]))
    for r, (t, u0, v0, u1, v1) in enumerate(rois.T):
        (left, top), (right, bottom) = (definition.corner(layer, x, u, v) for u, v in ((u0, v0), (u1, v1)))
        for i, rows in enumerate(floored(top, bottom, layer.subdivisions[0], x.shape[1])):
            for j, columns in enumerate(floored(left, right, layer.subdivisions[1], x.shape[2])):
                tile = x[int(t) - 1, rows, columns]
                if tile.size:
                    y[r, i, j] = tile.max(axis=(0, 1)) if layer.method == "max" else tile.mean(axis=(0, 1))
    shape = definition.output_shape(layer, x.shape, rois.shape)
    return {"output": y.transpose(0, 3, 2, 1).reshape(shape) if layer.flatten else y}


def floored(first: int, last: int, count: int, extent: int) -> Iterator[slice]:
    """Yield the slices of an axis that parts of `count` cover, both ends rounded down."""
    length = max(last - first + 1, 1)
    for k in range(count):
        start, stop = first + k * length // count, first + (k + 1) * length // count
        yield slice(min(max(start, 0), extent), min(max(stop, 0), extent))


def flattened_as_rows(kind: Kind, case: Case) -> dict[str, Array]:
    """Return the output, flattened with channels fastest."""
    if not case.layer.flatten:
        return dict(kind.results("forward", case))
    apart = replace(case, layer=replace(case.layer, flatten=False))
    y = kind.results("forward", apart)["output"]
    return {"output": y.reshape(len(y), 1, 1, -1)}


def to_all_largest(layer: ROIPool, signal: Array, output: Array, x: Array, rois: Array) -> tuple[Array, Array]:
    """Return the signal for every largest value of a tile; averages as they are."""
    if layer.method == "avg":
        return definition.gradient(layer, signal, output, x, rois)
    (height, width), channels, dx = layer.subdivisions, x.shape[3], np.zeros_like(x)
    g = signal.reshape(-1, channels, width, height).transpose(0, 3, 2, 1) if layer.flatten else signal
    for r, i, j, n, rows, columns in definition.tiles(layer, x, rois):
        tile = x[n, rows, columns]
        dx[n, rows, columns] += g[r, i, j].sum(axis=(0, 1)) * (tile == tile.max(axis=(0, 1)))
    return dx, np.zeros_like(rois)


def first_of_row(layer: ROIPool, signal: Array, output: Array, x: Array, rois: Array) -> tuple[Array, Array]:
    """Return the signal for the first largest value of the row."""
    if layer.method == "avg":
        return definition.gradient(layer, signal, output, x, rois)
    (height, width), channels, dx = layer.subdivisions, x.shape[3], np.zeros_like(x)
    g = signal.reshape(-1, channels, width, height).transpose(0, 3, 2, 1) if layer.flatten else signal
    for r, i, j, n, rows, columns in definition.tiles(layer, x, rois):
        tile, back = x[n, rows, columns], dx[n, rows, columns]
        place = tile.reshape(-1, channels).argmax(axis=0)
        back[place // tile.shape[1], place % tile.shape[1], np.arange(channels)] += g[r, i, j].sum(axis=(0, 1))
    return dx, np.zeros_like(rois)


def last_wins(layer: ROIPool, signal: Array, output: Array, x: Array, rois: Array) -> tuple[Array, Array]:
    """Return the gradient where regions overwrite one another instead of adding."""
    dx = np.zeros_like(x)
    for r in range(rois.shape[1]):
        (one, _) = definition.gradient(layer, signal[r : r + 1], output[r : r + 1], x, rois[:, r : r + 1])
        dx = np.where(one != 0, one, dx)
    return dx, np.zeros_like(rois)


ANSWERS: tuple[Answer, ...] = (
    changed(
        "corners_from_zero",
        "it counts rows and columns from 0, not from 1",
        by_regions(plus(0, 1, 1, 1, 1)),
        BOTH,
        flag="LAYOUT",
        seen=("Caffe", "torchvision"),
    ),
    changed(
        "last_excluded",
        "a region's last row and column do not belong to it",
        by_regions(last_excluded),
        BOTH,
        flag="CONVENTION",
    ),
    changed(
        "rows_first",
        "it reads regions as (image, v0, u0, v1, u1)",
        by_regions(reordered(0, 2, 1, 4, 3)),
        BOTH,
        flag="LAYOUT",
    ),
    changed(
        "sizes_for_ends", "it reads regions as (image, u, v, width, height)", by_regions(as_sizes), BOTH, flag="LAYOUT"
    ),
    changed(
        "first_image_only",
        "it reads all regions from the first image",
        by_regions(lambda r: np.vstack([0 * r[:1] + 1, r[1:]])),
        BOTH,
    ),
    changed("no_transform", "it ignores the transform", with_fields(transform=1.0), BOTH, flag="UNSUPPORTED"),
    changed("rounds_down", "it rounds corners down", rounded(math.floor), BOTH, flag="CONVENTION"),
    changed("rounds_up", "it rounds corners up", rounded(math.ceil), BOTH, flag="CONVENTION"),
    changed(
        "rounds_to_even", "it rounds halves to even numbers", rounded(round), BOTH, flag="NUMERICS", seen=("np.round",)
    ),
    changed(
        "subdivisions_x_y",
        "it reads the subdivisions as (x, y)",
        with_fields(subdivisions=lambda layer: layer.subdivisions[::-1]),
        BOTH,
        flag="LAYOUT",
    ),
    changed("average", "it takes the average", with_fields(method="avg"), BOTH),
    changed("maximum", "it takes the maximum", with_fields(method="max"), BOTH),
    changed("not_flattened", "it does not flatten", with_fields(flatten=False), ("forward",), flag="UNSUPPORTED"),
    Answer(
        "separate_tiles", "its tiles do not overlap: it rounds both of their ends down", {"forward": separate_tiles}
    ),
    Answer(
        "flattened_as_rows",
        "it flattens with channels fastest (the definition: rows fastest, as MATLAB)",
        {"forward": flattened_as_rows},
        flag="LAYOUT",
    ),
    backward_is(
        "tie_first_of_row",
        "the first of the row wins a tie (the definition: the first of the column, as MatConvNet)",
        first_of_row,
        result="acceptable",
        flag="CONVENTION",
        seen=("torchvision", "Caffe"),
    ),
    backward_is("ties_get_all", "every value of a tie gets the whole signal", to_all_largest, flag="KNOWN_BUG"),
    backward_is("regions_overwrite", "where regions overlap, one signal overwrites the other", last_wins),
)


def has_overlap(case: Case) -> bool:
    """Return whether a region has more tiles than rows or columns allow to be apart."""
    _, u0, v0, u1, v1 = case.inputs[1]
    sh, sw = case.layer.subdivisions
    return bool((((v1 - v0 + 1) % sh) != 0).any() or (((u1 - u0 + 1) % sw) != 0).any())


FEATURES = {
    "a transform": lambda case: case.layer.transform != ((1, 0, 0), (0, 1, 0)),
    "tiles that overlap": has_overlap,
    "averages": lambda case: case.layer.method == "avg",
    "a flattened output": lambda case: bool(case.layer.flatten),
    "several regions": lambda case: case.inputs[1].shape[1] > 1,
    "several images": lambda case: len(case.inputs[0]) > 1,
}


def terms(case: Case) -> int:
    """Return the pixels in a region, at most, and the regions that may meet in one."""
    (x, regions) = case.inputs
    return int(x.shape[1] * x.shape[2] + regions.shape[1] * np.prod(case.layer.subdivisions))


ROI_POOL = Kind(
    "roi_pool",
    draw,
    terms,
    ANSWERS,
    FEATURES,
    selects=True,
    fixed=frozenset({"x1"}),
    page="operators/roi_pool.html",
)
