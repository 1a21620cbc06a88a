"""Rectangles of maps, and their way through the windows of a layer.

A window covers `covered` rows, moves by `stride`, and the axis is padded by `before`: output i sees the rows from
i * stride - before on. So a change of the rows r0 ... r1 - 1 affects the output's rows

    ceil((r0 + before - covered + 1) / stride) ... floor((r1 - 1 + before) / stride)

as far as these exist; columns likewise. The three figures may be fractions, as those of a transposed convolution are.
"""

from collections.abc import Sequence
from math import ceil, floor
from typing import TypeAlias

from refvis.layers.base.geometry import Corner, Window

Span: TypeAlias = tuple[int, int]
"""First row, or column, and the first one after it; the span is empty where both are equal."""

Rectangle: TypeAlias = tuple[Span, Span]
"""Rows and columns."""


def length(span: Span) -> int:
    """Return how many rows (or columns) a span has."""
    return span[1] - span[0]


def size(rectangle: Rectangle) -> tuple[int, int]:
    """Return height and width."""
    return length(rectangle[0]), length(rectangle[1])


def corner(rectangle: Rectangle) -> Corner:
    """Return the first row and column."""
    return rectangle[0][0], rectangle[1][0]


def affected_span(span: Span, window: Window, axis: int, extent: int) -> Span:
    """Return the rows of an output axis of `extent` rows that a change of `span` affects; (0, 0) if none."""
    covered, stride, before = (one[axis] for one in window)
    first = max(0, ceil((span[0] + before - covered + 1) / stride))
    last = min(extent - 1, floor((span[1] - 1 + before) / stride))
    return (first, last + 1) if first <= last and length(span) else (0, 0)


def needed_input(rectangle: Rectangle, window: Window) -> Rectangle:
    """Return the part of the input that the outputs in a rectangle see; it may lie beyond the border."""
    spans = []
    for (first, stop), covered, stride, before in zip(rectangle, *window, strict=True):
        spans.append((floor(first * stride - before), ceil((stop - 1) * stride - before + covered)))
    return spans[0], spans[1]


def hull(spans: Sequence[Span]) -> Span:
    """Return the shortest span that holds all non-empty spans; (0, 0) if all are empty."""
    filled = [span for span in spans if length(span)]
    return (min(span[0] for span in filled), max(span[1] for span in filled)) if filled else (0, 0)


def widen(span: Span, least: int, extent: int) -> Span:
    """Return a span of at least `least` rows that holds `span`, inside an axis of `extent` >= `least` rows."""
    first = min(span[0], extent - max(least, length(span)))
    return first, max(first + least, span[1])
