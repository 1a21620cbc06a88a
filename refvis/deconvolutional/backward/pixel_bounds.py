"""The bounds of pixels, for modes with the box rule: what an input can be, rather than what one image happens to be."""

from math import floor
from typing import Any

import numpy as np

from refvis.deconvolutional.backward.mode_names import found
from refvis.layers import Array, Graph, array_module, modes
from refvis.layers.base.arrays import moved
from refvis.layers.modes.composites import is_open_box
from refvis.network import Network

WHITE = 255.0


def boxed(net: Network, graph: Graph, x: Array, mode: str | modes.Mode) -> tuple[modes.Mode, dict[str, str]]:
    """Return the mode's table, and a record's note of the bounds that its boxes without bounds have: {"box": ...}.

    Of a mode by name these are 0 ... 255 less the average image, where the meta data tells it and the boxes stand at
    the input of `graph`, the network up to what is explained. Resizing can leave pixels beyond: then as much more as
    they need. Else, and in tables of one's own, the box is the tightest that holds each image of `x` (N x H x W x C).
    """
    rules = found(mode)
    chosen = modes.resolved(rules, graph.nodes)
    readers = [node for node in graph.nodes if is_open_box(chosen.get(node.name))]
    if not readers:
        return rules, {}
    average = net.normalization.get("averageImage")
    if not isinstance(mode, str):
        return rules, {"box": "tightest, of each image: the mode is a table that has no bounds"}
    if any(node.inputs != graph.inputs[:1] for node in readers):
        return rules, {"box": "tightest, of each image: the box rule is not at the input"}
    if average is None or not _fits(np.shape(average), x.shape):
        return rules, {"box": "tightest, of each image: the model does not tell its average image"}
    low, high, text = _bounds(np.asarray(average, "float32"), x)
    return modes.with_box(rules, low, high), {"box": text}


def _fits(average: tuple[int, ...], shape: tuple[int, ...]) -> bool:
    """Whether an average image, or one value per channel, belongs to inputs of that shape."""
    places = average[:-1] in ((), (1, 1), shape[1:3])
    return bool(average) and places and average[-1] in (1, shape[3])


def _bounds(average: Any, x: Array) -> tuple[Array, Array, str]:
    """Return the least and largest input, which broadcast against x, and what they are in words."""
    library = array_module(x).__name__
    low, high = (moved(np.float32(end) - average, library).astype(x.dtype) for end in (0, WHITE))
    below, above = _more(low - x), _more(x - high)
    return low - below, high + above, f"pixels {-below} ... {int(WHITE) + above} less the average image"


def _more(beyond: Array) -> int:
    """Return a whole number that is larger than any of these amounts; 0 where none is positive."""
    most = float(beyond.max())
    return floor(most) + 1 if most > 0 else 0
