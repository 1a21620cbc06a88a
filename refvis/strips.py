"""Several small pictures as one: in a row, each below its caption."""

from collections.abc import Sequence
from math import ceil

import numpy as np

from refvis.layers import Array

ACROSS, GAP, LEAST, LINE = 8, 4, 112, 14
"""Pictures in a row; pixels between them; the least width of one, for its caption's sake; the height of a caption."""


def strip(pictures: Sequence[Array], captions: Sequence[str]) -> Array:
    """Return equally large pictures (H x W x 3 uint8) as one, in rows of `ACROSS`, each enlarged to be readable."""
    times = max(1, ceil(LEAST / pictures[0].shape[1]))
    cells = [
        _captioned(one.repeat(times, 0).repeat(times, 1), text) for one, text in zip(pictures, captions, strict=True)
    ]
    height, width = cells[0].shape[0] + GAP, cells[0].shape[1] + GAP
    columns = min(ACROSS, len(cells))
    page = np.full((ceil(len(cells) / columns) * height - GAP, columns * width - GAP, 3), 255, np.uint8)
    for number, cell in enumerate(cells):
        y, x = number // columns * height, number % columns * width
        page[y : y + cell.shape[0], x : x + cell.shape[1]] = cell
    return page


def _captioned(picture: Array, text: str) -> Array:
    """Return the picture below a line of text, black on white; what is too long is cut off."""
    from PIL import Image, ImageDraw

    line = Image.new("RGB", (picture.shape[1], LINE), "white")
    ImageDraw.Draw(line).text((1, 1), text, fill="black")
    return np.concatenate([np.asarray(line), picture])
