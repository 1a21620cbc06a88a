"""Crops: their cases, and what another choice or a mistake gives."""

from collections.abc import Callable
from dataclasses import replace

from refvis.layers import Crop
from refvis.layers import crop as definition
from refvis.verify.case import Case, filled
from refvis.verify.choosing import Chooser
from refvis.verify.kind import BOTH, Answer, Kind, changed
from refvis.verify.kinds.changes import reordered, with_fields


def draw(choose: Chooser, simple: bool) -> Case:
    """Return a crop and its two inputs; not simple: with an offset that may be too large."""
    count, height, width = choose.integer(1, 3), choose.integer(1, 5), choose.integer(1, 5)
    kept = choose.integer(1, height), choose.integer(1, width)
    beyond = 0 if simple else 1
    offset = choose.integer(0, height - kept[0] + beyond), choose.integer(0, width - kept[1] + beyond)
    x = filled(choose, (count, height, width, choose.integer(1, 3)))
    return Case(Crop(offset), (x, filled(choose, (count, *kept, choose.integer(1, 2)))))


def at(places: Callable[[Crop, tuple[int, int]], tuple[int, int]]) -> Callable[[Case], Case]:
    """Return the change to another offset: ``(layer, what is cut off of rows and columns) -> offset``."""

    def change(case: Case) -> Case:
        x, like = case.inputs
        room = x.shape[1] - like.shape[1], x.shape[2] - like.shape[2]
        return replace(case, layer=replace(case.layer, offset=places(case.layer, room)))

    return change


def from_the_end(layer: Crop, room: tuple[int, int]) -> tuple[int, int]:
    """Return the offset counted from the last row and column."""
    return max(0, room[0] - layer.offset[0]), max(0, room[1] - layer.offset[1])


def refuses(case: Case) -> Case:
    """Return the case, or raise ValueError for an offset that is too large."""
    x, like = case.inputs
    rows, columns = definition.kept_slices(case.layer, x.shape, like.shape)
    if (rows.start, columns.start) != tuple(case.layer.offset):
        raise ValueError("the offset is too large")
    return case


ANSWERS: tuple[Answer, ...] = (
    changed("no_offset", "it ignores the offset", with_fields(offset=0), BOTH),
    changed("offset_x_y", "it reads the offset as (x, y)", reordered("offset", 1, 0), BOTH, flag="LAYOUT"),
    changed(
        "offset_first_for_both",
        "it takes the offset of the rows for both axes",
        reordered("offset", 0, 0),
        BOTH,
        flag="UNSUPPORTED",
    ),
    changed(
        "offset_from_one",
        "it counts the offset from 1",
        with_fields(offset=lambda layer: tuple(max(0, n - 1) for n in layer.offset)),
        BOTH,
        flag="LAYOUT",
    ),
    changed(
        "offset_one_more",
        "it begins one row and column further",
        with_fields(offset=lambda layer: tuple(n + 1 for n in layer.offset)),
        BOTH,
    ),
    changed("centred", "it crops the centre", at(lambda layer, room: (room[0] // 2, room[1] // 2)), BOTH),
    changed("from_the_end", "it counts the offset from the end", at(from_the_end), BOTH),
    changed(
        "refuses",
        "it refuses an offset that is too large (the definition reduces it, as MatConvNet)",
        refuses,
        BOTH,
        result="acceptable",
        flag="CONVENTION",
        seen=("Caffe",),
    ),
)


def too_large(case: Case) -> bool:
    """Return whether the offset is larger than what there is to cut off."""
    x, like = case.inputs
    return any(case.layer.offset[axis] > x.shape[axis + 1] - like.shape[axis + 1] for axis in (0, 1))


FEATURES = {
    "an offset": lambda case: max(case.layer.offset) > 0,
    "offsets that are not equal": lambda case: len(set(case.layer.offset)) > 1,
    "an offset that is too large": too_large,
    "several images": lambda case: len(case.inputs[0]) > 1,
}


CROP = Kind(
    "crop",
    draw,
    answers=ANSWERS,
    features=FEATURES,
    exact=frozenset(BOTH),
    fixed=frozenset({"x1"}),
    page="operators/crop.html",
)
