"""Several small pictures as one: side by side on white, or in a row, each below its caption."""

from collections.abc import Sequence
from math import ceil

import numpy as np

from refvis.layers import Array

ACROSS, GAP, LEAST, LINE = 8, 4, 112, 14
"""Pictures in a row; pixels between them; the least width of one, for its caption's sake; the height of a caption."""

LETTERS = 12
"""Height of a line of letters."""


def strip(pictures: Sequence[Array], captions: Sequence[str]) -> Array:
    """Return equally large pictures (H x W x 3 uint8) as one, in rows of `ACROSS`, each enlarged to be readable."""
    times = max(1, ceil(LEAST / pictures[0].shape[1]))
    cells = [
        captioned(one.repeat(times, 0).repeat(times, 1), text) for one, text in zip(pictures, captions, strict=True)
    ]
    return tiled(cells, min(ACROSS, len(cells)), GAP)


def tiled(pictures: Sequence[Array], across: int, gap: int) -> Array:
    """Return equally large pictures (H x W x 3 uint8) in rows of `across`, on white, `gap` pixels apart."""
    height, width, _ = pictures[0].shape
    down = ceil(len(pictures) / across)
    page = np.full((down * (height + gap) - gap, across * (width + gap) - gap, 3), 255, np.uint8)
    for number, picture in enumerate(pictures):
        y, x = (number // across) * (height + gap), (number % across) * (width + gap)
        page[y : y + height, x : x + width] = picture
    return page


def captioned(picture: Array, text: str, height: int = LINE) -> Array:
    """Return the picture below a line of text of that height, black on white; what is too long is cut off."""
    from PIL import Image, ImageDraw

    line = Image.new("RGB", (picture.shape[1], height), "white")
    ImageDraw.Draw(line).text((1, (height - LETTERS) // 2), text, fill="black")
    return np.concatenate([np.asarray(line), picture])
