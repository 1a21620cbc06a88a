"""Convolution: its cases, and what convolutions with another choice or a mistake give."""

from dataclasses import replace

import numpy as np

from refvis.layers import Array, Conv
from refvis.layers import conv as definition
from refvis.verify.case import Case, filled
from refvis.verify.choosing import Chooser
from refvis.verify.kind import BOTH, PARTS, Answer, Kind, backward_is, changed, forward_is
from refvis.verify.kinds import parameters
from refvis.verify.kinds.changes import pads, with_fields


def draw(choose: Chooser, simple: bool) -> Case:
    """Return a convolution and an input; simple: equal strides and pads, no dilation, one group."""
    groups = 1 if simple else choose.choice((1, 2, 3))
    each, count = choose.integer(1, 2), choose.integer(1, 3)
    channels, filters = groups * each, groups * choose.integer(1, 3)
    height_taps, width_taps = (choose.integer(1, 3) for _ in "yx")
    if simple:
        stride, pad = (choose.integer(1, 2),) * 2, (choose.integer(0, 1),) * 4
        dilate = (1, 1)
    else:
        stride = choose.integer(1, 3), choose.integer(1, 3)
        top, bottom, left, right = (choose.integer(0, 2) for _ in range(4))
        pad = top, bottom, left, right
        dilate = choose.integer(1, 2), choose.integer(1, 2)
    height, width = (
        choose.integer(max(1, (taps - 1) * step + 1 - before - after), 6)
        for taps, step, before, after in (
            (height_taps, dilate[0], *pad[:2]),
            (width_taps, dilate[1], *pad[2:]),
        )
    )
    weights = filled(choose, (filters, height_taps, width_taps, each))
    biases = filled(choose, (filters,)) if choose.choice((False, True)) else None
    x = filled(choose, (count, height, width, channels))
    return Case(Conv(weights, biases, stride, pad, dilate), (x,))


