"""Checks of what people name as explained: channels, the channels they are set against, and a position."""

from collections.abc import Sequence
from operator import index
from typing import Any, TypeAlias

Channel: TypeAlias = int | Sequence[int] | str | None
"""One channel, several (a map of each), "all" (every channel at once), or None (the strongest of each image)."""

Against: TypeAlias = int | Sequence[int] | None
"""A channel for every unit, or one for each of them."""


def checked_channels(given: Any, count: int, variable: str) -> tuple[int, ...]:
    """Return a channel, or several, as a tuple; ValueError unless all are whole numbers from 0, below `count`."""
    several = hasattr(given, "__iter__") and not isinstance(given, str) and getattr(given, "ndim", 1) > 0
    channels = tuple(_channel(one, count, variable) for one in (given if several else (given,)))
    if not channels:
        raise ValueError(f"channel is {given!r}, expected at least one of 0 ... {count - 1}")
    return channels


def checked_against(
    given: Against, units: list[tuple[int | None, ...]], count: int, variable: str
) -> tuple[tuple[int, ...], ...]:
    """Return for each image the channel that each of its units is set against: all empty where none is given."""
    if given is None:
        return ((),) * len(units)
    channels = checked_channels(given, count, variable)
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


def checked_position(given: Any, shape: tuple[int, ...], variable: str) -> tuple[int, int] | None:
    """Return the position (y, x) in a map of `shape` N x H x W x C; ValueError unless it lies inside; None: None."""
    if given is None:
        return None
    try:
        y, x = (index(one) for one in given)
    except (TypeError, ValueError):
        raise ValueError(f"position is {given!r}, expected two whole numbers (y, x)") from None
    if not (0 <= y < shape[1] and 0 <= x < shape[2]):
        raise ValueError(f"position {(y, x)} of {variable!r}: expected (0, 0) ... {(shape[1] - 1, shape[2] - 1)}")
    return y, x


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
