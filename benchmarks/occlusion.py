"""Occlusion: refvis computes only what a box can change, PyTorch a whole forward pass for each position."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from benchmarks import networks
from benchmarks.rows import OURS, Row, require_agreement
from benchmarks.timing import Times, side_by_side
from refvis.input_modification.boxes.grid import boxes
from refvis.layers import Array, Graph
from refvis.layers.incremental import forward_changes

GOALS = {"AlexNet": 0.25, "VGG-16": 0.20}
SIZE, STEP = (32, 32), (16, 16)
AT_ONCE, BATCHES = 28, 2
"""Images in a batch of PyTorch, and the batches that are timed. The time of all positions follows in proportion."""


def measure(rounds: int, quick: bool) -> list[Row]:
    """Return a row for each network, of three rounds (quick: one)."""
    return [_compare(name, 1 if quick else 3, goal) for name, goal in GOALS.items()]


def _compare(name: str, rounds: int, goal: float) -> Row:
    net = networks.network(name)
    x = networks.of_size(net)
    places = boxes(x.shape[1:3], SIZE, STEP)
    some = places[: AT_ONCE * BATCHES]
    functions: dict[str, Callable[[], Array]] = {OURS: partial(incremental, net, x, places)}
    functions |= {title: partial(whole, peer, x, some) for title, peer in networks.work(name).peers.items()}
    what = f"{name}, {len(places)} positions"
    ours = functions[OURS]()
    for title in list(functions)[1:]:
        require_agreement(what, ours[: len(some)], title, functions[title]())
    times = side_by_side(functions, rounds)
    scale = len(places) / len(some)
    scaled = {title: Times(tuple(scale * t for t in each.seconds)) for title, each in times.items()}
    return Row(what, scaled | {OURS: times[OURS]}, goal)


def incremental(graph: Graph, x: Array, places: list[Any]) -> Array:
    """Return the scores for each box of zeros, B x K. The forward pass of the image itself is part of the work."""
    black = np.zeros((1, 1, 3), x.dtype)
    trace = graph.forward(x)
    scores = np.empty((len(places), trace.output.shape[3]), x.dtype)
    for numbers, output in forward_changes(graph, trace, places, lambda number: black):
        scores[numbers] = output[:, 0, 0]
    return scores


def whole(peer: Any, x: Array, places: list[Any]) -> Array:
    """Return PyTorch's scores for each box of zeros, B x K."""
    scores = []
    for first in range(0, len(places), AT_ONCE):
        part = places[first : first + AT_ONCE]
        batch = np.repeat(x, len(part), axis=0)
        for one, ((top, bottom), (left, right)) in zip(batch, part, strict=True):
            one[top:bottom, left:right] = 0
        scores.append(peer.scores(batch))
    return np.concatenate(scores)