def groups(case: Case) -> int:
    """Return the number of groups of a convolution."""
    return int(case.inputs[0].shape[3] // case.layer.filters.shape[3])


def flipped(case: Case) -> Case:
    """Return the case with filters turned by 180 degrees."""
    return case.with_arrays({"layer.filters": case.layer.filters[:, ::-1, ::-1]})


def transposed(case: Case) -> Case:
    """Return the case with the rows and columns of filters swapped."""
    return case.with_arrays({"layer.filters": case.layer.filters.swapaxes(1, 2)})


def interleaved(case: Case) -> Case:
    """Return the case in which group g has the filters g, g + G, g + 2 G, ..."""
    number = len(case.layer.filters)
    order = np.arange(number).reshape(-1, groups(case)).T.ravel()
    own = {"layer.filters": case.layer.filters[order]}
    return case.with_arrays(own)


def padded_at_edge(layer: Conv, x: Array) -> Array:
    """Return the convolution of an image whose edge is repeated."""
    top, bottom, left, right = layer.pad
    wide = np.pad(x, ((0, 0), (top, bottom), (left, right), (0, 0)), mode="edge")
    return definition.forward(replace(layer, pad=0), wide)


def all_before(layer: Conv) -> tuple[int, int, int, int]:
    """Return the pads of both sides in front."""
    top, bottom, left, right = layer.pad
    return top + bottom, 0, left + right, 0


def all_after(layer: Conv) -> tuple[int, int, int, int]:
    """Return the pads of both sides behind."""
    top, bottom, left, right = layer.pad
    return 0, top + bottom, 0, left + right


def first_group_only(layer: Conv, x: Array) -> Array:
    """Return the output in which only the first group's channels are computed."""
    y = definition.forward(layer, x)
    number = x.shape[3] // layer.filters.shape[3]
    y[..., len(layer.filters) // number :] = 0
    return y


def gradient_unflipped(layer: Conv, signal: Array, output: Array, x: Array) -> tuple[Array]:
    """Return the signal of filters that are turned by 180 degrees."""
    return definition.gradient(replace(layer, filters=layer.filters[:, ::-1, ::-1]), signal, output, x)


PAGE = "operators/conv.html"
ANSWERS: tuple[Answer, ...] = (
    changed(
        "flipped_filters",
        "it turns the filters by 180 degrees (a convolution; the definition is a cross-correlation)",
        flipped,
        flag="CONVENTION",
        seen=("scipy.signal.convolve", "Theano's conv2d"),
        parts=BOTH,
    ),
    changed(
        "swapped_filter_axes",
        "it swaps the filters' rows and columns",
        transposed,
        ("forward", "backward"),
        flag="LAYOUT",
    ),
    changed(
        "interleaved_groups",
        "group g has every G-th filter, beginning with g",
        interleaved,
        ("forward", "backward"),
        flag="LAYOUT",
    ),
    changed("no_bias", "it leaves the biases out", with_fields(biases=None), ("forward",)),
    changed("no_pad", "it ignores the pad", with_fields(pad=0)),
    changed(
        "pad_left_right_top_bottom", "it reads the pads as (left, right, top, bottom)", pads(2, 3, 0, 1), flag="LAYOUT"
    ),
    changed(
        "pad_top_left_bottom_right", "it reads the pads as (top, left, bottom, right)", pads(0, 2, 1, 3), flag="LAYOUT"
    ),
    changed("pad_bottom_top", "it has the pads of opposite sides swapped", pads(1, 0, 3, 2), flag="LAYOUT"),
    changed("pad_first_for_all", "it takes the top's pad for all sides", pads(0, 0, 0, 0), flag="UNSUPPORTED"),
    changed(
        "pad_first_of_sides",
        "it takes the top's and the left's pad for the opposite sides",
        pads(0, 0, 2, 2),
        flag="UNSUPPORTED",
    ),
    changed(
        "pad_all_before",
        "it puts the pad of both sides in front",
        with_fields(pad=all_before),
    ),
    changed(
        "pad_all_after",
        "it puts the pad of both sides behind",
        with_fields(pad=all_after),
    ),
    changed("no_stride", "it ignores the stride", with_fields(stride=1)),
    changed(
        "stride_x_y",
        "it reads the stride as (x, y)",
        with_fields(stride=lambda layer: layer.stride[::-1]),
        flag="LAYOUT",
    ),
    changed(
        "stride_first_for_both",
        "it takes the stride of the rows for both axes",
        with_fields(stride=lambda layer: layer.stride[0]),
        flag="UNSUPPORTED",
    ),
    changed("no_dilation", "it ignores the dilation", with_fields(dilate=1), flag="UNSUPPORTED"),
    changed(
        "dilation_x_y",
        "it reads the dilation as (x, y)",
        with_fields(dilate=lambda layer: layer.dilate[::-1]),
        flag="LAYOUT",
    ),
    changed(
        "stride_for_dilation",
        "it swaps stride and dilation",
        with_fields(stride=lambda layer: layer.dilate, dilate=lambda layer: layer.stride),
    ),
    forward_is("pad_by_edge", "it repeats the edge in the place of zeros", padded_at_edge),
    forward_is("first_group_only", "it computes the first group only", first_group_only, flag="KNOWN_BUG"),
    backward_is(
        "unflipped_gradient", "its backward pass does not turn the filters", gradient_unflipped, flag="KNOWN_BUG"
    ),
    *parameters.answers("filters", "biases"),
)

FEATURES = {
    "a pad": lambda case: max(case.layer.pad) > 0,
    "pads that are not equal": lambda case: len(set(case.layer.pad)) > 1,
    "pads of opposite sides that are not equal": lambda case: case.layer.pad[::2] != case.layer.pad[1::2],
    "a stride": lambda case: max(case.layer.stride) > 1,
    "strides that are not equal": lambda case: len(set(case.layer.stride)) > 1,
    "dilation": lambda case: max(case.layer.dilate) > 1,
    "several groups": lambda case: groups(case) > 1,
    "biases": lambda case: case.layer.biases is not None,
    "several images": lambda case: len(case.inputs[0]) > 1,
    "several channels": lambda case: case.inputs[0].shape[3] > 1,
    "filters of more than one pixel": lambda case: max(case.layer.filters.shape[1:3]) > 1,
}


def terms(case: Case) -> int:
    """Return the number of products in a sum, forward or back."""
    filters, positions = case.layer.filters, case.inputs[0].size // case.inputs[0].shape[3]
    return int(max(filters[0].size + 1, len(filters) * filters[0, :, :, 0].size, positions))


CONV = Kind(
    "conv",
    draw,
    terms,
    ANSWERS,
    FEATURES,
    exact=frozenset(PARTS),
    page=PAGE,
)
