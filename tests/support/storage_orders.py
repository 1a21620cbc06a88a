"""The same values stored in other ways: memory orders, strides, byte orders, flags, subclasses."""

from collections.abc import Callable

import numpy as np

Array = np.ndarray


class Subclass(np.ndarray):
    """An array of a type of its own that computes as its base does."""


def fortran(values: Array) -> Array:
    return np.asfortranarray(values)


def channels_first(values: Array) -> Array:
    """As a view of N x C x H x W, which transposing from another library gives."""
    if values.ndim != 4:
        return np.asfortranarray(values)
    return np.ascontiguousarray(values.transpose(0, 3, 1, 2)).transpose(0, 2, 3, 1)


def negative_strides(values: Array) -> Array:
    back = (slice(None, None, -1),) * values.ndim
    return np.ascontiguousarray(values[back])[back]


def every_second(values: Array) -> Array:
    wide = np.full([2 * n for n in values.shape], np.nan if values.dtype.kind == "f" else 99, values.dtype)
    view = wide[(slice(None, None, 2),) * values.ndim]
    view[...] = values
    return view


def broadcast(values: Array) -> Array:
    """The first row for all, without a copy: strides of 0."""
    return np.broadcast_to(values[:1], values.shape)


def read_only(values: Array) -> Array:
    values = values.copy()
    values.flags.writeable = False
    return values


def unaligned(values: Array) -> Array:
    room = np.empty(values.nbytes + 1, "uint8")
    view = room[1:].view(values.dtype).reshape(values.shape)
    view[...] = values
    return view


def big_endian(values: Array) -> Array:
    return values.astype(values.dtype.newbyteorder(">"))


def subclass(values: Array) -> Array:
    return values.copy().view(Subclass)


ORDERS: dict[str, Callable[[Array], Array]] = {
    "fortran": fortran,
    "channels first": channels_first,
    "negative strides": negative_strides,
    "every second": every_second,
    "broadcast": broadcast,
    "read-only": read_only,
    "unaligned": unaligned,
    "big-endian": big_endian,
    "subclass": subclass,
}
"""Name -> the function that stores values so; all but `broadcast` keep the values."""
