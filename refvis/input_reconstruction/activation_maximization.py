"""Activation maximisation (Erhan et al. 2009): an image that excites a unit, a channel or a class as it can."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from refvis.input_reconstruction.objective.dead_relu import awakening
from refvis.input_reconstruction.objective.measures import inner_product
from refvis.input_reconstruction.objective.objective import Term
from refvis.input_reconstruction.objective.target_code import digest
from refvis.input_reconstruction.presets import preset
from refvis.input_reconstruction.recipe import Recipe, Run
from refvis.input_reconstruction.solve import given, noise, solved
from refvis.layers import Array, receptive_fields
from refvis.layers.base.arrays import moved
from refvis.layers.graph.nodes import called
from refvis.network import Network
from refvis.results import Reconstruction, Record, record
from refvis.targets import Target, written_variable
from refvis.units import Against, Channel, checked_against, checked_channels, checked_position


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

    `at` names a layer or variable (None: the scores, whose channels are the classes). `channel` is one, by number or as
    a class's name, a sequence, or "all" (the mean over positions of the sum of all); None: every channel of the layer.
    Each has an image of its own, all found in one batch. `against` is a channel that is subtracted: of scores, the
    logit difference. `recipe` is a name in `PRESETS` or a `Recipe`; `steps` replaces its number. `size` (H, W) is that
    of the images (None: the network's input size). `start` is the parametrisation's z (N or 1 of them; for `Pixels`,
    images), the precision its own; without it, noise in float32. `starts`, `patience`, `checkpoint` as in `inversion`.
    A unit that is off everywhere is woken through its ReLU (`awakening`). The history has "activation" (weighted, with
    the sign of what is minimised) and the regularisers; the measure "activation" is what the network gives the final
    images. Raises ValueError for what does not exist.
    """
    variable = net.scores if at is None else written_variable(net, at)
    cut = net.upto(variable)
    image = _image_shape(net, size)
    shape = cut.shapes(**{net.inputs[0]: (1, *image)})[variable]
    name, labels = called(net.nodes, variable), net.labels_at(variable)
    channels = _channels(channel, shape[3], name, labels)
    others = checked_against(against, [channels], shape[3], name, labels)[0]
    made_by = recipe if isinstance(recipe, Recipe) else preset(recipe, field_stride(net, variable))
    made_by = made_by if steps is None else replace(made_by, steps=steps)
    run = Run(seed, starts, patience, checkpoint, progress)
    goal = Target(cut, variable, channels, others, checked_position(position, shape, name))
    rows = goal.repeated(starts)
    term = Term("activation", partial(activation, goal=rows), -made_by.weight, variable)
    if start is None:
        z = noise(net, made_by, run, image, len(channels), "float32")
    else:
        z = given(start, made_by.parametrisation, image, len(channels) * starts)
    made = _record(net, goal, recipe, made_by, run, start, image)
    found = solved(net, (term,), made_by, run, z, made, awakening(cut, variable))
    final = cut.forward(found.x)[variable]
    found.measures["activation"] = moved(activation(final, goal)[0], "numpy")
    return found


def activation(values: Array, goal: Target) -> tuple[Array, Array]:
    """Return each row's mean over its positions, less that of the channel it is set against, and its gradient."""
    positions = 1 if goal.position is not None else values.shape[1] * values.shape[2]
    return inner_product(values, goal.weights(values) / positions)


def field_stride(net: Network, variable: str) -> int:
    """Return the pixels between the receptive fields of neighbours at a variable; 1 where that has no answer."""
    field = receptive_fields(net.upto(variable))[variable]
    return 1 if field is None else max(1, round(max(map(float, field.stride))))


def _image_shape(net: Network, size: tuple[int, int] | None) -> tuple[int, int, int]:
    """Return the shape of the images to find, H x W x C."""
    chosen = net.input_size if size is None else size
    if chosen is None or net.channels is None:
        raise ValueError("the network's file does not say how large images are: give their size, H x W")
    return (*chosen, net.channels)


def _channels(given_channel: Channel, count: int, name: str, labels: Sequence[str]) -> tuple[int | None, ...]:
    """Return the channels to maximise, None standing for the sum of all."""
    if given_channel is None:
        return tuple(range(count))
    if isinstance(given_channel, str) and given_channel == "all":
        return (None,)
    return checked_channels(given_channel, count, name, labels)


def _record(
    net: Network, goal: Target, recipe: str | Recipe, used: Recipe, run: Run, start: Array | None, image: Any
) -> Record:
    """Return how the images are made."""
    return record(
        "activation maximization",
        net,
        **goal.choices(1),
        recipe=recipe if isinstance(recipe, str) else "given",
        **used.described(),
        seed=run.seed,
        starts=run.starts,
        start="noise" if start is None else digest(start),
        size=image[:2],
    )
