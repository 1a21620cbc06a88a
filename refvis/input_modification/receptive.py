"""Empirical receptive fields (Zhou et al. 2015, section 3.2): the mean of discrepancy maps, moved onto each other."""

from typing import Any

import numpy as np
from tqdm import tqdm

from refvis.input_modification.boxes.empirical_field import EmpiricalField
from refvis.input_modification.discrepancy import discrepancy
from refvis.dataset_examples.images import Images, source
from refvis.dataset_examples.search import examples
from refvis.layers import Array, receptive_fields
from refvis.layers.base.arrays import moved
from refvis.layers.base.geometry import Pair, place
from refvis.network import Network
from refvis.results import Heatmap, record

THRESHOLD = 0.1
"""Share of the mean map's largest value from which on a pixel belongs to the field, unless told otherwise."""


def empirical_receptive_field(
    net: Network,
    images: Images,
    at: str | None,
    channel: int,
    top: int = 10,
    size: Pair | None = None,
    stride: Pair | None = None,
    fill: Any = "random",
    seed: int = 0,
    threshold: float = THRESHOLD,
    progress: bool = False,
    **options: Any,
) -> EmpiricalField:
    """Return where a channel is changed by boxes in the `top` images that excite it most, each moved to its field.

    `images` are those of `examples`: a folder, a sequence, a mapping; of each only the strongest position counts. `at`
    names a layer or variable (None: the scores). `size`, `stride`, `fill`, `seed` and further `options` are those of
    `discrepancy`. To the field belongs where the mean exceeds `threshold` times its largest value.

    Ctrl-C ends it early: the mean is then that of the images that are done, and the record says so ("partial").
    Raises ValueError for what the network lacks, several channels, and a threshold outside of 0 ... 1.
    """
    if not 0 <= threshold < 1:
        raise ValueError(f"threshold is {threshold}, expected a share of the largest value: 0 or more, below 1")
    strongest = examples(net, images, at, (channel,), top, progress=progress)
    if strongest.partial:
        raise KeyboardInterrupt  # the strongest images are not known
    read, made = source(images).image, strongest.record
    frames: list[Array] = []
    ranking = zip(strongest.images[0], strongest.positions[0], strongest.boxes[0], strict=True)
    for number, position, box in tqdm(list(ranking), "fields", unit="image", disable=None if progress else True):
        where = int(position[0]), int(position[1])
        x = net.preprocess(read(int(number)))
        found = discrepancy(net, x, at, channel, where, size, stride, fill, seed, **options)
        if "partial" in found.record.parameters:
            break
        frames.append(_frame(moved(found.values, "numpy")[0], box, frames[0].shape[:2] if frames else None))
        made = found.record
    if not frames:
        raise KeyboardInterrupt  # not even the first image is done
    total, count = np.sum(frames, axis=0).transpose(2, 0, 1)
    given = {name: value for name, value in made.parameters.items() if name not in ("position", "computed")}
    if len(frames) < len(strongest.names[0]):
        given["partial"] = f"{len(frames)} of {len(strongest.names[0])} images"
    made = record("empirical receptive field", net, **given, top=top, threshold=threshold)
    mean = Heatmap((total / np.maximum(count, 1))[None, ..., None], found.signed, made)
    field = receptive_fields(net.upto(given["at"]))[given["at"]]
    return EmpiricalField(mean, field.size if field else None, threshold, count.astype(int), strongest)


def _frame(values: Array, box: Array, shape: tuple[int, int] | None) -> Array:
    """Return values (H x W x 1) in the frame of a box, and 1 where the frame shows the image, h x w x 2 float64.

    `shape` is the frame's, None: the box's own; boxes of fields that move by fractions differ by a pixel.
    """
    top, left, bottom, right = map(int, box)
    frame = np.zeros((*(shape or (bottom - top, right - left)), 2))
    place(np.concatenate([values, np.ones_like(values)], axis=2), frame, (-top, -left))
    return frame
