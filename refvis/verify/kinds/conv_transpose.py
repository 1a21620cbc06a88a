"""Transposed convolution: its cases, and what another choice or a mistake gives."""

from dataclasses import replace

import numpy as np

from refvis.layers import Array, ConvTranspose
from refvis.layers import conv_transpose as definition
from refvis.layers.base.border import cropped
from refvis.verify.case import Case, filled
from refvis.verify.choosing import Chooser
from refvis.verify.kind import BOTH, PARTS, Answer, Kind, changed, forward_is
from refvis.verify.kinds import parameters
from refvis.verify.kinds.changes import reordered, with_fields


def draw(choose: Chooser, simple: bool) -> Case:
    """Return a transposed convolution and an input; simple: equal steps, no crop, one group."""
    groups = 1 if simple else choose.choice((1, 2, 3))
    channels, each, count = groups * choose.integer(1, 2), choose.integer(1, 3), choose.integer(1, 3)
    height_taps, width_taps = choose.integer(1, 3), choose.integer(1, 3)
    upsample = (choose.integer(1, 2),) * 2 if simple else (choose.integer(1, 3), choose.integer(1, 3))
    height, width = choose.integer(1, 4), choose.integer(1, 4)
    crops: list[int] = []
    for taps, step, extent in (height_taps, upsample[0], height), (width_taps, upsample[1], width):
        room = 0 if simple else step * (extent - 1) + taps - 1
        before = choose.integer(0, min(2, room))
        crops += [before, choose.integer(0, min(2, room - before))]
    filters = filled(choose, (channels, height_taps, width_taps, each))
    biases = filled(choose, (each * groups,)) if choose.choice((False, True)) else None
    x = filled(choose, (count, height, width, channels))
    top, bottom, left, right = crops
    return Case(ConvTranspose(filters, biases, upsample, (top, bottom, left, right), groups), (x,))


def uncropped(layer: ConvTranspose, x: Array) -> Array:
    """Return the output without crop."""
    return definition.forward(replace(layer, crop=0), x)


def crop_as_pad(layer: ConvTranspose, x: Array) -> Array:
    """Return the output with zeros around it instead of cut off."""
    top, bottom, left, right = layer.crop
    return np.pad(uncropped(layer, x), ((0, 0), (top, bottom), (left, right), (0, 0)))


def one_row_more(layer: ConvTranspose, x: Array) -> Array:
    """Return the output with one more row and column, which hold the biases."""
    y = np.pad(definition.forward(replace(layer, biases=None), x), ((0, 0), (0, 1), (0, 1), (0, 0)))
    return y if layer.biases is None else y + layer.biases


def multiple_of_step(layer: ConvTranspose, x: Array) -> Array:
    """Return the output cut to the input's size times the step, as `same` padding has it; smaller ones stay."""
    (sy, sx), (_, height, width, _) = layer.upsample, x.shape
    return definition.forward(layer, x)[:, : sy * height, : sx * width]


def last_stamp_wins(layer: ConvTranspose, x: Array) -> Array:
    """Return the output in which overlapping stamps overwrite one another, tap by tap."""
    f, source = definition.split_groups(layer, x)
    wide = np.zeros((len(x), *definition.uncropped_size(layer, x.shape), layer.groups, f.shape[4]))
    for u, v, rows, columns in definition.taps(layer, x.shape):
        wide[:, rows, columns] = np.einsum("nijgc,gck->nijgk", source, f[:, :, u, v])
    shape = definition.output_shape(layer, x.shape)
    y = cropped(wide, layer.crop, shape).reshape(shape)
    return y if layer.biases is None else y + layer.biases


def bias_in_every_stamp(layer: ConvTranspose, x: Array) -> Array:
    """Return the output to which every stamp adds the biases."""
    if layer.biases is None:
        return definition.forward(layer, x)
    ones = replace(layer, filters=np.ones((1, *layer.size, 1)), biases=None, groups=1)
    stamps = definition.forward(ones, np.ones((*x.shape[:3], 1)))
    return definition.forward(replace(layer, biases=None), x) + stamps * layer.biases


def one_channel_of_each_group(layer: ConvTranspose, x: Array) -> Array:
    """Return the output in which only the first channel of each group is computed."""
    y = definition.forward(layer, x)
    y.reshape(*y.shape[:3], layer.groups, -1)[..., 1:] = 0
    return y


def first_group_only(layer: ConvTranspose, x: Array) -> Array:
    """Return the output in which only the first group is computed."""
    y = definition.forward(layer, x)
    y.reshape(*y.shape[:3], layer.groups, -1)[..., 1:, :] = 0
    return y


def flipped(case: Case) -> Case:
    """Return the case with filters turned by 180 degrees."""
    return case.with_arrays({"layer.filters": case.layer.filters[:, ::-1, ::-1]})


def transposed(case: Case) -> Case:
    """Return the case with the rows and columns of filters swapped."""
    return case.with_arrays({"layer.filters": case.layer.filters.swapaxes(1, 2)})


def inputs_for_outputs(case: Case) -> Case:
    """Return the case with the filters' first and last axis swapped."""
    return case.with_arrays({"layer.filters": case.layer.filters.swapaxes(0, 3)})


