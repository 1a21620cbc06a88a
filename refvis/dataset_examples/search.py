"""Dataset examples (Zeiler & Fergus 2014, figure 2): where, in which images, a channel is strongest, and why."""

import numpy as np
from tqdm import tqdm

from refvis.backpropagation.backward_pass import backpropagate, default_seed
from refvis.backpropagation.rules import bounded_rules, find_mode
from refvis.dataset_examples.images import Images, Source, image_source
from refvis.dataset_examples.patches import checkerboard, cut, field_box, signal_picture, stack_patches
from refvis.dataset_examples.ranking import Ranking, rank_images
from refvis.dataset_examples.result import Examples
from refvis.interruptions import warn_interrupted
from refvis.layers import Array, modes, receptive_fields
from refvis.layers.base.arrays import to_host
from refvis.layers.graph.nodes import label_of
from refvis.network import Network
from refvis.results import record
from refvis.targets import layer_variable, target
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
    """Return the `top` images in which a channel is strongest, cut to what it sees there, and what walks back from it.

    `images` is a folder (with its sub-folders; what cannot be read is skipped and told, and NAME-mask.png beside
    NAME.png is left out and counted), a sequence of images or of paths, or a mapping from names to them. Of each image
    only the strongest position counts, so no image comes twice.
    `at` names a layer or variable (None: the scores); `channel` is one or several, by number or as a class's name
    (None: every channel of the layer). Patches are the receptive fields, with a chequered ground where they reach
    beyond the image. Beside each stands the signal that walks back from that channel at that position alone by `mode`,
    each on a scale of its own.

    Images are gone through `batch` at a time, and only numbers are kept; the few that win are read again. Ctrl-C ends
    the search: the result has the strongest so far, marked as `partial`. While those are read again, it ends that: what
    was not drawn yet is left as chequered ground, with the scale 0.
    Raises ValueError for what the network lacks, and where there is no image.
    """
    if top < 1 or batch < 1:
        raise ValueError(f"top is {top} and batch is {batch}, expected 1 or more of both")
    find_mode(mode)
    variable = net.scores if at is None else layer_variable(net, at)
    found = image_source(images)
    chosen = _channels(net, found, variable, channel)
    ranking, ended = rank_images(net, found, variable, chosen, top, batch, progress)
    name = mode if isinstance(mode, str) else modes.table(mode)
    shown, drawn = _shown(net, found, variable, chosen, ranking, mode, progress)
    given = {"at": variable, "channel": list(chosen), "top": top, "mode": name, "images": len(found.names)}
    return Examples(
        channels=chosen,
        titles=tuple(net.label(k) if variable == net.scores else f"{at} channel {k}" for k in chosen),
        scores=ranking.scores,
        images=ranking.images,
        names=tuple(tuple(found.names[number] for number in row) for row in ranking.images),
        positions=ranking.positions,
        **shown,
        record=record("examples", net, **given),
        seen=ranking.seen,
        skipped=found.skipped or {},
        ended=ended if drawn else "interrupted",
        masks=found.masks,
    )


def _channels(net: Network, images: Source, variable: str, channel: Channel) -> tuple[int, ...]:
    """Return the channels asked for; how many there are is told by the first image that can be read."""
    first = next(images.inputs(net), None)
    if first is None:
        name, reason = next(iter((images.skipped or {}).items()))
        raise ValueError(f"none of the {len(images.names)} images can be read; {name}: {reason}")
    count = net.upto(variable).shapes(**{net.inputs[0]: first[1].shape})[variable][3]
    if channel is None:
        return tuple(range(count))
    return check_channels(channel, count, label_of(net.nodes, variable), net.labels_at(variable))


def _shown(
    net: Network,
    images: Source,
    variable: str,
    channels: tuple[int, ...],
    ranking: Ranking,
    mode: str | modes.Mode,
    progress: bool,
) -> tuple[dict[str, Array], bool]:
    """Return the boxes, the patches, and the signals with their scales, and whether it was done; images are read once.

    Where Ctrl-C came before, there is ground, and no box.
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
                box = field_box(field, (y, column), picture.shape[:2])
                boxes[k, rank], patches[k][rank], signals[k][rank] = box, cut(picture, box), cut(drawn, box)
            done += 1
    except KeyboardInterrupt:
        warn_interrupted("sheet", f"{done} of the {len(needed)} images it is cut from")
    found = {"boxes": boxes, "patches": stack_patches(patches), "signals": stack_patches(signals), "scales": scales}
    return found, done == len(needed)
