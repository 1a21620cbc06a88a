"""A sheet of found images: pictures side by side, in as many rows as columns, or one row less."""

from math import ceil, sqrt

import numpy as np

from refvis.input_reconstruction.examples_sheet import tiled
from refvis.layers import Array
from refvis.network import Network

GAP = 2
"""Pixels between pictures."""


def pictures(net: Network, x: Array) -> Array:
    """Return inputs `x` (N x H x W x C) as pictures, N x H x W x 3 uint8."""
    return np.stack([net.restore(x[i : i + 1]) for i in range(len(x))])


def sheet(shown: Array, columns: int | None = None) -> Array:
    """Return pictures (N x H x W x 3 uint8) as one, row by row with so many `columns` (None: about a square)."""
    return tiled(shown, columns or ceil(sqrt(len(shown))), GAP)
