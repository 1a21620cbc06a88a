"""Pooling: its cases, and what pooling with another choice or a mistake gives."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from refvis.layers import Array, Pool
from refvis.layers import pool as definition
from refvis.verify.case import Case, filled
from refvis.verify.choosing import Chooser
from refvis.verify.kind import BOTH, Answer, Kind, backward_is, changed, forward_is
from refvis.verify.kinds.changes import pads, with_fields


def drawn(method: str) -> Callable[[Chooser, bool], Case]:
    """Return the function that draws a pooling layer of that method and an input; simple: equal strides, no pad."""

    def draw(choose: Chooser, simple: bool) -> Case:
        height_taps, width_taps = choose.integer(1, 3), choose.integer(1, 3)
        if simple:
            stride, pad = (choose.integer(1, 2),) * 2, (0, 0, 0, 0)
        else:
            stride = choose.integer(1, 3), choose.integer(1, 3)
            top, bottom = choose.integer(0, height_taps - 1), choose.integer(0, height_taps - 1)
            left, right = choose.integer(0, width_taps - 1), choose.integer(0, width_taps - 1)
            pad = top, bottom, left, right
        height = choose.integer(max(1, height_taps - pad[0] - pad[1]), 6)
        width = choose.integer(max(1, width_taps - pad[2] - pad[3]), 6)
        x = filled(choose, (choose.integer(1, 3), height, width, choose.integer(1, 2)))
        return Case(Pool((height_taps, width_taps), stride, pad, method), (x,))

    return draw


def tie_winner(order: Callable[[list[Any]], list[Any]]) -> Callable[..., tuple[Array]]:
    """Return the backward pass in which the first tap in another order wins a tie."""

    def rule(layer: Pool, signal: Array, output: Array, x: Array) -> tuple[Array]:
        wide, (top, left), back = _bordered(layer, x)
        free = np.ones(output.shape, bool)
        for rows, columns in order(list(definition.taps(layer, x.shape))):
            wins = (wide[:, rows, columns] == output) & free
            back[:, rows, columns] += np.where(wins, signal, 0.0)
            free &= ~wins
        return (back[:, top : top + x.shape[1], left : left + x.shape[2]],)

    return rule


def to_all_ties(shared: bool) -> Callable[..., tuple[Array]]:
    """Return the backward pass in which every largest value of a window gets the signal, whole or in equal parts."""

    def rule(layer: Pool, signal: Array, output: Array, x: Array) -> tuple[Array]:
        wide, (top, left), back = _bordered(layer, x)
        windows = list(definition.taps(layer, x.shape))
        number = sum((wide[:, rows, columns] == output).astype("float64") for rows, columns in windows)
        for rows, columns in windows:
            wins = wide[:, rows, columns] == output
            back[:, rows, columns] += np.where(wins, signal / number if shared else signal, 0.0)
        return (back[:, top : top + x.shape[1], left : left + x.shape[2]],)

    return rule


def _bordered(layer: Pool, x: Array) -> tuple[Array, tuple[int, int], Array]:
    """Return the image with a border of NaN, where the image begins, and zeros of that size."""
    top, bottom, left, right = layer.pad
    wide = np.pad(x, ((0, 0), (top, bottom), (left, right), (0, 0)), constant_values=np.nan)
    return wide, (top, left), np.zeros_like(wide)


def by_rows(windows: list[Any]) -> list[Any]:
    """Return taps row by row."""
    return sorted(windows, key=lambda tap: (tap[0].start, tap[1].start))


def reverse(windows: list[Any]) -> list[Any]:
    """Return taps from the last to the first."""
    return windows[::-1]


def reverse_rows(windows: list[Any]) -> list[Any]:
    """Return taps row by row, from the last to the first."""
    return by_rows(windows)[::-1]


def zero_padded(layer: Pool, x: Array) -> Array:
    """Return the maximum of windows whose padding is zero."""
    top, bottom, left, right = layer.pad
    wide = np.pad(x, ((0, 0), (top, bottom), (left, right), (0, 0)))
    return definition.forward(replace(layer, pad=0), wide)


def zero_padded_gradient(layer: Pool, signal: Array, output: Array, x: Array) -> tuple[Array]:
    """Return the signal of windows whose padding is zero, and takes part."""
    top, bottom, left, right = layer.pad
    wide = np.pad(x, ((0, 0), (top, bottom), (left, right), (0, 0)))
    bare = replace(layer, pad=0)
    (back,) = definition.gradient(bare, signal, definition.forward(bare, wide), wide)
    return (back[:, top : top + x.shape[1], left : left + x.shape[2]],)


def last_signal_wins(layer: Pool, signal: Array, output: Array, x: Array) -> tuple[Array]:
    """Return the signal where overlapping windows overwrite one another instead of adding."""
    wide, (top, left), back = _bordered(layer, x)
    windows = list(definition.taps(layer, x.shape))
    for image, i, j, channel in np.ndindex(signal.shape):
        for rows, columns in windows:
            y, z = rows.start + i * layer.stride[0], columns.start + j * layer.stride[1]
            if wide[image, y, z, channel] == output[image, i, j, channel]:
                back[image, y, z, channel] = signal[image, i, j, channel]
                break
    return (back[:, top : top + x.shape[1], left : left + x.shape[2]],)


def undivided_gradient(layer: Pool, signal: Array, output: Array, x: Array) -> tuple[Array]:
    """Return the signal of a sum."""
    return definition.gradient(layer, signal * definition.counts(layer, x), output, x)


def rounded_up(layer: Pool, x: Array) -> Array:
    """Return the output whose size is rounded up: a last window that hangs over the edge counts."""
    top, bottom, left, right = layer.pad
    more = [
        -(extent + before + after - size) % step
        for extent, before, after, size, step in (
            (x.shape[1], top, bottom, layer.size[0], layer.stride[0]),
            (x.shape[2], left, right, layer.size[1], layer.stride[1]),
        )
    ]
    value = -np.inf if layer.method == "max" else np.nan
    wide = np.pad(x, ((0, 0), (top, bottom + more[0]), (left, right + more[1]), (0, 0)), constant_values=value)
    bare = replace(layer, pad=0)
    if layer.method == "max":
        return definition.forward(bare, wide)
    windows = [wide[:, rows, columns] for rows, columns in definition.taps(bare, wide.shape)]
    number = sum(~np.isnan(window) for window in windows)
    return np.nansum(windows, axis=0) / number


COMMON: tuple[Answer, ...] = (
    changed("no_pad", "it ignores the pad", with_fields(pad=0), BOTH),
    changed("no_stride", "it ignores the stride", with_fields(stride=1), BOTH),
    changed(
        "stride_is_size", "it takes the window's size as the stride", with_fields(stride=lambda layer: layer.size), BOTH
    ),
    changed(
        "stride_x_y",
        "it reads the stride as (x, y)",
        with_fields(stride=lambda layer: layer.stride[::-1]),
        BOTH,
        flag="LAYOUT",
    ),
    changed(
        "size_x_y", "it reads the size as (x, y)", with_fields(size=lambda layer: layer.size[::-1]), BOTH, flag="LAYOUT"
    ),
    changed(
        "stride_first_for_both",
        "it takes the stride of the rows for both axes",
        with_fields(stride=lambda layer: layer.stride[0]),
        BOTH,
        flag="UNSUPPORTED",
    ),
    changed(
        "pad_left_right_top_bottom",
        "it reads the pads as (left, right, top, bottom)",
        pads(2, 3, 0, 1),
        BOTH,
        flag="LAYOUT",
    ),
    changed(
        "pad_top_left_bottom_right",
        "it reads the pads as (top, left, bottom, right)",
        pads(0, 2, 1, 3),
        BOTH,
        flag="LAYOUT",
    ),
    changed("pad_bottom_top", "it has the pads of opposite sides swapped", pads(1, 0, 3, 2), BOTH, flag="LAYOUT"),
    changed("pad_first_for_all", "it takes the top's pad for all sides", pads(0, 0, 0, 0), BOTH, flag="UNSUPPORTED"),
    changed(
        "pad_first_of_sides",
        "it takes the top's and the left's pad for the opposite sides",
        pads(0, 0, 2, 2),
        BOTH,
        flag="UNSUPPORTED",
    ),
    forward_is(
        "rounded_up_size",
        "it rounds the size of the output up",
        rounded_up,
        result="acceptable",
        flag="CONVENTION",
        seen=("Caffe", "ceil_mode of PyTorch and ONNX"),
    ),
)

TIES = "operators/pool.html"

MAX_ANSWERS: tuple[Answer, ...] = (
    backward_is(
        "tie_first_of_row",
        "the first of the row wins a tie (the definition: the first of the column, as MatConvNet)",
        tie_winner(by_rows),
        result="acceptable",
        flag="CONVENTION",
        seen=("PyTorch", "captum", "zennit", "TensorFlow"),
        page=TIES,
    ),
    backward_is(
        "tie_last_of_row",
        "the last of the row wins a tie",
        tie_winner(reverse_rows),
        result="acceptable",
        flag="CONVENTION",
        page=TIES,
    ),
    backward_is(
        "tie_last_of_column",
        "the last of the column wins a tie",
        tie_winner(reverse),
        result="acceptable",
        flag="CONVENTION",
        page=TIES,
    ),
    backward_is(
        "ties_get_all",
        "every value of a tie gets the whole signal",
        to_all_ties(False),
        flag="KNOWN_BUG",
        seen=("lrp_toolbox",),
        page=TIES,
    ),
    backward_is(
        "ties_share",
        "the values of a tie share the signal in equal parts",
        to_all_ties(True),
        result="acceptable",
        flag="CONVENTION",
        seen=("JAX for jnp.max",),
        page=TIES,
    ),
    forward_is("padding_is_zero", "its padding is zero and takes part in the maximum", zero_padded, flag="KNOWN_BUG"),
    backward_is(
        "padding_takes_signal", "its padding is zero and may win the signal", zero_padded_gradient, flag="KNOWN_BUG"
    ),
    backward_is(
        "windows_overwrite",
        "where windows overlap, one signal overwrites the other",
        last_signal_wins,
        flag="KNOWN_BUG",
        seen=("max_unpool of PyTorch",),
    ),
    changed("average", "it takes the average", with_fields(method="avg"), BOTH),
    *COMMON,
)


def pad_counts(parts: Any = BOTH) -> Answer:
    """Return the answer of an average that counts the padding."""

    def shares(layer: Pool, x: Array) -> Array:
        return definition.counts(layer, x) / (layer.size[0] * layer.size[1])

    def forward(kind: Kind, case: Case) -> dict[str, Array]:
        (x,) = case.inputs
        return {"output": definition.forward(case.layer, x) * shares(case.layer, x)}

    def backward(kind: Kind, case: Case) -> dict[str, Array]:
        (x,) = case.inputs
        (back,) = definition.gradient(case.layer, case.signal * shares(case.layer, x), x, x)
        return {"signal": back}

    return Answer(
        "pad_counts",
        "its average counts the padding",
        {"forward": forward, "backward": backward},
        "acceptable",
        "CONVENTION",
        ("PyTorch (count_include_pad)", "Caffe"),
        "operators/pool.html",
    )


AVERAGE_ANSWERS: tuple[Answer, ...] = (
    pad_counts(),
    forward_is(
        "sum",
        "it does not divide by the number of pixels",
        lambda layer, x: definition.forward(layer, x) * definition.counts(layer, x),
    ),
    backward_is("undivided_signal", "its signal is not divided by the number of pixels", undivided_gradient),
    changed("maximum", "it takes the maximum", with_fields(method="max"), BOTH),
    *COMMON,
)


def has_tie(case: Case) -> bool:
    """Return whether some window has its largest value more than once."""
    (x,) = case.inputs
    wide, _, _ = _bordered(case.layer, x)
    y = definition.forward(case.layer, x)
    windows = definition.taps(case.layer, x.shape)
    return bool((sum((wide[:, rows, columns] == y).astype(int) for rows, columns in windows) > 1).any())


FEATURES = {
    "a tie in a window": has_tie,
    "a pad": lambda case: max(case.layer.pad) > 0,
    "pads that are not equal": lambda case: len(set(case.layer.pad)) > 1,
    "strides that are not equal": lambda case: len(set(case.layer.stride)) > 1,
    "windows that overlap": lambda case: any(s < w for s, w in zip(case.layer.stride, case.layer.size, strict=True)),
    "a window that is not square": lambda case: len(set(case.layer.size)) > 1,
    "several images": lambda case: len(case.inputs[0]) > 1,
    "several channels": lambda case: case.inputs[0].shape[3] > 1,
    "negative values": lambda case: bool((case.inputs[0] < 0).any()),
}


def terms(case: Case) -> int:
    """Return the number of values in a window."""
    return int(case.layer.size[0] * case.layer.size[1])


MAX_POOL = Kind(
    "max_pool",
    drawn("max"),
    terms,
    MAX_ANSWERS,
    FEATURES,
    exact=frozenset(("forward", "backward")),
    selects=True,
    page="operators/pool.html",
)
AVERAGE_POOL = Kind("average_pool", drawn("avg"), terms, AVERAGE_ANSWERS, FEATURES, page="operators/pool.html")
