"""Strides, pads, windows: the integer arithmetic that all sliding-window layers share.

A window of `size` taps, `dilate` pixels apart, slides in steps of `stride` over an axis of `extent` pixels that
is padded by (`before`, `after`). It covers ``(size - 1) * dilate + 1`` pixels and has
``floor((extent + before + after - covered) / stride) + 1`` positions (MatConvNet and PyTorch; Caffe's pooling rounds
up).
"""

from collections.abc import Iterable
from typing import Any, TypeAlias

from refvis.layers.base.errors import ShapeError

Pair: TypeAlias = int | tuple[int, int]
"""(y, x), or one number for both, as users write it."""

Quad: TypeAlias = int | tuple[int, int] | tuple[int, int, int, int]
"""(top, bottom, left, right), (y, x), or one number for all, as users write it."""

Number: TypeAlias = Any
"""Pixels: an int, or a Fraction behind a window that moves by parts of a pixel."""

Window: TypeAlias = tuple[tuple[Number, Number], tuple[Number, Number], tuple[Number, Number]]
"""The part of the input that one position of the output sees: pixels covered, stride, and pad before, each (y, x)."""

POINT: Window = (1, 1), (1, 1), (0, 0)
"""The window of a layer that works position by position."""

Corner: TypeAlias = tuple[int, int]
"""Row and column of a rectangle's first pixel, which may lie outside the map."""


def integers(value: Any, what: str, lengths: tuple[int, ...], least: int) -> tuple[int, ...]:
    """Return `value` (a number or a sequence) as a tuple of ints, or raise ShapeError saying what was expected."""
    sequence = list(value) if isinstance(value, Iterable) and not isinstance(value, str) else [value]
    try:
        if any(isinstance(number, str) for number in sequence):
            raise TypeError
        numbers = tuple(int(number) for number in sequence)
        whole = all(float(given) == number for given, number in zip(sequence, numbers, strict=True))
    except (TypeError, ValueError, OverflowError):
        raise ShapeError(f"{what} is {value!r}, expected whole numbers") from None
    if len(numbers) not in lengths or not whole or min(numbers) < least:
        counts = " or ".join(str(length) for length in lengths)
        raise ShapeError(f"{what} is {value!r}, expected {counts} whole number(s), each at least {least}")
    return numbers


def pair(value: Any, what: str, least: int = 1) -> tuple[int, int]:
    """Return `value`, one number or (y, x), as (y, x)."""
    numbers = integers(value, what, (1, 2), least)
    return numbers[0], numbers[-1]


def quad(value: Any, what: str, least: int = 0) -> tuple[int, int, int, int]:
    """Return `value` (one number, (y, x), or (top, bottom, left, right)) as (top, bottom, left, right)."""
    numbers = integers(value, what, (1, 2, 4), least)
    if len(numbers) == 4:
        return numbers
    return numbers[0], numbers[0], numbers[-1], numbers[-1]


def dilated_size(size: int, dilate: int) -> int:
    """Pixels that a dilated window covers, first to last."""
    return (size - 1) * dilate + 1


def positions(extent: int, covered: int, stride: int, before: int, after: int) -> int:
    """Number of positions of a window that covers `covered` pixels; 0 or less where it does not fit."""
    return (extent + before + after - covered) // stride + 1


def window_output(
    shape: tuple[int, ...],
    size: tuple[int, int],
    stride: tuple[int, int],
    pad: tuple[int, int, int, int],
    dilate: tuple[int, int] = (1, 1),
    what: str = "window",
) -> tuple[int, int]:
    """Return (output height, output width) of a window on an input of N x H x W x C `shape`, or raise ShapeError."""
    covered = dilated_size(size[0], dilate[0]), dilated_size(size[1], dilate[1])
    height = positions(shape[1], covered[0], stride[0], pad[0], pad[1])
    width = positions(shape[2], covered[1], stride[1], pad[2], pad[3])
    if height < 1 or width < 1:
        raise ShapeError(
            f"the {what} covers {covered[0]} x {covered[1]} pixels, more than the input's {shape[1]} x {shape[2]} "
            f"with pad {pad} (top, bottom, left, right): give a larger input"
        )
    return height, width


def require_rank4(shape: tuple[int, ...], what: str = "input") -> None:
    """Raise ShapeError unless `shape` is N x H x W x C with no empty axis."""
    if len(shape) != 4 or min(shape) < 1:
        raise ShapeError(f"the {what} has shape {tuple(shape)}, expected four non-empty axes N x H x W x C")


def tap(offset: int, dilate: int, stride: int, count: int) -> slice:
    """Return the slice of a padded axis that tap number `offset` of the window meets, over all `count` positions."""
    first = offset * dilate
    return slice(first, first + (count - 1) * stride + 1, stride)


def spans(count: int, rows: int, at_once: int) -> list[tuple[slice, slice]]:
    """Return (images, rows) that cover `count` images: at most `at_once` rows of one image, or several whole images."""
    images = max(1, at_once // rows)
    return [
        (slice(n, min(n + images, count)), slice(i, min(i + at_once, rows)))
        for n in range(0, count, images)
        for i in range(0, rows, at_once)
    ]


def place(source: Any, target: Any, at: tuple[int, int]) -> None:
    """Copy `source` (h x w x C) into `target` at (row, column) `at`, which may be negative, and cut off the rest."""
    spans = []
    for offset, inner, outer in zip(at, source.shape[:2], target.shape[:2], strict=True):
        first, last = max(offset, 0), max(min(offset + inner, outer), max(offset, 0))
        spans.append((slice(first, last), slice(first - offset, last - offset)))
    (rows, from_rows), (columns, from_columns) = spans
    target[rows, columns] = source[from_rows, from_columns]
