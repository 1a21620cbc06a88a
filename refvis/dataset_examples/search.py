"""Dataset examples (Zeiler & Fergus 2014, figure 2): the patches that activate a channel most, and their signals."""

import numpy as np
from tqdm import tqdm

from refvis.backpropagation.backward_pass import backpropagate, default_seed
from refvis.backpropagation.rules import bounded_rules, find_mode
from refvis.dataset_examples.images import Images, Source, image_source
from refvis.dataset_examples.patches import checkerboard, cut, receptive_box, signal_picture, stack_patches
from refvis.dataset_examples.ranking import Ranking, rank_images
from refvis.dataset_examples.result import Examples
from refvis.interruptions import warn_interrupted
from refvis.layers import Array, modes, receptive_fields
from refvis.layers.base.arrays import to_host
from refvis.layers.graph.nodes import label_of
from refvis.network import Network
from refvis.results import record
from refvis.targets import explained_variable, target
from refvis.units import Channel, Selection, check_channels


def examples(
    net: Network,
    images: Images,
    at: str | None = None,
    channel: Channel = None,
    top: int = 9,
    *,
    mode: str | modes.Mode = "deconvnet",
    batch: int = 16,
    progress: bool = False,
) -> Examples:
    """Return the `top` images in which a channel is strongest, cut to its receptive field, with the signals there.

    Zeiler & Fergus 2014, figure 2. An image counts by its strongest position, s(x) = max over (i, j) of y(x)[i, j], so
    each image appears once. A patch is the receptive field of that position, with a checkerboard outside the image.
    The signal is backpropagated from the channel at that position alone; each has its own scale.

    Parameters:

        net        the network
        images     a folder with its sub-folders, a sequence of images or paths, or a mapping from names to them. In
                   folders, unreadable files are skipped, and NAME-mask.png beside NAME.png is left out
        at         layer or variable. Default: the scores
        channel    number or class name, or a sequence of them. Default: every channel of the layer
        top        number of images for each channel
        mode       mode of the signals. Default: "deconvnet"
        batch      images that are computed at once
        progress   show progress bars on terminals

    Returns `Examples`. Only scores and positions are kept in the first pass; a second pass reads the strongest images
    again. Ctrl-C ends the search, and the result, marked as `partial`, has the strongest so far. Interrupting the
    second pass leaves the remaining patches as a checkerboard, with scale 0.
    Raises ValueError for unknown names and channels, and if there is no image.

    >>> import refvis
    >>> from refvis.scenes import scene
    >>> images = {f"scene {seed}": scene(seed).image for seed in range(4)}
    >>> patches = refvis.examples(refvis.load("scenes"), images, "relu1", channel=3, top=2)
    >>> patches
    Examples(x2: 1 channels, 2 patches each, of 4 images; all images)
    >>> patches.patches.shape
    (1, 2, 7, 7, 3)
    """
    if top < 1 or batch < 1:
        raise ValueError(f"top is {top} and batch is {batch}, expected 1 or more of both")
    find_mode(mode)
    variable = explained_variable(net, at)
    source = image_source(images)
    chosen = _channels(net, source, variable, channel)
    ranking, ended = rank_images(net, source, variable, chosen, top, batch, progress)
    name = mode if isinstance(mode, str) else modes.table(mode)
    drawings, complete = _draw_patches(net, source, variable, chosen, ranking, mode, progress)
    choices = {"at": variable, "channel": list(chosen), "top": top, "mode": name, "images": len(source.names)}
    return Examples(
        channels=chosen,
        titles=tuple(net.channel_name(variable, k) for k in chosen),
        scores=ranking.scores,
        images=ranking.images,
        names=tuple(tuple(source.names[number] for number in row) for row in ranking.images),
        positions=ranking.positions,
        **drawings,
        record=record("examples", net, **choices),
        seen=ranking.seen,
        skipped=source.skipped or {},
        ended=ended if complete else "interrupted",
        masks=source.masks,
    )


def _channels(net: Network, images: Source, variable: str, channel: Channel) -> tuple[int, ...]:
    """Return the requested channels; the first readable image determines the number of channels."""
    first = next(images.inputs(net), None)
    if first is None:
        name, reason = next(iter((images.skipped or {}).items()))
        raise ValueError(f"none of the {len(images.names)} images can be read; {name}: {reason}")
    count = net.upto(variable).shapes(**{net.inputs[0]: first[1].shape})[variable][3]
    if channel is None:
        return tuple(range(count))
    return check_channels(channel, count, label_of(net.nodes, variable), net.labels_at(variable))


def _draw_patches(
    net: Network,
    images: Source,
    variable: str,
    channels: tuple[int, ...],
    ranking: Ranking,
    mode: str | modes.Mode,
    progress: bool,
) -> tuple[dict[str, Array], bool]:
    """Return boxes, patches, signals and scales, and whether all are drawn. Each image is read once.

    After Ctrl-C, the remaining patches are checkerboards, and their boxes are zero.
    """
    field = receptive_fields(net.upto(variable))[variable]
    boxes, scales = np.zeros((*ranking.images.shape, 4), int), np.zeros(ranking.images.shape)
    patches = [[checkerboard(1, 1) for _ in row] for row in ranking.images]
    signals = [[checkerboard(1, 1) for _ in row] for row in ranking.images]
    needed, done = np.unique(ranking.images), 0
    bar = tqdm(needed, desc="patches", unit="image", disable=None if progress else True)
    try:
        for number in bar:
            x = net.preprocess(images.image(int(number)))
            picture = net.restore(x)
            for k, rank in np.argwhere(ranking.images == number):
                y, column = (int(n) for n in ranking.positions[k, rank])
                goal, trace = target(net, x, Selection(variable, channels[k], (y, column)))
                rules, _ = bounded_rules(net, goal.net, x, mode)
                signal = backpropagate(goal, trace, rules, default_seed(rules))
                drawn, scales[k, rank] = signal_picture(to_host(signal)[0])
                box = receptive_box(field, (y, column), picture.shape[:2])
                boxes[k, rank], patches[k][rank], signals[k][rank] = box, cut(picture, box), cut(drawn, box)
            done += 1
    except KeyboardInterrupt:
        warn_interrupted("sheet", f"{done} of the {len(needed)} images it is cut from")
    drawings = {"boxes": boxes, "patches": stack_patches(patches), "signals": stack_patches(signals), "scales": scales}
    return drawings, done == len(needed)
