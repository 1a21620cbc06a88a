"""DeepDream (Mordvintsev, Olah & Tyka 2015): an image in which a layer is more excited, made from coarse to fine."""

import warnings
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from refvis.input_reconstruction.activation_maximization import activation
from refvis.input_reconstruction.image.octaves import octave_sizes
from refvis.input_reconstruction.image.sheet import restored
from refvis.input_reconstruction.image.transforms import Jitter
from refvis.input_reconstruction.objective.measures import energy
from refvis.input_reconstruction.objective.objective import Term
from refvis.input_reconstruction.objective.target_code import digest
from refvis.input_reconstruction.recipe import Recipe, Run
from refvis.input_reconstruction.solve import solved
from refvis.layers import Array
from refvis.layers.base.arrays import moved, require_finite
from refvis.layers.graph.nodes import called
from refvis.network import Network
from refvis.optimisation.optimisers import Momentum
from refvis.optimisation.requirements import require, require_amount, require_count
from refvis.results import Reconstruction, record
from refvis.results.upsampling import upsample_bilinear
from refvis.targets import Target, written_variable
from refvis.units import checked_channels


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
    """Return image `x` (1 x H x W x C) with more of what layer `at`, or one channel (or class) of it, is excited by.

    The image is shrunk by `ratio` for each of the `octaves` but the last; from the smallest up, `steps` steps of `rate`
    (in values of 0 ... 255, along the gradient divided by its mean absolute value) enlarge half the mean square of the
    layer, or the channel's mean; what was added is enlarged to the next size. The history is that of all octaves, one
    after the other. `checkpoint` ("dream.npz") keeps the state, each octave's in a file of its own ("dream-0.npz", the
    smallest): the same call, made again after an interruption, repeats whole octaves and goes on in that one.
    The measures "before" and "after" are what is enlarged, of `x` and of the image found, and "objective" that of the
    last step, with the sign of what is minimised. What is off everywhere in the image has no gradient: a warning says
    that nothing was added. The layer must take images of all those sizes; ShapeError where it does not.
    """
    require_finite(x)
    require(octaves >= 1, "octaves", octaves, "1 or more")
    require(ratio > 1, "ratio", ratio, "a number above 1, by which each octave is smaller than the next")
    require_amount("rate", rate)
    require_count("jitter", jitter)
    variable = written_variable(net, at)
    unit = None if channel is None else _channel(net, x, variable, channel)
    excited = energy if unit is None else partial(activation, goal=Target(net.upto(variable), variable, (unit,)))
    recipe = Recipe(
        transforms=(Jitter(jitter),), optimiser=Momentum(rate, momentum=0.0, normalised=True), steps=steps, noise=0.0
    )
    choices: dict[str, Any] = {"octaves": octaves, "ratio": ratio, "channel": "energy" if unit is None else unit}
    made = record("deepdream", net, at=variable, x=digest(x), **choices, **recipe.described(), seed=seed)
    pyramid = [x]
    for size in octave_sizes(net, variable, x.shape, octaves, ratio)[1:]:
        pyramid.append(upsample_bilinear(pyramid[-1], size))
    added, found = 0 * pyramid[-1], []
    for octave, base in enumerate(reversed(pyramid)):
        run = Run(seed + octave, checkpoint=_file(checkpoint, octave), progress=progress)
        start = base + upsample_bilinear(added, base.shape[1:3])
        found.append(solved(net, (Term("excitement", excited, -1.0, variable),), recipe, run, start, made))
        added = found[-1].x - base
        if found[-1].partial:
            break
    if steps and rate and not found[-1].partial and not added.any():
        name = f"{called(net.nodes, variable)}{'' if unit is None else f', channel {unit},'}"
        warnings.warn(f"nothing was added: {name} is off there, so it has no gradient", stacklevel=2)
    dream = _joined(net, found, x.shape[1:3])
    for name, one in (("before", x), ("after", dream.x)):
        dream.measures[name] = moved(excited(net.upto(variable).forward(one)[variable])[0], "numpy")
    return dream


def _file(checkpoint: str | Path | None, octave: int) -> Path | None:
    """Return the octave's own checkpoint."""
    return None if checkpoint is None else Path(checkpoint).with_stem(f"{Path(checkpoint).stem}-{octave}")


def _channel(net: Network, x: Array, variable: str, channel: int | str) -> int:
    """Return the channel's number."""
    count = net.upto(variable).shapes(**{net.inputs[0]: x.shape})[variable][3]
    return checked_channels((channel,), count, called(net.nodes, variable), net.labels_at(variable))[0]


def _joined(net: Network, found: list[Reconstruction], size: tuple[int, ...]) -> Reconstruction:
    """Return the last octave's image (at the full size, if it came so far) with the history of all."""
    history = {name: np.concatenate([one.history[name] for one in found]) for name in found[0].history}
    last = found[-1]
    x = upsample_bilinear(last.x, size)
    return replace(last, x=x, image=restored(net, x), history=history, starts=None)
