"""Contact sheet of examples: for each channel a block of patches, and beside it a block of their signals.

The arrangement is that of Zeiler & Fergus 2014, figure 2.
"""

from math import ceil, sqrt
from typing import NamedTuple

from refvis.images.contact_sheet import add_caption, tile
from refvis.layers import Array

GAP, LEAST, LINE = 2, 48, 16
"""Pixels between pictures, the smallest side of a picture, and the height of a line of text."""


class Row(NamedTuple):
    """One channel: its title, its scores (t), patches and signals (t x h x w x 3 uint8)."""

    title: str
    scores: Array
    patches: Array
    signals: Array


def sheet(rows: list[Row]) -> Array:
    """Return the channels' blocks as one picture, H x W x 3 uint8, about as wide as high."""
    blocks = [_block(row) for row in rows]
    height, width = blocks[0].shape[:2]
    across = min(len(blocks), max(1, round(sqrt(len(blocks) * height / width))))
    return tile(blocks, across, 4 * GAP)


def _block(row: Row) -> Array:
    """Return a channel's patches and signals, each as a square block, below its title."""
    across = ceil(sqrt(len(row.patches)))
    larger = max(1, ceil(LEAST / max(row.patches.shape[1:3])))
    squares = [tile(_enlarge(pictures, larger), across, GAP) for pictures in (row.patches, row.signals)]
    both = tile(squares, 2, 3 * GAP)
    text = f"{row.title}: {row.scores[0]:.4g} ... {row.scores[-1]:.4g}"
    return add_caption(both, text, LINE)


def _enlarge(pictures: Array, times: int) -> Array:
    return pictures.repeat(times, axis=1).repeat(times, axis=2)
