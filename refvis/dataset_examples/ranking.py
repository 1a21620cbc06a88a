"""Ranking of images: the strongest position of each image for each channel, and the best images so far."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from tqdm import tqdm

from refvis.dataset_examples.images import Source, batches
from refvis.interruptions import warn_interrupted
from refvis.layers import Array, array_module
from refvis.layers.base.arrays import to_host
from refvis.layers.graph.not_finite import finite_trace
from refvis.network import Network


@dataclass(frozen=True, eq=False)
class Ranking:
    """The strongest images so far for each of K channels, in descending order; equal ones in the order of reading.

    Fields (NumPy arrays, t is at most `top`):

        top        number of images to keep
        scores     K x t
        images     numbers of the images, K x t
        positions  K x t x 2 (y, x)
        seen       number of images read
    """

    top: int
    scores: Array
    images: Array
    positions: Array
    seen: int = 0

    def with_more(self, scores: Array, images: list[int], positions: Array) -> Self:
        """Return the ranking after N more images: `scores` N x K, `positions` N x K x 2."""
        numbers = np.broadcast_to(np.array(images), scores.T.shape)
        together = np.concatenate([self.scores, scores.T], axis=1)
        order = np.argsort(-together, axis=1, kind="stable")[:, : self.top]
        rows = np.arange(len(order))[:, None]
        return type(self)(
            self.top,
            together[rows, order],
            np.concatenate([self.images, numbers], axis=1)[rows, order],
            np.concatenate([self.positions, positions.transpose(1, 0, 2)], axis=1)[rows, order],
            self.seen + len(images),
        )


def empty_ranking(channels: int, top: int) -> Ranking:
    """Return the ranking before the first image."""
    none = np.zeros((channels, 0))
    return Ranking(top, none.astype("float32"), none.astype(int), np.zeros((channels, 0, 2), int))


def strongest(values: Array) -> tuple[Array, Array]:
    """Return each map's largest value (N x C) and its position (N x C x 2; y, x), of equal ones the first row by row.

    `values` is N x H x W x C; the results are NumPy arrays.
    """
    count, _, width, channels = values.shape
    xp, flat = array_module(values), values.reshape(count, -1, channels)
    places = flat.argmax(axis=1)
    scores = xp.take_along_axis(flat, places[:, None], axis=1)[:, 0]
    return to_host(scores), to_host(xp.stack([places // width, places % width], axis=2))


def rank_images(
    net: Network, images: Source, variable: str, channels: tuple[int, ...], top: int, batch: int, progress: bool
) -> tuple[Ranking, str]:
    """Return the ranking over all images, or over those read before Ctrl-C, and "all images" or "interrupted".

    `batch` images are computed at once, or one at a time if layers mix the images of a batch.
    """
    graph, ranking = net.upto(variable), empty_ranking(len(channels), top)
    size = batch if graph.is_per_image() else 1
    with tqdm(total=len(images.names), desc="images", unit="image", disable=None if progress else True) as bar:
        try:
            for part in batches(images.inputs(net), size):
                numbers, inputs = [number for number, _ in part], [x for _, x in part]
                trace = finite_trace(graph, array_module(*inputs).concatenate(inputs))
                scores, positions = strongest(trace[variable][..., list(channels)])
                ranking = ranking.with_more(scores, numbers, positions)
                bar.update(len(part))
        except KeyboardInterrupt:
            if not ranking.seen:
                raise
            warn_interrupted("ranking", f"{ranking.seen} of {len(images.names)} images")
            return ranking, "interrupted"
    return ranking, "all images"