def interleaved(case: Case) -> Case:
    """Return the case in which group g reads the channels g, g + G, g + 2 G, ..."""
    order = np.arange(len(case.layer.filters)).reshape(-1, case.layer.groups).T.ravel()
    return case.with_arrays({"layer.filters": case.layer.filters[order]})


def all_after(layer: ConvTranspose) -> tuple[int, int, int, int]:
    """Return the crop of both sides behind."""
    top, bottom, left, right = layer.crop
    return 0, top + bottom, 0, left + right


def all_before(layer: ConvTranspose) -> tuple[int, int, int, int]:
    """Return the crop of both sides in front."""
    top, bottom, left, right = layer.crop
    return top + bottom, 0, left + right, 0


ANSWERS: tuple[Answer, ...] = (
    forward_is("crop_as_pad", "it pads where the definition crops", crop_as_pad, flag="KNOWN_BUG"),
    forward_is("no_crop", "it ignores the crop", uncropped),
    forward_is(
        "one_row_more",
        "its output has one more row and column",
        one_row_more,
        result="acceptable",
        flag="CONVENTION",
        seen=("output_padding=1 of PyTorch",),
    ),
    forward_is(
        "multiple_of_step",
        "its output is cut to the input's size times the step",
        multiple_of_step,
        result="acceptable",
        flag="CONVENTION",
        seen=('padding="same" of Keras',),
    ),
    changed("flipped_filters", "it turns the filters by 180 degrees", flipped, flag="CONVENTION", parts=BOTH),
    changed("swapped_filter_axes", "it swaps the filters' rows and columns", transposed, BOTH, flag="LAYOUT"),
    changed(
        "inputs_for_outputs",
        "it reads the filters as K x FH x FW x C: it swaps inputs and outputs",
        inputs_for_outputs,
        BOTH,
        flag="LAYOUT",
    ),
    changed(
        "interleaved_groups", "group g reads every G-th channel, beginning with g", interleaved, BOTH, flag="LAYOUT"
    ),
    forward_is(
        "one_channel_of_each_group",
        "it computes one channel of each group only",
        one_channel_of_each_group,
        flag="KNOWN_BUG",
        seen=("ONNX's reference evaluator, onnx#8446",),
    ),
    forward_is("first_group_only", "it computes the first group only", first_group_only, flag="KNOWN_BUG"),
    changed("no_bias", "it leaves the biases out", with_fields(biases=None), ("forward",)),
    forward_is("bias_in_every_stamp", "it adds the biases once for every stamp", bias_in_every_stamp),
    forward_is("last_stamp_wins", "where stamps overlap, one overwrites the other", last_stamp_wins),
    changed("no_upsampling", "it ignores the step", with_fields(upsample=1)),
    changed("upsample_x_y", "it reads the step as (x, y)", reordered("upsample", 1, 0), flag="LAYOUT"),
    changed(
        "upsample_first_for_both",
        "it takes the step of the rows for both axes",
        reordered("upsample", 0, 0),
        flag="UNSUPPORTED",
    ),
    changed(
        "crop_left_right_top_bottom",
        "it reads the crop as (left, right, top, bottom)",
        reordered("crop", 2, 3, 0, 1),
        flag="LAYOUT",
    ),
    changed(
        "crop_top_left_bottom_right",
        "it reads the crop as (top, left, bottom, right)",
        reordered("crop", 0, 2, 1, 3),
        flag="LAYOUT",
    ),
    changed("crop_bottom_top", "it swaps the crops of opposite sides", reordered("crop", 1, 0, 3, 2), flag="LAYOUT"),
    changed(
        "crop_first_for_all", "it takes the top's crop for all sides", reordered("crop", 0, 0, 0, 0), flag="UNSUPPORTED"
    ),
    changed(
        "crop_first_of_sides",
        "it takes the top's and the left's crop for the opposite sides",
        reordered("crop", 0, 0, 2, 2),
        flag="UNSUPPORTED",
    ),
    changed("crop_all_after", "it cuts all rows and columns off behind", with_fields(crop=all_after)),
    changed("crop_all_before", "it cuts all rows and columns off in front", with_fields(crop=all_before)),
    *parameters.answers("filters", "biases"),
)
FEATURES = {
    "a crop": lambda case: max(case.layer.crop) > 0,
    "crops that are not equal": lambda case: len(set(case.layer.crop)) > 1,
    "a step": lambda case: max(case.layer.upsample) > 1,
    "steps that are not equal": lambda case: len(set(case.layer.upsample)) > 1,
    "several groups": lambda case: case.layer.groups > 1,
    "several channels in each group's output": lambda case: case.layer.filters.shape[3] > 1,
    "biases": lambda case: case.layer.biases is not None,
    "several images": lambda case: len(case.inputs[0]) > 1,
    "stamps that overlap": lambda case: any(
        size > step for size, step in zip(case.layer.size, case.layer.upsample, strict=True)
    ),
}


def terms(case: Case) -> int:
    """Return the number of products in a sum, forward or back."""
    filters, (x,) = case.layer.filters, case.inputs
    return int(max(filters[:, :, :, 0].size + 1, filters[0].size, x.size // x.shape[3] * filters[0, :, :, 0].size))


CONV_TRANSPOSE = Kind(
    "conv_transpose", draw, terms, ANSWERS, FEATURES, exact=frozenset(PARTS), page="operators/conv_transpose.html"
)
