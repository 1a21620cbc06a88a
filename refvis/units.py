"""Selection of what is explained: channels, the channels whose maps are subtracted, and a position, with checks."""

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from operator import index
from typing import Any, TypeAlias

Channel: TypeAlias = int | str | Sequence[int | str] | None
"""One channel, by number or by the name of its class; a sequence of them (a map of each); "all" (the sum of all
channels); or None (the strongest of each image)."""

Against: TypeAlias = int | str | Sequence[int | str] | None
"""The channel that is subtracted: one for all explained channels, or one for each of them; or None."""


@dataclass(frozen=True)
class Selection:
    """The arguments that select what is explained, unchecked; `refvis.targets.target` finds it in a network.

    Fields:

        at        a layer or variable by name; None: the scores, before softmax and losses
        channel   one channel, by number or as the name of a class, or a sequence of them; "all": the whole layer at
                  once; None: the strongest of each image
        position  one position (y, x) of the channel's map; None: the whole map
        against   a channel whose map is subtracted, or one for each channel; None: nothing is subtracted
        output    for methods that change the input: whether they watch the "score" or its "probability"; None: the
                  probability of the scores, the score of any other layer
    """

    at: str | None = None
    channel: Channel = None
    position: tuple[int, int] | None = None
    against: Against = None
    output: str | None = None


def is_sequence(given: Any) -> bool:
    """Whether channels are given as a sequence, even of a single one."""
    return hasattr(given, "__iter__") and not isinstance(given, str) and getattr(given, "ndim", 1) > 0


def check_channels(given: Any, count: int, variable: str, labels: Sequence[str] = ()) -> tuple[int, ...]:
    """Return a channel, or several, as a tuple of numbers; `labels` are the names by which channels may be given.

    Raises ValueError, which names the `variable`, unless all are whole numbers from 0 to below `count`, or labels.
    """
    each = given if is_sequence(given) else (given,)
    numbers = (channel_number(one, labels) if isinstance(one, str) else one for one in each)
    channels = tuple(_channel(one, count, variable) for one in numbers)
    if not channels:
        raise ValueError(f"channel is {given!r}, expected at least one of 0 ... {count - 1}")
    return channels


def check_against(
    given: Against, units: list[tuple[int | None, ...]], count: int, variable: str, labels: Sequence[str] = ()
) -> tuple[tuple[int, ...], ...]:
    """Return for each image the channel that is subtracted from each of its units; empty tuples if none is given.

    Raises ValueError for "all" channels, for another number of channels than units, and for a channel against itself.
    """
    if given is None:
        return ((),) * len(units)
    channels = check_channels(given, count, variable, labels)
    if None in units[0]:
        raise ValueError("channel is 'all' and against is given: there is no channel left to compare with")
    if len(channels) not in (1, len(units[0])):
        raise ValueError(f"against has {len(channels)} channels, expected 1 or {len(units[0])}, one for each channel")
    channels = channels * (len(units[0]) // len(channels))
    for image, chosen in enumerate(units):
        for unit, other in zip(chosen, channels, strict=True):
            if unit == other:
                raise ValueError(f"channel {unit} is set against itself in image {image}: the difference is always 0")
    return (channels,) * len(units)


def check_position(given: Any, shape: tuple[int, ...], variable: str) -> tuple[int, int] | None:
    """Return the position (y, x), or None; ValueError unless it lies inside maps of `shape` N x H x W x C."""
    if given is None:
        return None
    try:
        y, x = (index(one) for one in given)
    except (TypeError, ValueError):
        raise ValueError(f"position is {given!r}, expected two whole numbers (y, x)") from None
    if not (0 <= y < shape[1] and 0 <= x < shape[2]):
        raise ValueError(f"position {(y, x)} of {variable!r}: expected (0, 0) ... {(shape[1] - 1, shape[2] - 1)}")
    return y, x


def channel_number(name: str, labels: Sequence[str]) -> int:
    """Return the number of the channel of that name; ValueError unless exactly one of the `labels` is that name."""
    found = [number for number, label in enumerate(labels) if label == name]
    if len(found) == 1:
        return found[0]
    if found:
        raise ValueError(
            f"{len(found)} classes are called {name!r}: give the channel's number, {' or '.join(map(str, found))}"
        )
    if not labels:
        raise ValueError(f"there is no named channel {name!r}, expected a whole number, counted from 0")
    near = get_close_matches(name, labels, 3)
    hint = f"did you mean {' or '.join(map(repr, near))}?" if near else "give the channel's number, counted from 0"
    raise ValueError(f"there is no class {name!r}: {hint}")


def _channel(given: Any, count: int, variable: str) -> int:
    try:
        channel = index(given)
    except TypeError:
        channel = None
    if channel is None or isinstance(given, bool):
        raise ValueError(f"channel is {given!r}, expected a whole number: net.labels.index(name) finds a class's")
    if not 0 <= channel < count:
        raise ValueError(f"channel {channel} of {variable!r}: expected 0 ... {count - 1}")
    return channel
