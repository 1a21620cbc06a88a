"""Empirical receptive fields (Zhou et al. 2015, section 3.2): the mean of discrepancy maps, aligned by their fields."""

from typing import Any

import numpy as np
from tqdm import tqdm

from refvis.dataset_examples.images import Images, image_source
from refvis.dataset_examples.search import examples
from refvis.input_modification.boxes.empirical_field import EmpiricalField
from refvis.input_modification.discrepancy import discrepancy
from refvis.layers import Array, receptive_fields
from refvis.layers.base.arrays import to_host
from refvis.layers.base.geometry import Pair, place
from refvis.network import Network
from refvis.results import Heatmap, record

THRESHOLD = 0.1
"""Default share of the mean's largest value above which a pixel belongs to the field."""


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
    """Return the pixels of the receptive field that a channel responds to (Zhou et al. 2015, section 3.2).

    It is the mean discrepancy map of the images that excite the channel most. Each map is cut out by the theoretical
    field of the position where the channel is strongest.

    Parameters:

        net        the network
        images     a folder, a sequence or a mapping of images, as in `examples`; each counts by its strongest position
        at         layer or variable of the channel; None: the scores before softmax
        channel    the channel, counted from 0
        top        number of images that excite the channel most
        size       height and width of the box in pixels, an int or (y, x). Default: as in `discrepancy`
        stride     distance between boxes in pixels, an int or (y, x). Default: as in `discrepancy`
        fill       content of the box, as in `occlusion`
        seed       seed of random fills
        threshold  share of the mean's largest value above which a pixel belongs to the field, 0 or more, below 1.
                   Default: 0.1
        progress   show a bar, on a terminal
        options    other arguments of `discrepancy`: draws, measure, incremental, memory, batch

    Returns an EmpiricalField. Ctrl-C ends the run early: the mean is then that of the images that are done, and the
    record has "partial"; KeyboardInterrupt is raised if no image is done.
    Raises ValueError for a layer or channel that does not exist, for several channels, and for other values than above.

    Example:

    >>> import numpy as np
    >>> import refvis
    >>> filters = np.array([0.0, 1.0, -2.0, 0.0]).reshape(1, 1, 4, 1)
    >>> net = refvis.chain({"conv": refvis.layers.Conv(filters)})
    >>> images = np.random.default_rng(0).integers(0, 256, (5, 1, 6, 1), np.uint8)
    >>> field = refvis.empirical_receptive_field(net, images, "conv", 0, top=3, size=1, stride=1)
    >>> field.theoretical, field.mask
    ((1, 4), array([[False,  True,  True, False]]))
    """
    if not 0 <= threshold < 1:
        raise ValueError(f"threshold is {threshold}, expected a share of the largest value: 0 or more, below 1")
    strongest = examples(net, images, at, (channel,), top, progress=progress)
    if strongest.partial:
        raise KeyboardInterrupt  # the strongest images are not known
    read, last_record = image_source(images).image, strongest.record
    signed, frames = False, list[Array]()
    ranking = zip(strongest.images[0], strongest.positions[0], strongest.boxes[0], strict=True)
    for number, position, box in tqdm(list(ranking), "fields", unit="image", disable=None if progress else True):
        where = int(position[0]), int(position[1])
        x = net.preprocess(read(int(number)))
        heatmap = discrepancy(net, x, at, channel, where, size, stride, fill, seed, **options)
        if heatmap.partial:
            break
        frames.append(_frame(to_host(heatmap.values)[0], box, frames[0].shape[:2] if frames else None))
        signed, last_record = heatmap.signed, heatmap.record
    if not frames:
        raise KeyboardInterrupt  # not even the first image is done
    total, count = np.sum(frames, axis=0).transpose(2, 0, 1)
    given = {name: value for name, value in last_record.parameters.items() if name not in ("position", "computed")}
    if len(frames) < len(strongest.names[0]):
        given["partial"] = f"{len(frames)} of {len(strongest.names[0])} images"
    run_record = record("empirical receptive field", net, **given, top=top, threshold=threshold)
    mean = Heatmap((total / np.maximum(count, 1))[None, ..., None], signed, run_record)
    field = receptive_fields(net.upto(given["at"]))[given["at"]]
    return EmpiricalField(mean, field.size if field else None, threshold, count.astype(int), strongest)


def _frame(values: Array, box: Array, shape: tuple[int, int] | None) -> Array:
    """Return values (H x W x 1) in the frame of a box, and 1 where the frame shows the image, h x w x 2 float64.

    `shape` is the frame's shape; None: that of the box. Boxes of fields with fractional strides differ by a pixel.
    """
    top, left, bottom, right = map(int, box)
    frame = np.zeros((*(shape or (bottom - top, right - left)), 2))
    place(np.concatenate([values, np.ones_like(values)], axis=2), frame, (-top, -left))
    return frame
