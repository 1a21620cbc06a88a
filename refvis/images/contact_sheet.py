"""Contact sheets: several small pictures as one, in rows on white, each below its caption."""

from collections.abc import Sequence
from math import ceil

import numpy as np

from refvis.layers import Array

ACROSS = 8
"""Pictures in a row."""

GAP = 4
"""Pixels between pictures."""

MIN_WIDTH = 112
"""Smallest width of a picture in pixels, which leaves room for a caption; smaller pictures are enlarged."""

CAPTION_HEIGHT, LETTER_HEIGHT = 14, 12
"""Height of a caption and of its letters in pixels."""


def contact_sheet(pictures: Sequence[Array], captions: Sequence[str]) -> Array:
    """Return pictures of one size (H x W x 3 uint8) as one, in rows of `ACROSS`, enlarged until captions fit."""
    times = max(1, ceil(MIN_WIDTH / pictures[0].shape[1]))
    cells = [
        add_caption(one.repeat(times, 0).repeat(times, 1), text) for one, text in zip(pictures, captions, strict=True)
    ]
    return tile(cells, min(ACROSS, len(cells)), GAP)


def tile(pictures: Sequence[Array], across: int, gap: int) -> Array:
    """Return pictures of one size (H x W x 3 uint8) in rows of `across`, on white, `gap` pixels apart."""
    height, width, _ = pictures[0].shape
    down = ceil(len(pictures) / across)
    sheet = np.full((down * (height + gap) - gap, across * (width + gap) - gap, 3), 255, np.uint8)
    for number, picture in enumerate(pictures):
        y, x = (number // across) * (height + gap), (number % across) * (width + gap)
        sheet[y : y + height, x : x + width] = picture
    return sheet


def add_caption(picture: Array, text: str, height: int = CAPTION_HEIGHT) -> Array:
    """Return the picture below a line of text of `height` pixels, black on white; text that is too long is cut off."""
    from PIL import Image, ImageDraw

    line = Image.new("RGB", (picture.shape[1], height), "white")
    ImageDraw.Draw(line).text((1, (height - LETTER_HEIGHT) // 2), text, fill="black")
    return np.concatenate([np.asarray(line), picture])
