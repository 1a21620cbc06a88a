"""Contact sheets of reconstructed images: pictures side by side, in as many rows as columns, or one row less."""

from math import ceil, sqrt

import numpy as np

from refvis.images.contact_sheet import tile
from refvis.layers import Array
from refvis.network import Network

GAP = 2
"""Pixels between pictures."""


def to_picture(net: Network, x: Array) -> Array:
    """Return an input of any size (1 x H x W x C) as a picture, H x W x 3 uint8.

    If the network's average image has another size, its mean colour is added instead.
    """
    return net.preparation.of_size((x.shape[1], x.shape[2])).picture(x)


def pictures(net: Network, x: Array) -> Array:
    """Return inputs `x` (N x H x W x C) as pictures, N x H x W x 3 uint8."""
    return np.stack([to_picture(net, x[i : i + 1]) for i in range(len(x))])


def sheet(shown: Array, columns: int | None = None) -> Array:
    """Return pictures (N x H x W x 3 uint8) as one, row by row in `columns`; by default about a square."""
    return tile(shown, columns or sheet_columns(len(shown)), GAP)


def sheet_columns(count: int) -> int:
    """Return the number of columns in a sheet of `count` pictures."""
    return ceil(sqrt(count))
