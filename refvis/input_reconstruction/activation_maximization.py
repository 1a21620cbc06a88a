"""Activation maximisation (Erhan et al. 2009): images that maximise a unit, a channel or a class."""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from refvis.input_reconstruction.objective.dead_relu import dead_relu_mode
from refvis.input_reconstruction.objective.measures import inner_product
from refvis.input_reconstruction.objective.objective import Term
from refvis.input_reconstruction.presets import preset
from refvis.input_reconstruction.recipe import Recipe, Run
from refvis.input_reconstruction.solve import given_start, noise, solved
from refvis.layers import Array, ReLU, receptive_fields
from refvis.layers.base.arrays import to_host
from refvis.layers.graph.nodes import label_of
from refvis.network import Network, array_digest
from refvis.results import Reconstruction, Record, record
from refvis.targets import Target, explained_variable
from refvis.units import Against, Channel, check_against, check_channels, check_position
from refvis.warn import warn_caller

LISTED = 8
"""Channels that a warning lists."""


def activation_maximization(
    net: Network,
    at: str | None = None,
    channel: Channel = None,
    recipe: str | Recipe = "olah2017",
    *,
    position: tuple[int, int] | None = None,
    against: Against = None,
    size: tuple[int, int] | None = None,
    steps: int | None = None,
    start: Array | None = None,
    starts: int = 1,
    seed: int = 0,
    patience: int | None = None,
    checkpoint: str | Path | None = None,
    progress: bool = False,
) -> Reconstruction:
    """Return images that maximise a channel's mean over its positions, or its value at one `position` (y, x).

    Erhan et al. 2009: x* = argmax weight * y(x) - regularisers(x). Each channel has its own image; all are computed in
    one batch. The ReLU of a unit that is inactive everywhere passes the signal (`dead_relu_mode`).

    Parameters:

        net         the network
        at          layer or variable. Default: the scores, whose channels are the classes
        channel     number or class name, a sequence of them, or "all" for the sum of all channels.
                    Default: an image for each channel
        recipe      a name in `PRESETS` ("erhan2009", "simonyan2014", "yosinski2015", "mahendran2016", "olah2017"),
                    or a `Recipe`
        position    (y, x), to maximise one position. Default: the mean over all
        against     a channel that is subtracted, or one for each; for scores, the logit difference
        size        (H, W) of the images in pixels. Default: the network's input size
        steps       number of steps. Default: that of the recipe
        start       the parametrisation's z, N or 1 rows (for `Pixels`, images), with its dtype. Default: noise, float32
        starts      starts for each image; the best one is kept
        seed        seed of noise and transforms
        patience    the run ends after so many steps without gain. Default: it does not end early
        checkpoint  file (.npz) of the state, from which the same call resumes
        progress    show a progress bar on terminals

    Returns a `Reconstruction` with N images. Its history has "activation" (times minus the weight) and the
    regularisers; its measure "activation" is that of the final images. Warns once of all
    channels that are zero everywhere in their final images. Raises ValueError for unknown names and channels,
    and MemoryLimitError if the images take too much memory.

    >>> import refvis
    >>> net = refvis.load("scenes")
    >>> made = refvis.activation_maximization(net, channel=["key", "moon"], steps=2)
    >>> made.x.shape, list(made.history)
    ((2, 64, 64, 3), ['activation'])
    """
    variable = explained_variable(net, at)
    cut = net.upto(variable)
    image = _image_shape(net, size)
    shape = cut.shapes(**{net.inputs[0]: (1, *image)})[variable]
    net.require_input_memory(image[:2], starts * (shape[3] if channel is None else 1))
    name, labels = label_of(net.nodes, variable), net.labels_at(variable)
    channels = _channels(channel, shape[3], name, labels)
    others = check_against(against, [channels], shape[3], name, labels)[0]
    used = recipe if isinstance(recipe, Recipe) else preset(recipe, field_stride(net, variable))
    used = used if steps is None else replace(used, steps=steps)
    run = Run(seed, starts, patience, checkpoint, progress)
    goal = Target(cut, variable, channels, others, check_position(position, shape, name))
    rows = goal.repeated(starts)
    term = Term("activation", partial(activation, goal=rows), -used.weight, variable)
    if start is None:
        z = noise(net, used, run, image, len(channels), "float32")
    else:
        z = given_start(start, used.parametrisation, image, len(channels) * starts)
    made = _record(net, goal, recipe, used, run, start, image)
    result = solved(net, (term,), used, run, z, made, dead_relu_mode(cut, variable))
    final = cut.forward(result.x)[variable]
    result.measures["activation"] = to_host(activation(final, goal)[0])
    _warn_of_silent_units(name, goal, final)
    return result


def activation(values: Array, goal: Target) -> tuple[Array, Array]:
    """Return each row's mean over its positions, minus that of its channel in `against`, and its gradient."""
    positions = 1 if goal.position is not None else values.shape[1] * values.shape[2]
    return inner_product(values, goal.weights(values) / positions)


def _warn_of_silent_units(name: str, goal: Target, final: Array) -> None:
    """Warn of channels that are zero everywhere in their final images, at or above a ReLU: the images show nothing."""
    silent = to_host((goal.maps(final) == 0).all(axis=(1, 2)))
    channels = [one for one, zero in zip(goal.channels, silent, strict=True) if zero]
    if channels and any(isinstance(node.layer, ReLU) for node in goal.net.nodes):
        listed = ", ".join("all" if one is None else str(one) for one in channels[:LISTED])
        more = f" and {len(channels) - LISTED} more" if len(channels) > LISTED else ""
        if len(channels) == 1:
            found = f"channel {listed} of {name} never fires: it is 0 at every position of the image that was found"
        else:
            found = f"channels {listed}{more} of {name} never fire: each is 0 at every position of its image"
        warn_caller(
            f"{found}, which therefore shows nothing; more steps or another seed may help, unless the unit is dead"
        )


@contextmanager
def suppress_silence_warnings() -> Iterator[None]:
    """Suppress the warning of channels that never fire, for callers that show whole layers as an overview."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"channels? .* never fires?: ")
        yield


def field_stride(net: Network, variable: str) -> int:
    """Return the stride of a variable's receptive fields in pixels, at least 1; 1 if there is no receptive field."""
    field = receptive_fields(net.upto(variable))[variable]
    return 1 if field is None else max(1, round(max(map(float, field.stride))))


def _image_shape(net: Network, size: tuple[int, int] | None) -> tuple[int, int, int]:
    """Return the shape of the images, H x W x C."""
    chosen = net.input_size if size is None else size
    if chosen is None or net.channels is None:
        raise ValueError("the network's file does not say how large images are: give their size, H x W")
    return (*chosen, net.channels)


def _channels(given_channel: Channel, count: int, name: str, labels: Sequence[str]) -> tuple[int | None, ...]:
    """Return the channels to maximise; None stands for the sum of all."""
    if given_channel is None:
        return tuple(range(count))
    if isinstance(given_channel, str) and given_channel == "all":
        return (None,)
    return check_channels(given_channel, count, name, labels)


def _record(
    net: Network, goal: Target, recipe: str | Recipe, used: Recipe, run: Run, start: Array | None, image: Any
) -> Record:
    """Return the record of the images."""
    return record(
        "activation maximization",
        net,
        **goal.choices(1),
        recipe=recipe if isinstance(recipe, str) else "given",
        **used.describe(),
        seed=run.seed,
        starts=run.starts,
        start="noise" if start is None else array_digest(start),
        size=image[:2],
    )
