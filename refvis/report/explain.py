"""What the report shows: one row of cards per class of the taxonomy, and the ledger of a relevance."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from refvis.deconvolutional import Ledger
from refvis.deconvolutional.accounts.ledger import ledger
from refvis.images.preprocessing import ImageLike
from refvis.interruptions import told_elsewhere
from refvis.layers import Array, title
from refvis.layers.graph.nodes import called
from refvis.network import Network
from refvis.report.methods import Found, Titled, deconvolutions, modifications, reconstructions
from refvis.report.texts import HOW_TO_READ, NOTHING_ABOVE_ZERO, NOTHING_FOUND, ROWS, SEARCH_FAILED
from refvis.results import Heatmap, Reconstruction
from refvis.units import checked_channels

LEDGER = "epsilon_plus_flat"
"""The mode whose ledger is shown."""


@dataclass(frozen=True)
class Card:
    """One method's result with its title and how to read it. `inside` is the share of it that lies on the object."""

    key: str
    title: str
    reading: str
    found: Found
    inside: float | None = None


@dataclass(frozen=True)
class Row:
    """One class of the taxonomy; `left_out` says what it lacks for this network, and why."""

    title: str
    question: str
    cards: tuple[Card, ...]
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True)
class Explanation:
    """All that the page shows. `classes` are (label, probability); `mask` is the object's (H x W bool), or None."""

    net: Network
    source: str
    x: Array
    picture: Array
    classes: tuple[tuple[str, float], ...]
    target: str
    rows: tuple[Row, ...]
    ledger: Ledger
    mask: Array | None = None


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
) -> Explanation:
    """Return what `net` does with `image`, by one or more methods of each class of the taxonomy.

    `channel` is explained, a number from 0 or a class's name (None: the image's strongest). `steps` is the length of
    each inversion; `seed` serves all that is random. `mask` (H x W bool, the input's size) says where the object is, if
    that is known. `source` is the image's name. `maximize` says whether the score and a layer's channels are maximised
    (None: what takes seconds). Ctrl-C ends all of it, as ever: no page holds what is half done.
    """
    x = net.preprocess(image)
    scores = net.upto(net.scores).forward(x).output
    channel = _channel(net, channel, scores)
    found = reconstructions(net, x, channel, steps, seed, progress, maximize)
    rows = (
        _row("modification", modifications(net, x, channel, seed, progress), mask),
        _row("deconvolutional", deconvolutions(net, x, channel, seed), mask),
        _row("reconstruction", found, None),
    )
    return Explanation(
        net,
        source,
        x,
        net.restore(x),
        classes=tuple(net.classify(x)) if scores.shape[3] > 1 else (),
        target=_named(net, channel, scores.shape),
        rows=rows,
        ledger=ledger(net, x, LEDGER, channel=channel),
        mask=mask,
    )


def _channel(net: Network, given: int | str | None, scores: Array) -> int:
    """Return the number of the channel that was asked for, or of the strongest."""
    if given is None:
        return int(scores[0].sum(axis=(0, 1)).argmax())
    return checked_channels((given,), scores.shape[3], called(net.nodes, net.scores), net.labels_at(net.scores))[0]


def _named(net: Network, channel: int, shape: tuple[int, ...]) -> str:
    """Return what is explained in words: the class or channel, before what, and over how many positions."""
    one = shape[3] == 1
    output = "the output of " if one else "the output "
    before = output if net.scores in net.outputs else f"the score (before {title(net.nodes[-1].layer)}) of "
    name = net.node(net.scores).name if one else net.label(channel)
    over = f", over its {shape[1]} x {shape[2]} positions" if shape[1] * shape[2] > 1 else ""
    return f"{before}{name}{over}"


def _row(key: str, found: Iterable[Titled | str], mask: Array | None) -> Row:
    """Return the row of what was found; sentences tell what was left out."""
    every = [*_whole(found)]
    cards = tuple(
        Card(f"{key}/{name}", title, _reading(name.split("-")[0], result), result, _inside(result, mask))
        for name, title, result in (one for one in every if not isinstance(one, str))
    )
    return Row(*ROWS[key], cards, tuple(one for one in every if isinstance(one, str)))


def _whole(found: Iterable[Titled | str]) -> Iterator[Titled | str]:
    """Yield what was found; a method that was interrupted ends the page, though it returns what it has."""
    with told_elsewhere():
        for one in found:
            if not isinstance(one, str) and one[2].partial:
                raise KeyboardInterrupt
            yield one


def _reading(method: str, found: Found) -> str:
    if isinstance(found, Reconstruction):
        return SEARCH_FAILED if found.failed else HOW_TO_READ[method]
    if found.map.any():
        return HOW_TO_READ[method]
    return NOTHING_ABOVE_ZERO if method == "grad_cam" else NOTHING_FOUND


def _inside(found: Found, mask: Array | None) -> float | None:
    """Return the share of the map's positive values that lies inside the mask; None without mask or positive value."""
    if mask is None or not isinstance(found, Heatmap):
        return None
    positive = np.maximum(found.map, 0)
    return float(positive[mask].sum() / positive.sum()) if positive.sum() > 0 else None
