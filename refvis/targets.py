"""Targets, the maps that are explained: one or several of each image, of one variable of the network."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

from refvis.layers import Array, Graph, Trace, array_module
from refvis.layers.base.arrays import to_host
from refvis.layers.graph.nodes import label_of
from refvis.layers.operators import operator
from refvis.network import Network, OptionError, require_network
from refvis.units import Selection, check_against, check_channels, check_position


@dataclass(frozen=True)
class Target:
    """Maps to explain, in rows: image by image, a row for each of its units.

    A row's map is the map of its channel, minus that of its channel in `against`, if there are any, at one `position`
    or at all. A row's score is the sum of its map.

    Fields:

        net       the network, cut at the variable
        variable  the variable explained
        channels  a channel for each row; None: the sum of all channels
        against   the channel that is subtracted for each row; empty: none
        position  the only position (y, x) that counts; None: all
    """

    net: Graph
    variable: str
    channels: tuple[int | None, ...]
    against: tuple[int, ...] = ()
    position: tuple[int, int] | None = None

    def maps(self, values: Array) -> Array:
        """Return each row's map (rows x H x W, or rows x 1 x 1 at a position) of `values` (rows x H x W x C)."""
        return (at_position(values, self.position) * self._signs(values)).sum(axis=3)

    def weights(self, values: Array) -> Array:
        """Return d score / d values, which is 1, -1 or 0, for `values` of rows x H x W x C."""
        xp = array_module(values)
        places = xp.ones((1, *values.shape[1:3], 1), values.dtype)
        if self.position is not None:
            places[...] = 0
            places[0, self.position[0], self.position[1]] = 1
        return places * self._signs(values)

    def scores(self, values: Array) -> Array:
        """Return each row's score, in float64, for `values` of its own (rows x H x W x C) or of one image for all."""
        return self.maps(values).sum(axis=(1, 2), dtype="float64")

    def measures(self, trace: Trace) -> dict[str, Array]:
        """Return {"score": each row's score for the images of the trace, float64 on the host}, as a measure."""
        return {"score": to_host(self.scores(self.per_row(trace[self.variable])))}

    def per_row(self, values: Array) -> Array:
        """Return `values` of N images for each row: those of an image as often as it has units."""
        return values.repeat(len(self.channels) // len(values), axis=0)

    def rows(self, part: slice) -> Self:
        """Return the target with some of its rows."""
        return replace(self, channels=self.channels[part], against=self.against[part])

    def repeated(self, times: int) -> Self:
        """Return the target with each row repeated so many times, one after the other."""
        channels = tuple(one for one in self.channels for _ in range(times))
        return replace(self, channels=channels, against=tuple(one for one in self.against for _ in range(times)))

    def choices(self, images: int) -> dict[str, Any]:
        """Return the selection as found in the network, for a record; see `merge_choices` for several images."""
        count = len(self.channels) // images
        return merge_choices([self._choices_of(slice(i * count, (i + 1) * count)) for i in range(images)])

    def _choices_of(self, image: slice) -> dict[str, Any]:
        channels = ["all" if one is None else one for one in self.channels[image]]
        choices: dict[str, Any] = {"at": self.variable, "channel": channels[0] if len(channels) == 1 else channels}
        if self.position is not None:
            choices["position"] = self.position
        if self.against:
            against = list(self.against[image])
            choices["against"] = against[0] if len(against) == 1 else against
        return choices

    def _signs(self, values: Array) -> Array:
        """Return 1 at each row's channel and -1 at that in `against` (rows x 1 x 1 x C)."""
        xp = array_module(values)
        if None in self.channels:
            return xp.ones((len(self.channels), 1, 1, values.shape[3]), values.dtype)
        numbers = xp.arange(values.shape[3])

        def ones(channels: Any) -> Array:
            return (numbers == xp.asarray(channels).reshape(-1, 1, 1, 1)).astype(values.dtype)

        return ones(self.channels) - ones(self.against) if self.against else ones(self.channels)


def target(net: Network, x: Array, selection: Selection) -> tuple[Target, Trace]:
    """Return the target that is selected, and the trace of `x` (N x H x W x C) up to its variable.

    A channel of None is, in each image, the one with the largest sum over its positions, or the largest value at the
    selected position. The names of classes serve as channels at the scores and at their softmax.
    Raises ValueError for what the network lacks, for a channel against itself, and for values that are NaN or infinite,
    in `x` or on the way: it names the layer where they appear.
    """
    variable = explained_variable(net, selection.at)
    name, labels = label_of(net.nodes, variable), net.labels_at(variable)
    cut, trace = net.checked_trace(variable, x)
    values = trace[variable]
    place = check_position(selection.position, values.shape, name)
    units: list[tuple[int | None, ...]]
    channel = selection.channel
    if channel is None:
        units = [(int(k),) for k in at_position(values, place).sum(axis=(1, 2)).argmax(axis=1)]
    elif isinstance(channel, str) and channel == "all":
        units = [(None,)] * len(values)
    else:
        units = [check_channels(channel, values.shape[3], name, labels)] * len(values)
    others = check_against(selection.against, units, values.shape[3], name, labels)
    return Target(cut, variable, sum(units, ()), sum(others, ()), place), trace


def require_one_image(net: Network, variable: str) -> None:
    """Raise ValueError where the network's first input does not suffice for a variable, or a layer cannot run."""
    cut = net.upto(variable)
    node = next(one for one in cut.nodes if one.output == variable)
    if cut.is_unknown_ending(node):
        try:
            operator(node.layer)
        except ValueError as error:
            raise ValueError(f"layer {node.name!r}: {error}") from None
    known = {cut.inputs[0]}
    for one in cut.nodes:
        if known.issuperset(one.inputs):
            known.add(one.output)
    if variable not in known:
        others = ", ".join(map(repr, cut.inputs[1:]))
        raise OptionError(
            f"{label_of(net.nodes, variable)} cannot be computed from an image alone, it also needs {others}",
            "explain a layer below it with {}",
            "at",
        )


def merge_choices(each: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the choices of several images as one record: what is equal for all once, else a list for the images.

    >>> from refvis.targets import merge_choices
    >>> merge_choices([{"at": "fc8", "channel": 3}, {"at": "fc8", "channel": 5}])
    {'at': 'fc8', 'channel': [[3], [5]]}
    """
    merged: dict[str, Any] = {}
    for name, first in each[0].items():
        values = [choices[name] for choices in each]
        own = [value if isinstance(value, list) else [value] for value in values]
        merged[name] = first if all(value == first for value in values) else own
    return merged


def explained_variable(net: Network, at: str | None) -> str:
    """Return the variable that `at` (a layer or variable) stands for, or that of the scores for None.

    Raises ValueError for an unknown name, for several outputs, and for what an image alone does not suffice for.
    """
    require_network(net)
    if at is not None:
        return layer_variable(net, at)
    require_one_image(net, net.scores)
    return net.scores


def layer_variable(net: Network, at: str) -> str:
    """Return the variable that `at` (a layer or variable) stands for.

    Raises ValueError unless a layer writes it, and an image alone suffices to compute it.
    """
    require_network(net)
    variable = net.variable(at)
    if variable in net.inputs:
        raise ValueError(f"{at!r} is the network's input: name a layer, or a variable that a layer writes")
    require_one_image(net, variable)
    return variable


def at_position(values: Array, position: tuple[int, int] | None) -> Array:
    """Return N x H x W x C values at one position, N x 1 x 1 x C, or as they are for None."""
    if position is None:
        return values
    y, x = position
    return values[:, y : y + 1, x : x + 1]
