"""Seeds that are given as arrays: which rows they have, and what a record says of them."""

from typing import Any

from refvis.layers import Array, ShapeError, array_module
from refvis.layers.base.arrays import moved
from refvis.targets import Target
from refvis.units import Channel, several

MOST = 8
"""Channels that a record lists."""


def with_rows_of(seed: Any, goal: Target, images: int, channel: Channel) -> Target:
    """Return the target with a row for each of a given seed's.

    Raises ValueError where position, against, or one channel for all rows are given, too; ShapeError where the rows are
    not as many as the images, or a multiple, or the channels that are named in a sequence.
    """
    array_module(seed)
    if goal.position is not None or goal.against:
        raise ValueError("the seed is an array, which says by itself where it starts: leave position and against out")
    if channel is not None and not several(channel):
        raise ValueError(
            f"the seed is an array, which says by itself where it starts, and channel is {channel!r}: leave channel "
            "out, or name one for each row in a sequence"
        )
    rows = len(goal.channels)
    units = 1 if several(channel) else max(1, len(seed) // images)
    if len(seed) != rows * units:
        raise ShapeError(f"the seed has {len(seed)} rows, expected {rows}: one for each channel of each image")
    return goal.repeated(units)


def seeded(seed: Array, goal: Target, images: int, channel: Channel) -> dict[str, Any]:
    """Return what a record says of a given seed: the channels that are not zero, and those named for its rows."""
    some = moved((seed != 0).any(axis=(0, 1, 2)), "numpy")
    (used,) = some.nonzero()
    found = f"{len(used)} of {len(some)}" if len(used) > MOST else ", ".join(map(str, used)) or "none"
    choices = goal.choices(images)
    if several(channel):
        return {**choices, "seed": "given, a row for each channel", "seed_channels": found}
    return {"at": choices["at"], "seed": "given", "seed_channels": found}
