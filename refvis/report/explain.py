"""Explanations: one row of cards for each class of the taxonomy, and the ledger of a relevance."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from refvis.deconvolutional import Ledger
from refvis.deconvolutional.accounts.ledger import ledger
from refvis.images.preprocessing import ImageLike
from refvis.interruptions import suppress_interruption_warnings
from refvis.layers import Array, title
from refvis.layers.graph.nodes import label_of
from refvis.network import Network
from refvis.report.methods import MethodResult, Result, deconvolutions, modifications, reconstructions
from refvis.report.texts import HOW_TO_READ, ROWS, SEARCH_FAILED, ZERO_GRAD_CAM, ZERO_MAP
from refvis.results import Heatmap, Reconstruction
from refvis.targets import layer_variable, require_one_image
from refvis.units import check_channels

LEDGER = "epsilon_plus_flat"
"""Mode of the ledger on the page."""


@dataclass(frozen=True)
class Card:
    """One method's result with its title and a text on how to read it.

    `inside` is the share of the map's positive values that lies on the object; None if that is unknown.
    """

    key: str
    title: str
    reading: str
    result: Result
    inside: float | None = None


@dataclass(frozen=True)
class Row:
    """The cards of one class of the taxonomy; `left_out` says for each method skipped why it was skipped."""

    title: str
    question: str
    cards: tuple[Card, ...]
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True)
class Explanation:
    """The contents of the page.

    Fields:

        net      the network
        source   the image's name
        x        the network's input, 1 x H x W x C
        picture  the input as a picture, H x W x 3 uint8
        classes  the most probable classes, (label, probability)
        target   the explained score in words
        rows     one `Row` for each class of the taxonomy
        ledger   the ledger of the relevance
        mask     the object's pixels, H x W bool, or None
        lacks_classes  why `classes` is empty; "" if it is not
    """

    net: Network
    source: str
    x: Array
    picture: Array
    classes: tuple[tuple[str, float], ...]
    target: str
    rows: tuple[Row, ...]
    ledger: Ledger
    mask: Array | None = None
    lacks_classes: str = ""


def explain(
    net: Network,
    image: ImageLike,
    source: str = "image",
    mask: Array | None = None,
    steps: int = 200,
    seed: int = 0,
    progress: bool = False,
    channel: int | str | None = None,
    maximize: bool | None = None,
    *,
    at: str | None = None,
) -> Explanation:
    """Return an explanation of the network's score for an image, by methods of each class of the taxonomy.

    Parameters:

        net       the network
        image     a file, a PIL image, or an array H x W x 3 of values 0 ... 255
        source    the image's name on the page
        mask      the object's pixels, H x W bool of the input's size, if they are known
        steps     iterations of each inversion
        seed      seed of all random numbers
        progress  whether to show progress bars
        channel   the class to explain, by number (from 0) or name; default: the strongest
        maximize  whether to maximise the score and a layer's channels; default: if that takes a few seconds
        at        the layer or variable whose channels are scores, needed if there are several outputs; default: the
                  network's scores, before softmax and losses

    Ctrl-C ends the whole explanation with KeyboardInterrupt; there is no partial one. Raises ValueError for an unknown
    channel, for several outputs, for NaN, on the way too, and for anything that is not an image.

    >>> import numpy as np
    >>> import refvis
    >>> from refvis import report
    >>> from refvis.layers import Conv, ReLU
    >>> ones = np.ones((2, 3, 3, 3), "float32")
    >>> net = refvis.chain({"conv1": Conv(ones), "relu1": ReLU(), "fc2": Conv(ones[:, :, :, :2])})
    >>> image = np.arange(75, dtype="uint8").reshape(5, 5, 3)
    >>> explanation = report.explain(net, image, steps=1)
    >>> [row.title for row in explanation.rows]
    ['Input modification', 'Deconvolutional', 'Input reconstruction']
    """
    x = net.preprocess(image)
    if at is not None:
        net = net.ending_at(layer_variable(net, at), x.shape)
    require_one_image(net, net.scores)
    _, trace = net.checked_trace(net.scores, x)
    scores = trace[net.scores]
    channel = _channel(net, channel, scores)
    lacks_classes = net.lacks_classes(net.scores, scores.shape)
    rows = (
        _row("modification", modifications(net, x, channel, seed, progress), mask),
        _row("deconvolutional", deconvolutions(net, x, channel, seed), mask),
        _row("reconstruction", reconstructions(net, x, channel, steps, seed, progress, maximize), None),
    )
    return Explanation(
        net,
        source,
        x,
        net.restore(x),
        classes=() if lacks_classes else tuple(net.classify(x)),
        target=_target(net, channel, scores.shape),
        rows=rows,
        ledger=ledger(net, x, LEDGER, channel=channel),
        mask=mask,
        lacks_classes=lacks_classes,
    )


def _channel(net: Network, channel: int | str | None, scores: Array) -> int:
    """Return the number of the given channel, or of the strongest."""
    if channel is None:
        return int(scores[0].sum(axis=(0, 1)).argmax())
    return check_channels((channel,), scores.shape[3], label_of(net.nodes, net.scores), net.labels_at(net.scores))[0]


def _target(net: Network, channel: int, shape: tuple[int, ...]) -> str:
    """Return the explained score in words: the class or channel, the layer above it, and its number of positions."""
    layer = label_of(net.nodes, net.scores)
    name = layer if shape[3] == 1 else net.channel_name(net.scores, channel)
    above = next((one for one in net.nodes if net.scores in one.inputs), None)
    output = "the output of " if name.endswith(layer) else "the output "
    before = output if above is None else f"the score (before {title(above.layer)}) of "
    over = f", over its {shape[1]} x {shape[2]} positions" if shape[1] * shape[2] > 1 else ""
    return f"{before}{name}{over}"


def _row(key: str, results: Iterable[MethodResult | str], mask: Array | None) -> Row:
    """Return the row of the results; texts among them say which methods were skipped."""
    complete = [*_complete(results)]
    cards = tuple(
        Card(f"{key}/{name}", title, _reading(name.split("-")[0], result), result, _share_inside(result, mask))
        for name, title, result in (one for one in complete if not isinstance(one, str))
    )
    return Row(*ROWS[key], cards, tuple(one for one in complete if isinstance(one, str)))


def _complete(results: Iterable[MethodResult | str]) -> Iterator[MethodResult | str]:
    """Yield the results; an interrupted method, which returns a partial one, ends the explanation."""
    with suppress_interruption_warnings():
        for one in results:
            if not isinstance(one, str) and one[2].partial:
                raise KeyboardInterrupt
            yield one


def _reading(method: str, result: Result) -> str:
    """Return how to read a result, or that it is empty or failed."""
    if isinstance(result, Reconstruction):
        return SEARCH_FAILED if result.failed else HOW_TO_READ[method]
    if result.map.any():
        return HOW_TO_READ[method]
    return ZERO_GRAD_CAM if method == "grad_cam" else ZERO_MAP


def _share_inside(result: Result, mask: Array | None) -> float | None:
    """Return the share of the map's positive values inside the mask; None without a mask or a positive value."""
    if mask is None or not isinstance(result, Heatmap):
        return None
    positive = np.maximum(result.map, 0)
    return float(positive[mask].sum() / positive.sum()) if positive.sum() > 0 else None
