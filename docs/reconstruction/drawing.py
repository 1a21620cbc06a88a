"""The sheet of inversions: a row for each scene, columns in groups by layer, their names above them."""

from itertools import groupby

import numpy as np
from inversions import Results
from PIL import Image, ImageDraw, ImageFont

from refvis import Network
from refvis.input_reconstruction.image.sheet import pictures
from refvis.layers import Array

LAYERS = ("conv1", "relu2", "relu3", "relu5")
"""The layers in the picture. conv2 and conv3 look like the ReLUs behind them."""

SHORT = {"inversion": "inversion", "natural_preimage": "natural", "generator_inversion": "generator"}
"""Method -> its name above a column."""

TIMES, GAP, LINE = 2, 4, 26
"""Factor of enlargement; pixels between pictures (five times as many between layers); height of a line of text."""

Columns = list[tuple[str, str, Array]]
"""Layer, method, its pictures (scenes x H x W x 3)."""


def draw_sheet(net: Network, images: Array, results: Results, scenes: list[int]) -> Array:
    """Return the sheet of some scenes, H x W x 3 uint8."""
    columns: Columns = [("", "scene", pictures(net, images[scenes]))]
    columns += [
        (at, SHORT[method], pictures(net, one.images[scenes])) for (at, method), one in results.items() if at in LAYERS
    ]
    blocks: list[Array] = []
    for at, members in groupby(columns, key=lambda column: column[0]):
        group = [_column(name, shown) for _, name, shown in members]
        apart = _white(len(group[0]), GAP)
        block = np.concatenate([part for each in group for part in (each, apart)][:-1], axis=1)
        blocks += [np.concatenate([_line(at, block.shape[1]), block]), _white(len(block) + LINE, 5 * GAP)]
    return np.concatenate(blocks[:-1], axis=1)


def _column(name: str, shown: Array) -> Array:
    """Return pictures below each other, enlarged, with a name above them."""
    large = shown.repeat(TIMES, axis=1).repeat(TIMES, axis=2)
    width = large.shape[2]
    return np.concatenate([_line(name, width), *(part for each in large for part in (each, _white(GAP, width)))][:-1])


def _line(text: str, width: int) -> Array:
    """Return a line of text, centred on white, LINE x width x 3."""
    image = Image.new("RGB", (width, LINE), "white")
    ImageDraw.Draw(image).text((width / 2, LINE / 2), text, "black", ImageFont.load_default(20), anchor="mm")
    return np.asarray(image)


def _white(height: int, width: int) -> Array:
    return np.full((height, width, 3), 255, np.uint8)
