"""The search for examples: the strongest position of each image for each channel, and the few images that are kept."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from tqdm import tqdm

from refvis.dataset_examples.images import Source, batches
from refvis.interruptions import warn_interrupted
from refvis.layers import Array, array_module
from refvis.layers.base.arrays import to_host
from refvis.network import Network


@dataclass(frozen=True, eq=False)
class Ranking:
    """For each of K channels, the strongest so far, the strongest first; of equal ones, the one seen first.

    `scores` is K x t (t: at most `top`), `images` their images' numbers, `positions` K x t x 2 (y, x): NumPy arrays.
    `seen` counts the images behind it.
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


def before_any(channels: int, top: int) -> Ranking:
    """Return the ranking before the first image."""
    none = np.zeros((channels, 0))
    return Ranking(top, none.astype("float32"), none.astype(int), np.zeros((channels, 0, 2), int))


def strongest(values: Array) -> tuple[Array, Array]:
    """Return each map's largest value (N x C) and where it is (N x C x 2; y, x), the first in rows if at several.

    `values` is N x H x W x C; the results are NumPy arrays.
    """
    count, _, width, channels = values.shape
    xp, flat = array_module(values), values.reshape(count, -1, channels)
    places = flat.argmax(axis=1)
    scores = xp.take_along_axis(flat, places[:, None], axis=1)[:, 0]
    return to_host(scores), to_host(xp.stack([places // width, places % width], axis=2))


def ranked(
    net: Network, images: Source, variable: str, channels: tuple[int, ...], top: int, batch: int, progress: bool
) -> tuple[Ranking, str]:
    """Return the ranking over all images, or over those until Ctrl-C, and why it ended.

    `batch` images are computed at once; one at a time where layers mix images.
    """
    graph, ranking = net.upto(variable), before_any(len(channels), top)
    size = batch if graph.is_per_image() else 1
    with tqdm(total=len(images.names), desc="images", unit="image", disable=None if progress else True) as bar:
        try:
            for part in batches(images.inputs(net), size):
                numbers, inputs = [number for number, _ in part], [x for _, x in part]
                trace = graph.forward(array_module(*inputs).concatenate(inputs))
                scores, positions = strongest(trace[variable][..., list(channels)])
                ranking = ranking.with_more(scores, numbers, positions)
                bar.update(len(part))
        except KeyboardInterrupt:
            if not ranking.seen:
                raise
            warn_interrupted("ranking", f"{ranking.seen} of {len(images.names)} images")
            return ranking, "interrupted"
    return ranking, "all images"
