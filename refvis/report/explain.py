"""What the report shows: one row of cards per class of the taxonomy."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from refvis.deconvolutional import deconvolution
from refvis.images import ImageLike
from refvis.input_modification import occlusion
from refvis.input_reconstruction import inversion
from refvis.layers import Array, ReLU, title
from refvis.network import Network
from refvis.report.texts import HOW_TO_READ, METHODS, ROWS
from refvis.results import Heatmap, Reconstruction

Found = Heatmap | Reconstruction

TV_WEIGHTS = (1.0, 4.0, 10.0)
"""Weights of total variation for the layers that are inverted, from shallow to deep: the less a code says about
details, the more the regulariser has to (Mahendran & Vedaldi choose it layer by layer, too)."""


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
    """One class of the taxonomy."""

    title: str
    question: str
    cards: tuple[Card, ...]


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
    mask: Array | None = None


def explain(
    net: Network,
    image: ImageLike,
    source: str = "image",
    mask: Array | None = None,
    steps: int = 200,
    seed: int = 0,
    progress: bool = False,
) -> Explanation:
    """Return what `net` does with `image`, by one or more methods of each class of the taxonomy.

    The image's strongest class is explained; `steps` is the length of each inversion; `seed` serves all that is random.
    `mask` (H x W bool, the input's size) says where the object is, if that is known. `source` is the image's name.
    """
    x = net.preprocess(image)
    scores = net.upto(net.scores).forward(x).output
    channel = int(scores[0].sum(axis=(0, 1)).argmax())
    one_of_several = scores.shape[3] > 1
    classes = tuple(net.classify(x)) if one_of_several else ()
    common: dict[str, Any] = {"channel": channel}
    rows = (
        _row("modification", _modifications(net, x, common, seed, progress), mask),
        _row("deconvolutional", _deconvolutions(net, x, common), mask),
        _row("reconstruction", _reconstructions(net, x, steps, seed, progress), None),
    )
    target = _named(net, channel, scores.shape)
    return Explanation(net, source, x, net.restore(x), classes, target, rows, mask)


def _named(net: Network, channel: int, shape: tuple[int, ...]) -> str:
    """Return what is explained in words: the class or channel, before what, and over how many positions."""
    before = f"the score (before {title(net.nodes[-1].layer)}) of " if net.scores not in net.outputs else "the output "
    name = net.label(channel) if shape[3] > 1 else f"of {net.node(net.scores).name}"
    over = f", over its {shape[1]} x {shape[2]} positions" if shape[1] * shape[2] > 1 else ""
    return f"{before}{name}{over}"


def _row(key: str, found: Iterator[tuple[str, str, Found]], mask: Array | None) -> Row:
    cards = tuple(
        Card(f"{key}/{name}", title, HOW_TO_READ[name.split("-")[0]], result, _inside(result, mask))
        for name, title, result in found
    )
    return Row(*ROWS[key], cards)


def _inside(found: Found, mask: Array | None) -> float | None:
    """Return the share of the map's positive values that lies inside the mask; None without mask or positive value."""
    if mask is None or not isinstance(found, Heatmap):
        return None
    positive = np.maximum(found.map, 0)
    return float(positive[mask].sum() / positive.sum()) if positive.sum() > 0 else None


def _modifications(
    net: Network, x: Array, common: dict[str, Any], seed: int, progress: bool
) -> Iterator[tuple[str, str, Found]]:
    size = max(1, round(min(x.shape[1:3]) / 5))
    options = common | {"size": size, "stride": max(1, size // 3), "seed": seed, "progress": progress}
    for fill in ("mean", "random"):
        name = f"occlusion_{fill}"
        yield name, METHODS[name], occlusion(net, x, fill=fill, **options)


def _deconvolutions(net: Network, x: Array, common: dict[str, Any]) -> Iterator[tuple[str, str, Found]]:
    for mode in ("gradient", "deconvnet", "guided", "epsilon"):
        yield mode, METHODS[mode], deconvolution(net, x, mode, **common)


def _reconstructions(net: Network, x: Array, steps: int, seed: int, progress: bool) -> Iterator[tuple[str, str, Found]]:
    for name, tv_weight in zip(depths(net, x), TV_WEIGHTS, strict=False):
        found = inversion(net, x, at=name, steps=steps, tv_weight=tv_weight, seed=seed, progress=progress)
        yield f"inversion-{name}", f"{METHODS['inversion']} of {name}", found


def depths(net: Network, x: Array, count: int = len(TV_WEIGHTS)) -> list[str]:
    """Return up to `count` nodes to invert, from the first to the deepest ReLU (or layer) with positions left."""
    cut = net.upto(net.scores)
    shapes = cut.shapes(**{net.inputs[0]: x.shape})
    maps = [node for node in cut.nodes if shapes[node.output][1] * shapes[node.output][2] > 1]
    rectified = [node.name for node in maps if isinstance(node.layer, ReLU)]
    names = rectified or [node.name for node in maps]
    if len(names) <= count:
        return names
    return [names[round(i * (len(names) - 1) / (count - 1))] for i in range(count)]
