"""Layers that move values: their cases, and what another order gives."""

from collections.abc import Callable

import numpy as np

from refvis.layers import Array, Flatten, NoiseLevel, Permute, Resize, Select, SubPixel
from refvis.layers import forward as run
from refvis.verify.case import Case, filled
from refvis.verify.choosing import Chooser
from refvis.verify.kind import BOTH, Answer, Kind, changed, forward_is
from refvis.verify.kinds.changes import with_fields

EXACT = frozenset(BOTH)


def draw_sub_pixel(choose: Chooser, simple: bool) -> Case:
    """Return a rearrangement of channels into blocks, not simple: or of blocks into channels, and an input."""
    factor, inverse = choose.integer(1, 3), False if simple else choose.choice((False, True))
    n, h, w, c = (choose.integer(1, 2) for _ in range(4))
    shape = (n, h * factor, w * factor, c) if inverse else (n, h, w, c * factor * factor)
    return Case(SubPixel(factor, inverse), (filled(choose, shape),))


def rows_first(layer: SubPixel, x: Array) -> Array:
    """Return the order of PyTorch: within a block, channels go along rows first."""
    swapped = run(layer, np.ascontiguousarray(x.swapaxes(1, 2)))
    return swapped.swapaxes(1, 2)


def blocks_outside(layer: SubPixel, x: Array) -> Array:
    """Return the order of TensorFlow: the place in the block is the slow part of the channel's number."""
    s = layer.factor
    if layer.inverse:
        y = run(layer, x)
        return y.reshape(*y.shape[:3], -1, s, s).transpose(0, 1, 2, 5, 4, 3).reshape(y.shape)
    n, h, w, c = x.shape
    again = x.reshape(n, h, w, s, s, c // (s * s)).transpose(0, 1, 2, 5, 4, 3).reshape(x.shape)
    return run(layer, np.ascontiguousarray(again))


SUB_PIXEL_ANSWERS: tuple[Answer, ...] = (
    forward_is(
        "rows_first",
        "within a block it fills rows first",
        rows_first,
        result="acceptable",
        flag="CONVENTION",
        seen=("PixelShuffle of PyTorch",),
    ),
    forward_is(
        "depth_to_space",
        "the place in the block is the slow part of the channel",
        blocks_outside,
        result="acceptable",
        flag="CONVENTION",
        seen=("TensorFlow's depth_to_space",),
    ),
)


def drawn_permute(choose: Chooser, simple: bool) -> Case:
    """Return a permutation of two axes, not simple: of any, and an input."""
    orders = ((2, 1, 3), (1, 3, 2)) if simple else ((2, 3, 1), (3, 1, 2), (3, 2, 1), (2, 1, 3))
    return Case(Permute(choose.choice(orders)), (filled(choose, tuple(choose.integer(1, 4) for _ in range(4))),))


def undone(layer: Permute) -> tuple[int, ...]:
    """Return the order that undoes a layer's."""
    return tuple(1 + layer.order.index(axis) for axis in (1, 2, 3))


PERMUTE_ANSWERS: tuple[Answer, ...] = (
    changed(
        "inverse_order",
        "it reads the order the other way",
        with_fields(order=undone),
        BOTH,
        flag="CONVENTION",
    ),
    changed("reversed", "it reverses all axes of an image", with_fields(order=(3, 2, 1)), BOTH, flag="LAYOUT"),
)


def draw_flatten(choose: Chooser, simple: bool) -> Case:
    """Return a flattening along the channels, not simple: along any axis, and an input."""
    axis = 3 if simple else choose.choice((1, 2, 3))
    return Case(Flatten(axis), (filled(choose, tuple(choose.integer(1, 4) for _ in range(4))),))


def reshaped(order: tuple[int, ...]) -> Callable[[Flatten, Array], Array]:
    """Return the flattening of axes in another order."""
    return lambda layer, x: np.ascontiguousarray(x.transpose(0, *order)).reshape(run(layer, x).shape)


FLATTEN_ANSWERS: tuple[Answer, ...] = (
    forward_is(
        "row_major",
        "channels go fastest, then columns, then rows",
        reshaped((1, 2, 3)),
        flag="LAYOUT",
        seen=("numpy's reshape of N x H x W x C",),
    ),
    forward_is(
        "channels_first",
        "columns go fastest, then rows, then channels",
        reshaped((3, 1, 2)),
        flag="LAYOUT",
        seen=("PyTorch", "Caffe", "ONNX"),
    ),
)


def draw_select(choose: Chooser, simple: bool) -> Case:
    """Return a choice of channels, not simple: with repeated ones, and an input."""
    x = filled(choose, (*(choose.integer(1, 3) for _ in range(3)), choose.integer(2, 4)))
    count = x.shape[3]
    numbers = tuple(choose.integer(0, count - 1) for _ in range(1 if simple else choose.integer(2, 4)))
    return Case(Select(numbers), (x,))


def from_one(layer: Select) -> tuple[int, ...]:
    """Return the channels' numbers, counted from 1."""
    return tuple(max(0, number - 1) for number in layer.channels)


SELECT_ANSWERS: tuple[Answer, ...] = (
    changed("counted_from_one", "it counts channels from 1", with_fields(channels=from_one), BOTH),
    changed("sorted", "it sorts the channels", with_fields(channels=lambda layer: tuple(sorted(layer.channels))), BOTH),
)


def draw_noise(choose: Chooser, simple: bool) -> Case:
    """Return one added channel, not simple: perhaps two, and an input."""
    sigma = (0.5,) if simple else choose.choice(((0.25,), (0.5, 2.0)))
    return Case(NoiseLevel(sigma), (filled(choose, tuple(choose.integer(1, 3) for _ in range(4))),))


NOISE_ANSWERS: tuple[Answer, ...] = (
    changed("default_level", "it takes 25/255 for the level", with_fields(sigma=25 / 255), ("forward",)),
    forward_is(
        "level_in_front",
        "it puts the constant channels in front",
        lambda layer, x: np.roll(run(layer, x), len(layer.sigma), axis=3),
        flag="LAYOUT",
    ),
)


def draw_resize(choose: Chooser, simple: bool) -> Case:
    """Return a doubling, not simple: to any size and by any method, and an input."""
    x = filled(choose, tuple(choose.integer(1, 3) for _ in range(4)))
    method = choose.choice(("nearest", "bilinear"))
    if simple:
        return Case(Resize((2, 2), method=method), (x,))
    size = choose.integer(1, 5), choose.integer(1, 5)
    return Case(Resize(None, size, method, choose.choice(("half_pixel", "align_corners", "asymmetric"))), (x,))


def other_method(layer: Resize) -> str:
    """Return the other of the two methods."""
    return "bilinear" if layer.method == "nearest" else "nearest"


RESIZE_ANSWERS: tuple[Answer, ...] = (
    *(
        changed(
            name,
            f"its coordinates are {name!r}",
            with_fields(coordinates=name),
            BOTH,
            result="acceptable",
            flag="CONVENTION",
        )
        for name in ("half_pixel", "align_corners", "asymmetric")
    ),
    changed("other_method", "it takes the other method", with_fields(method=other_method), BOTH),
)

SUB_PIXEL = Kind("sub_pixel", draw_sub_pixel, answers=SUB_PIXEL_ANSWERS, exact=EXACT, page="operators/sub_pixel.html")
PERMUTE = Kind("permute", drawn_permute, answers=PERMUTE_ANSWERS, exact=EXACT, page="operators/permute.html")
FLATTEN = Kind("flatten", draw_flatten, answers=FLATTEN_ANSWERS, exact=EXACT, page="operators/flatten.html")
SELECT = Kind("select", draw_select, lambda case: 4, SELECT_ANSWERS, exact=EXACT, page="operators/select.html")
NOISE_LEVEL = Kind("noise_level", draw_noise, answers=NOISE_ANSWERS, exact=EXACT, page="operators/noise_level.html")
RESIZE = Kind(
    "resize", draw_resize, lambda case: int(case.inputs[0].size), RESIZE_ANSWERS, page="operators/resize.html"
)
