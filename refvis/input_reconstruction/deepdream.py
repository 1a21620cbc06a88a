"""DeepDream (Mordvintsev, Olah & Tyka 2015): an image is changed, from coarse to fine, to activate a layer more."""

import warnings
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from refvis.input_reconstruction.activation_maximization import activation
from refvis.input_reconstruction.image.sheet import to_picture
from refvis.input_reconstruction.image.transforms import Jitter
from refvis.input_reconstruction.objective.measures import energy
from refvis.input_reconstruction.objective.objective import Term
from refvis.input_reconstruction.recipe import Recipe, Run
from refvis.input_reconstruction.solve import solved
from refvis.layers import Array, ShapeError
from refvis.layers.base.arrays import require_finite, to_host
from refvis.layers.graph.nodes import label_of
from refvis.network import Network, array_digest
from refvis.optimisation.optimisers import Momentum
from refvis.optimisation.requirements import require, require_amount, require_count
from refvis.results import Reconstruction, record
from refvis.results.upsampling import upsample_bilinear
from refvis.targets import Target, layer_variable
from refvis.units import check_channels


def deepdream(
    net: Network,
    x: Array,
    at: str,
    channel: int | str | None = None,
    *,
    octaves: int = 4,
    ratio: float = 1.4,
    steps: int = 10,
    rate: float = 1.5,
    jitter: int = 8,
    seed: int = 0,
    checkpoint: str | Path | None = None,
    progress: bool = False,
) -> Reconstruction:
    """Return image `x` changed such that layer `at`, or one of its channels, is more active.

    Half the mean square of the layer, or the channel's mean, is maximised in each octave, from the smallest image up.
    Each octave's change is enlarged and added to the image of the next size.

    Parameters:

        net         the network
        x           one image, 1 x H x W x C
        at          layer or variable
        channel     number or class name. Default: the whole layer
        octaves     number of image sizes
        ratio       each octave is smaller than the next by this factor
        steps       steps in each octave
        rate        size of a step in values of 0 ... 255; the gradient is divided by its mean absolute value
        jitter      random shifts of up to so many pixels
        seed        seed of the shifts
        checkpoint  name of a file (.npz), such as "dream.npz"; each octave has its own ("dream-0.npz" is the smallest).
                    After an interruption, the same call repeats finished octaves and resumes in the interrupted one
        progress    show a progress bar on terminals

    Returns a `Reconstruction`. Its history covers all octaves in order. Its measures "before" and "after" are the
    maximised value of `x` and of the result; "objective" is that of the last step, with the sign of a minimisation.
    If layer or channel are inactive everywhere in the image, they have no gradient: a warning says that nothing was
    added. Raises ValueError for invalid numbers and names, ShapeError if the layer does not take images of all sizes.

    >>> import refvis
    >>> from refvis.scenes import scene
    >>> net = refvis.load("scenes")
    >>> dream = refvis.deepdream(net, net.preprocess(scene(7).image), "relu3", octaves=2, steps=2)
    >>> bool(dream.measures["after"] > dream.measures["before"])
    True
    """
    require_finite(x)
    require(octaves >= 1, "octaves", octaves, "1 or more")
    require(ratio > 1, "ratio", ratio, "a number above 1, by which each octave is smaller than the next")
    require_amount("rate", rate)
    require_count("jitter", jitter)
    variable = layer_variable(net, at)
    unit = None if channel is None else _channel(net, x, variable, channel)
    measure = energy if unit is None else partial(activation, goal=Target(net.upto(variable), variable, (unit,)))
    recipe = Recipe(
        transforms=(Jitter(jitter),), optimiser=Momentum(rate, momentum=0.0, normalised=True), steps=steps, noise=0.0
    )
    choices: dict[str, Any] = {"octaves": octaves, "ratio": ratio, "channel": "energy" if unit is None else unit}
    made = record("deepdream", net, at=variable, x=array_digest(x), **choices, **recipe.describe(), seed=seed)
    pyramid = [x]
    for size in _octave_sizes(net, variable, x.shape, octaves, ratio)[1:]:
        pyramid.append(upsample_bilinear(pyramid[-1], size))
    added, dreams = 0 * pyramid[-1], []
    for octave, base in enumerate(reversed(pyramid)):
        run = Run(seed + octave, checkpoint=_octave_file(checkpoint, octave), progress=progress)
        start = base + upsample_bilinear(added, base.shape[1:3])
        dreams.append(solved(net, (Term("excitement", measure, -1.0, variable),), recipe, run, start, made))
        added = dreams[-1].x - base
        if dreams[-1].partial:
            break
    if steps and rate and not dreams[-1].partial and not added.any():
        name = f"{label_of(net.nodes, variable)}{'' if unit is None else f', channel {unit},'}"
        warnings.warn(f"nothing was added: {name} is inactive there, so it has no gradient", stacklevel=2)
    dream = _combine(net, dreams, x.shape[1:3])
    for name, one in (("before", x), ("after", dream.x)):
        dream.measures[name] = to_host(measure(net.upto(variable).forward(one)[variable])[0])
    return dream


def _octave_sizes(
    net: Network, variable: str, image: tuple[int, ...], octaves: int, ratio: float
) -> list[tuple[int, int]]:
    """Return the height and width of each octave of an image (1 x H x W x C), the largest first.

    Raises ShapeError with the largest possible number of octaves if one is too small for the variable.
    """
    cut, sizes = net.upto(variable), []
    for octave in range(octaves):
        height, width = (max(1, round(extent / ratio**octave)) for extent in image[1:3])
        try:
            cut.shapes(**{net.inputs[0]: (1, height, width, image[3])})
        except ShapeError as error:
            if not octave:
                raise
            advice = "a convolution in place of it, or octaves=1" if octave == 1 else f"at most octaves={octave}"
            raise ShapeError(
                f"{label_of(net.nodes, variable)!r} does not take octave {octave + 1} of {octaves}, which is "
                f"{height} x {width} pixels: give {advice}, a smaller ratio than {ratio:g}, or a larger image"
            ) from error
        sizes.append((height, width))
    return sizes


def _octave_file(checkpoint: str | Path | None, octave: int) -> Path | None:
    """Return the checkpoint file of an octave."""
    return None if checkpoint is None else Path(checkpoint).with_stem(f"{Path(checkpoint).stem}-{octave}")


def _channel(net: Network, x: Array, variable: str, channel: int | str) -> int:
    """Return the channel's number."""
    count = net.upto(variable).shapes(**{net.inputs[0]: x.shape})[variable][3]
    return check_channels((channel,), count, label_of(net.nodes, variable), net.labels_at(variable))[0]


def _combine(net: Network, dreams: list[Reconstruction], size: tuple[int, ...]) -> Reconstruction:
    """Return the last octave's result at the full size, with the history of all octaves."""
    history = {name: np.concatenate([one.history[name] for one in dreams]) for name in dreams[0].history}
    last = dreams[-1]
    x = upsample_bilinear(last.x, size)
    return replace(last, x=x, image=to_picture(net, x), history=history, starts=None)
